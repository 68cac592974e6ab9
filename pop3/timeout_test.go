package pop3_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// TestTimeouts lets the server fall silent at each step and wants the documented patience, to the second.
func TestTimeouts(t *testing.T) {
	listing := fault.Send("+OK\r\n1 a\r\n2 b\r\n")
	slow := func(text string, pause time.Duration) fault.Step {
		return func(p *fault.Peer) error {
			for i := range len(text) {
				time.Sleep(pause)
				if fault.Send(text[i:i+1])(p) != nil {
					return nil
				}
			}
			return nil
		}
	}
	noop := func(ctx context.Context, c *pop3.Client) error { return c.Noop(ctx) }
	list := func(ctx context.Context, c *pop3.Client) error { _, err := c.List(ctx); return err }
	stat := func(ctx context.Context, c *pop3.Client) error { _, _, err := c.Stat(ctx); return err }
	retr := func(ctx context.Context, c *pop3.Client) error {
		return c.Retrieve(ctx, numbers(1, 2), func(r pop3.Response) error {
			_, err := io.Copy(io.Discard, r.Body)
			return err
		})
	}
	quit := func(ctx context.Context, c *pop3.Client) error { return c.Quit(ctx) }
	body := fault.Script{fault.Expect("RETR 1"), fault.Expect("RETR 2"), fault.Send("+OK\r\nsome\r\n")}
	for _, tt := range []struct {
		name  string
		steps fault.Script // after login
		call  func(context.Context, *pop3.Client) error
		after time.Duration
	}{
		{"NOOP", fault.Script{}, noop, 60 * time.Second},
		{"NOOP in drops", fault.Script{fault.Expect("NOOP"), slow("+OK it takes a while", 7*time.Second)}, noop, 60 * time.Second},
		{"UIDL", fault.Script{}, list, 180 * time.Second},
		{"STAT", fault.Script{}, stat, 180 * time.Second},
		{"in UIDL", fault.Script{fault.Expect("UIDL"), listing}, list, 60 * time.Second},
		{"RETR", fault.Script{}, retr, 60 * time.Second},
		{"in RETR", body, retr, 60 * time.Second},
		{"RETR in drops", append(body[:3:3], slow("0123456789012345678901234567890123456789", 50*time.Second)), retr, 300 * time.Second},
		{"QUIT", fault.Script{}, quit, 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, done := loggedIn(t, append(tt.steps, fault.Stalled())...)
				defer done()
				start := time.Now()
				err := tt.call(t.Context(), c)
				var conn *pop3.ConnError
				if !errors.As(err, &conn) || !conn.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("got %v", err)
				}
				if got := time.Since(start); got != tt.after {
					t.Errorf("waited %v, want %v", got, tt.after)
				}
			})
		})
	}
}

// TestGreetingTimeout: 60 s and not a moment more.
func TestGreetingTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, wait := fault.Script{fault.Stalled()}.Start()
		start := time.Now()
		_, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
		if got := time.Since(start); got != time.Minute || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(got, err)
		}
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

// TestConnectTimeouts: connection and handshake.
func TestConnectTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if network != "tcp" || addr != "h:995" {
				t.Error(network, addr)
			}
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		if got := time.Since(start); got != 30*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(got, err)
		}
		dial, wait := fault.Script{fault.Stalled()}.Start()
		start = time.Now()
		_, err = pop3.Dial(t.Context(), pop3.Options{Host: "h", Dial: dial})
		if got := time.Since(start); got != 30*time.Second || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(got, err)
		}
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

