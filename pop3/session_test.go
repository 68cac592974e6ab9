package pop3_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"iter"
	"net"
	"testing"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
)

func secret(s string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return s, nil }
}

// newServer makes a server with one user, me, and n messages.
func newServer(t testing.TB, o pop3test.Options, messages ...pop3test.Message) *pop3test.Server {
	t.Helper()
	s := pop3test.NewServer(o)
	t.Cleanup(s.Close)
	s.AddUser("me", "pass word", messages...)
	return s
}

func login(t testing.TB, o pop3.Options) *pop3.Client {
	t.Helper()
	c, err := pop3.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Login(t.Context(), pop3.Login{Username: "me", Password: secret("pass word")}); err != nil {
		t.Fatal(err)
	}
	return c
}

func items(l *pop3.Listing) iter.Seq[pop3.Item] {
	return func(yield func(pop3.Item) bool) {
		for e := range l.All() {
			if !yield(pop3.Item{Num: e.Num, Size: e.Size}) {
				return
			}
		}
	}
}

func mail(n int) []pop3test.Message {
	all := make([]pop3test.Message, n)
	for i := range all {
		all[i] = pop3test.Message{UID: fmt.Sprintf("u%d", i), Data: fmt.Appendf(nil, "Subject: %d\r\n\r\n.dot\r\n..\r\nbare\n.\nlf %d", i, i)}
	}
	return all
}

// TestSession walks through a whole session, over every kind of connection.
func TestSession(t *testing.T) {
	ca, err := pop3test.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := ca.Server("pop.example.org", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	client := &tls.Config{RootCAs: ca.Pool()}
	for _, tt := range []struct {
		name string
		mode pop3.TLSMode
		tcp  bool
		no   bool // no pipelining
		auth string
	}{
		{"pipe", pop3.NoTLS, false, false, "user"},
		{"pipe one at a time", pop3.NoTLS, false, true, ""},
		{"pipe implicit TLS", pop3.ImplicitTLS, false, false, ""},
		{"pipe STLS", pop3.StartTLS, false, false, ""},
		{"TCP", pop3.NoTLS, true, false, "plain"},
		{"TCP implicit TLS", pop3.ImplicitTLS, true, false, ""},
		{"TCP STLS", pop3.StartTLS, true, true, "auto"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const n = 3000
			msgs := mail(n)
			s := newServer(t, pop3test.Options{TLS: conf, TLSOnly: tt.mode != pop3.NoTLS}, msgs...)
			o := pop3.Options{Host: "pop.example.org", TLS: tt.mode, TLSConfig: client, NoPipelining: tt.no, Dial: s.Dial}
			if tt.mode == pop3.ImplicitTLS {
				o.Dial = s.DialTLS
			}
			if tt.tcp {
				listen := s.Listen
				if tt.mode == pop3.ImplicitTLS {
					listen = s.ListenTLS
				}
				addr, err := listen()
				if err != nil {
					t.Fatal(err)
				}
				o.Host, o.Port, o.Dial = "127.0.0.1", addr.Port, nil
			}
			c := login(t, o)
			if state, ok := c.ConnectionState(); ok != (tt.mode != pop3.NoTLS) || ok && state.NegotiatedProtocol != "pop3" {
				t.Errorf("TLS %v, ALPN %q", ok, state.NegotiatedProtocol)
			}
			if count, _, err := c.Stat(t.Context()); err != nil || count != n {
				t.Fatal(count, err)
			}
			l, err := c.List(t.Context())
			if err != nil || l.Len() != n || !l.Complete {
				t.Fatal(l, err)
			}
			i := 0
			err = c.Retrieve(t.Context(), items(l), func(r pop3.Response) error {
				b, err := io.ReadAll(r.Body)
				if want := append(msgs[i].Data, "\r\n"...); !bytes.Equal(b, want) || err != nil || l.At(i).UID != msgs[i].UID {
					t.Fatalf("message %d: %q, want %q; %v", i, b, want, err)
				}
				i++
				return nil
			})
			if err != nil || i != n {
				t.Fatal(i, err)
			}
			if c.Pipelined() == tt.no {
				t.Error("pipelined:", c.Pipelined())
			}
			i = 0
			err = c.Top(t.Context(), 0, items(l), func(r pop3.Response) error {
				b, err := io.ReadAll(r.Body)
				if want := fmt.Sprintf("Subject: %d\r\n\r\n", i); string(b) != want || err != nil {
					t.Fatalf("TOP %d: %q, want %q; %v", i, b, want, err)
				}
				i++
				return nil
			})
			if err != nil || i != n {
				t.Fatal(i, err)
			}
			if err := c.Noop(t.Context()); err != nil {
				t.Fatal(err)
			}
			err = c.Delete(t.Context(), items(l), func(r pop3.Response) error { return r.Err })
			if err != nil {
				t.Fatal(err)
			}
			if left := len(s.Messages("me")); left != n {
				t.Error("deleted before QUIT:", n-left)
			}
			if err := c.Quit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if left := len(s.Messages("me")); left != 0 {
				t.Error("left after QUIT:", left)
			}
		})
	}
}

type dialFunc = func(context.Context, string, string) (net.Conn, error)

func dialer(conn net.Conn) dialFunc {
	return func(context.Context, string, string) (net.Conn, error) { return conn, nil }
}
