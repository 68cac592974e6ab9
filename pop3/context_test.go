package pop3_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
)

// TestContext: a context that ends in the midst of anything ends the call and the client; one that has ended before
// costs nothing.
func TestContext(t *testing.T) {
	s := newServer(t, pop3test.Options{}, mail(3)...)
	c := login(t, pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: s.Dial})
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Noop(over); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := c.Noop(t.Context()); err != nil {
		t.Error(err)
	}
	s.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb == "RETR" && arg == "2" {
				return &pop3test.Reply{} // says nothing
			}
			return nil
		}
	})
	c = login(t, pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: s.Dial})
	why := errors.New("shutting down")
	ctx, end := context.WithCancelCause(t.Context())
	got := 0
	err := c.Retrieve(ctx, numbers(1, 2), func(r pop3.Response) error {
		_, err := io.Copy(io.Discard, r.Body)
		got++
		end(why)
		return err
	})
	if !errors.Is(err, why) || got != 1 {
		t.Error(got, err)
	}
	broken(t, c)
}

// TestContextAtTheEnd: a context that ends when all is done does not undo it, but no deadline can be set any more.
func TestContextAtTheEnd(t *testing.T) {
	s := newServer(t, pop3test.Options{}, mail(1)...)
	c := login(t, pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: s.Dial})
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Retrieve(ctx, numbers(1), func(r pop3.Response) error {
		_, err := io.Copy(io.Discard, r.Body)
		cancel()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	broken(t, c)
}