// TestSlowIsNotStalled: a slow but honest server, and a slow handle, have all the time they need; deadlines of
// earlier commands do not come back.
func TestSlowIsNotStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chunk := fmt.Sprintf("%01022d\r\n", 0)
		steps := []fault.Step{fault.Chat("NOOP", "+OK\r\n"), fault.Expect("RETR 1"), fault.Expect("RETR 2"), fault.Send("+OK\r\n")}
		for range 40 {
			steps = append(steps, fault.Wait(58*time.Second), fault.Send(chunk))
		}
		steps = append(steps, fault.Send(".\r\n+OK\r\n"+chunk+".\r\n"), fault.Expect("RETR 3"), fault.Wait(59*time.Second), fault.Send("-ERR\r\n"))
		dial, wait := append(fault.Script{hello()}, steps...).Start()
		c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial, Window: pop3.Window{Commands: 2}})
		if err == nil {
			err = c.Login(t.Context(), pop3.Login{Username: "me", Password: secret("pass word")})
		}
		if err == nil {
			err = c.Noop(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		err = c.Retrieve(t.Context(), numbers(1, 2, 3), func(r pop3.Response) error {
			n++
			if r.Err != nil {
				return nil
			}
			time.Sleep(time.Hour)
			_, err := io.Copy(io.Discard, r.Body)
			time.Sleep(time.Hour)
			return err
		})
		if err != nil || n != 3 {
			t.Error(n, err)
		}
		c.Close()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

// loggedIn logs in to a script from within a bubble; done ends both.
func loggedIn(t *testing.T, steps ...fault.Step) (c *pop3.Client, done func()) {
	dial, wait := append(fault.Script{hello()}, steps...).Start()
	c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
	if err == nil {
		err = c.Login(t.Context(), pop3.Login{Username: "me", Password: secret("pass word")})
	}
	if err != nil {
		t.Fatal(err)
	}
	return c, func() {
		c.Close()
		if err := wait(); err != nil {
			t.Error(err)
		}
	}
}

// TestStopInTime: a server that has fallen silent holds up giving up for 5 s at most, and not at all when too much is
// outstanding anyway.
func TestStopInTime(t *testing.T) {
	for _, tt := range []struct {
		size  int64
		reply string
		want  time.Duration
	}{
		{100, "-ERR\r\n", 5 * time.Second},
		{100, "+OK\r\nin the midst", 5 * time.Second},
		{2 << 20, "-ERR\r\n", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, done := loggedIn(t, fault.Expect("RETR 1"), fault.Expect("RETR 2"), fault.Send(tt.reply), fault.Stalled())
			defer done()
			two := func(yield func(pop3.Item) bool) {
				_ = yield(pop3.Item{Num: 1, Size: tt.size}) && yield(pop3.Item{Num: 2, Size: tt.size})
			}
			stop, start := errors.New("stop"), time.Now()
			err := c.Retrieve(t.Context(), two, func(pop3.Response) error { return stop })
			if got := time.Since(start); err != stop || got != tt.want {
				t.Errorf("%+v: %v after %v", tt, err, got)
			}
			broken(t, c)
		})
	}
}

// TestContextBetweenReads: a context that ends while nobody reads is not forgotten by the next read.
func TestContextBetweenReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, done := loggedIn(t, fault.Expect("RETR 1"), fault.Send("+OK\r\nx"), fault.Stalled())
		defer done()
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		err := c.Retrieve(ctx, numbers(1), func(r pop3.Response) error {
			cancel()
			synctest.Wait()
			_, err := io.Copy(io.Discard, r.Body)
			return err
		})
		if got := time.Since(start); got != 0 || !errors.Is(err, context.Canceled) {
			t.Error(got, err)
		}
	})
}

// TestSlowHandshake: what was left of the patience for STLS's reply does not count for the handshake.
func TestSlowHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, err := pop3test.NewCA()
		if err != nil {
			t.Fatal(err)
		}
		conf, err := ca.Server("h")
		if err != nil {
			t.Fatal(err)
		}
		conf.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			time.Sleep(20 * time.Second)
			return nil, nil
		}
		s := pop3test.NewServer(pop3test.Options{TLS: conf})
		defer s.Close()
		c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.StartTLS, TLSConfig: &tls.Config{RootCAs: ca.Pool()},
			Dial: s.Dial, Timeouts: pop3.Timeouts{Reply: 5 * time.Second}})
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
}

// TestDeadlineOfContext ends a body that trickles on.
func TestDeadlineOfContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, done := loggedIn(t, fault.Expect("RETR 1"), fault.Send("+OK\r\nx"), fault.Stalled())
		defer done()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		err := c.Retrieve(ctx, numbers(1), func(r pop3.Response) error {
			_, err := io.Copy(io.Discard, r.Body)
			return err
		})
		if got := time.Since(start); got != 5*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(got, err)
		}
	})
}
