package pop3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// hello is the start of a session with a server that pipelines, up to and with the login.
func hello() fault.Step {
	return func(p *fault.Peer) error {
		if err := fault.Send("+OK ready\r\n")(p); err != nil {
			return err
		}
		return fault.Chat(
			"CAPA", "+OK\r\nPIPELINING\r\nTOP\r\n.\r\n",
			"USER me", "+OK\r\n",
			"PASS pass word", "+OK\r\n",
			"CAPA", "+OK\r\nPIPELINING\r\nTOP\r\n.\r\n",
		)(p)
	}
}

// scripted logs in to a server that plays the steps after hello. The script's verdict is looked at when the test ends.
func scripted(t *testing.T, o pop3.Options, steps ...fault.Step) *pop3.Client {
	t.Helper()
	o.Dial = start(t, append(fault.Script{hello()}, steps...))
	o.Host, o.TLS = "pop.example.org", pop3.NoTLS
	return login(t, o)
}

func start(t *testing.T, s fault.Script) dialFunc {
	t.Helper()
	dial, wait := s.Start()
	t.Cleanup(func() {
		if conn, err := dial(context.Background(), "", ""); err == nil {
			conn.Close() // never used: the script must not wait for ever
		}
		if err := wait(); err != nil {
			t.Error("script:", err)
		}
	})
	return dial
}

func numbers(nums ...int) func(yield func(pop3.Item) bool) {
	return func(yield func(pop3.Item) bool) {
		for _, n := range nums {
			if !yield(pop3.Item{Num: n, Size: 100}) {
				return
			}
		}
	}
}

// read retrieves messages and returns what came of each, in order.
func read(t *testing.T, c *pop3.Client, nums ...int) (got []string, err error) {
	t.Helper()
	err = c.Retrieve(t.Context(), numbers(nums...), func(r pop3.Response) error {
		if r.Err != nil {
			got = append(got, r.Err.Error())
			return nil
		}
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		got = append(got, string(b))
		return nil
	})
	return got, err
}

func broken(t *testing.T, c *pop3.Client) {
	t.Helper()
	var be *pop3.BrokenError
	for name, call := range map[string]func() error{
		"NOOP": func() error { return c.Noop(t.Context()) },
		"List": func() error { _, err := c.List(t.Context()); return err },
		"RETR": func() error { _, err := read(t, c, 1); return err },
		"Quit": func() error { return c.Quit(t.Context()) },
	} {
		if err := call(); !errors.As(err, &be) {
			t.Errorf("%s on a broken client: %v", name, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// wrong wants a *ProtocolError that names the message and speaks of it.
func wrong(t *testing.T, err error, num int, words string) {
	t.Helper()
	var pe *pop3.ProtocolError
	if !errors.As(err, &pe) || pe.Num != num || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want a protocol error of message %d with %q", err, num, words)
	}
}

// TestLoneDotAfterBareLF: whoever writes a mail with bare LFs must not be able to end it early and answer for the
// server.
func TestLoneDotAfterBareLF(t *testing.T) {
	evil := "Subject: x\n\nbody\n.\n-ERR forged\n.\r\n+OK\n\r\n.\n\r\r\n"
	c := scripted(t, pop3.Options{}, fault.Expect("RETR 1"), fault.Expect("RETR 2"),
		fault.Send("+OK\r\n"+strings.Replace(evil, "\r\n.\n", "\r\n..\n", 1)+".\r\n"), fault.Send("+OK\r\nsecond\r\n.\r\n"))
	got, err := read(t, c, 1, 2)
	if err != nil || len(got) != 2 || got[0] != evil || got[1] != "second\r\n" {
		t.Fatalf("%q, %v", got, err)
	}
}

// TestMalformedReplies goes through what servers must not send.
func TestMalformedReplies(t *testing.T) {
	for _, tt := range []struct{ name, reply, words string }{
		{"neither", "*OK\r\n", "neither"},
		{"empty line", "\r\n", "neither"},
		{"bare LF", "+OK\n", "bare LF"},
		{"bare LF alone", "\n", "bare LF"},
		{"no space", "+OKmessage\r\n", "neither"},
		{"binary", "\x00\x1b[2J\r\n", `\x00\x1b[2J`},
		{"unsolicited after -ERR", "-ERR no\r\n+OK more\r\n", "more than was asked"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := scripted(t, pop3.Options{}, fault.Expect("RETR 7"), fault.Send(tt.reply))
			_, err := read(t, c, 7)
			wrong(t, err, 7, tt.words)
			broken(t, c)
		})
	}
}

// TestUnstuffedDot: a server that forgets dot-stuffing must not have its mail cut at the first lone dot.
func TestUnstuffedDot(t *testing.T) {
	for _, nums := range [][]int{{1}, {1, 2}} {
		steps := []fault.Step{fault.Expect("RETR 1")}
		if len(nums) == 2 {
			steps = append(steps, fault.Expect("RETR 2"))
		}
		c := scripted(t, pop3.Options{}, append(steps, fault.Send("+OK\r\nfirst\r\n.\r\nthe rest\r\n.\r\n"))...)
		got, err := read(t, c, nums...)
		wrong(t, err, 1, "not dot-stuffed")
		if len(got) > 0 {
			t.Errorf("delivered a part: %q", got)
		}
		broken(t, c)
	}
}

func TestEndlessLines(t *testing.T) {
	t.Run("status", func(t *testing.T) {
		c := scripted(t, pop3.Options{}, fault.Expect("RETR 1"), fault.Repeat("+OK for ever "))
		_, err := read(t, c, 1)
		var le *pop3.LimitError
		if !errors.As(err, &le) || le.Max != 8<<10 || le.Num != 1 {
			t.Error(err)
		}
		broken(t, c)
	})
	t.Run("listing line", func(t *testing.T) {
		c := scripted(t, pop3.Options{}, fault.Expect("UIDL"), fault.Expect("LIST"), fault.Send("+OK\r\n1 "), fault.Repeat("u"))
		_, err := c.List(t.Context())
		var le *pop3.LimitError
		if !errors.As(err, &le) || le.What != "listing line" {
			t.Error(err)
		}
	})
	t.Run("listing", func(t *testing.T) {
		c := scripted(t, pop3.Options{Limits: pop3.Limits{Listing: 1000}}, fault.Expect("UIDL"), fault.Expect("LIST"), fault.Send("+OK\r\n"), fault.Repeat("1 u\r\n"))
		_, err := c.List(t.Context())
		var le *pop3.LimitError
		if !errors.As(err, &le) || le.What != "listing" || le.Max != 1000 {
			t.Error(err)
		}
	})
	t.Run("whole listing", func(t *testing.T) {
		sent, hungUp := 0, make(chan struct{})
		flood := func(p *fault.Peer) error {
			defer close(hungUp)
			for line := "1 " + strings.Repeat("u", 500) + "\r\n"; ; sent += len(line) {
				if err := fault.Send(line)(p); err != nil {
					return nil
				}
			}
		}
		c := scripted(t, pop3.Options{}, fault.Expect("UIDL"), fault.Expect("LIST"), fault.Send("+OK\r\n"), flood)
		_, err := c.List(t.Context())
		var le *pop3.LimitError
		if !errors.As(err, &le) || le.What != "whole listing" || le.Max != 80_000_000 {
			t.Error(err)
		}
		c.Close()
		<-hungUp
		if sent < 80_000_000 || sent > 81_000_000 {
			t.Errorf("%d octets were read", sent)
		}
	})
	t.Run("capabilities", func(t *testing.T) {
		dial := start(t, fault.Script{fault.Send("+OK\r\n"), fault.Expect("CAPA"), fault.Send("+OK\r\n"), fault.Repeat("TOP\r\n")})
		_, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
		var le *pop3.LimitError
		if !errors.As(err, &le) || le.What != "capabilities" {
			t.Error(err)
		}
	})
}

// TestListingOfLongUIDs: a small limit of lines is none of octets.
func TestListingOfLongUIDs(t *testing.T) {
	var uidl, list strings.Builder
	for i := 1; i <= 2000; i++ {
		fmt.Fprintf(&uidl, "%d %04d%s\r\n", i, i, strings.Repeat("u", 500))
		fmt.Fprintf(&list, "%d 9\r\n", i)
	}
	c := scripted(t, pop3.Options{Limits: pop3.Limits{Listing: 2000}}, fault.Expect("UIDL"), fault.Expect("LIST"),
		fault.Send("+OK\r\n"+uidl.String()+".\r\n+OK\r\n"+list.String()+".\r\n"))
	if l, err := c.List(t.Context()); err != nil || l.Len() != 2000 || !l.Complete {
		t.Fatal(l, err)
	}
}

// TestListingAtTheLimit: the limit itself is allowed, bare LF in a listing is not.
func TestListingAtTheLimit(t *testing.T) {
	c := scripted(t, pop3.Options{Limits: pop3.Limits{Listing: 2}}, fault.Expect("UIDL"), fault.Expect("LIST"),
		fault.Send("+OK\r\n1 a\r\n2 b\r\n.\r\n+OK\r\n1 1\r\n2 2\r\n.\r\n"),
		fault.Expect("UIDL"), fault.Expect("LIST"), fault.Send("+OK\r\n1 a\n.\n"))
	if l, err := c.List(t.Context()); err != nil || l.Len() != 2 {
		t.Fatal(l, err)
	}
	_, err := c.List(t.Context())
	wrong(t, err, 0, "bare LF")
}

// TestListRefusals: UIDL may be refused, LIST not; a number twice makes the listing worthless.
func TestListRefusals(t *testing.T) {
	c := scripted(t, pop3.Options{}, fault.Expect("UIDL"), fault.Expect("LIST"), fault.Send("-ERR what?\r\n+OK\r\n1 10\r\n.\r\n"),
		fault.Expect("UIDL"), fault.Expect("LIST"), fault.Send("+OK\r\n1 a\r\n.\r\n-ERR [SYS/TEMP] later\r\n"),
		fault.Expect("UIDL"), fault.Expect("LIST"), fault.Send("+OK\r\n1 a\r\n1 b\r\n.\r\n+OK\r\n1 1\r\n.\r\n"))
	l, err := c.List(t.Context())
	if err != nil || !l.NoUIDL || l.Len() != 1 || l.At(0).HasUID || l.Bytes() != 10 {
		t.Fatal(l, err)
	}
	_, err = c.List(t.Context())
	var re *pop3.ResponseError
	if !errors.As(err, &re) || re.Code != "SYS/TEMP" || re.Command != "LIST" || re.Text != "later" {
		t.Fatal(err)
	}
	_, err = c.List(t.Context())
	wrong(t, err, 0, "twice")
	broken(t, c)
}

// TestCutListing: an end of the connection inside a listing is not its end.
func TestCutListing(t *testing.T) {
	c := scripted(t, pop3.Options{}, fault.Expect("UIDL"), fault.Expect("LIST"), fault.Send("+OK\r\n1 a\r\n"))
	if l, err := c.List(t.Context()); l != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(l, err)
	}
	broken(t, c)
}

func TestStat(t *testing.T) {
	c := scripted(t, pop3.Options{}, fault.Chat("STAT", "+OK 2 320\r\n", "STAT", "+OK 3 x more\r\n", "STAT", "-ERR no\r\n", "STAT", "+OK many\r\n"))
	for _, want := range [][2]int64{{2, 320}, {3, 0}} {
		if n, octets, err := c.Stat(t.Context()); err != nil || int64(n) != want[0] || octets != want[1] {
			t.Error(n, octets, err)
		}
	}
	var re *pop3.ResponseError
	if _, _, err := c.Stat(t.Context()); !errors.As(err, &re) {
		t.Error(err)
	}
	_, _, err := c.Stat(t.Context())
	wrong(t, err, 0, "many")
}

// TestModestServer behaves as popa3d does: no CAPA, no texts, equal UIDs for equal messages.
func TestModestServer(t *testing.T) {
	dial := start(t, fault.Script{fault.Send("+OK\r\n"), fault.Chat("CAPA", "-ERR\r\n", "USER me", "+OK\r\n",
		"PASS pass word", "+OK\r\n", "CAPA", "-ERR\r\n", "UIDL", "+OK\r\n1 same\r\n2 same\r\n.\r\n", "LIST", "+OK\r\n1 9\r\n2 9\r\n.\r\n",
		"RETR 1", "+OK\r\nsame\r\n.\r\n", "RETR 2", "+OK\r\nsame\r\n.\r\n", "TOP 1 0", "+OK\r\n\r\n.\r\n", "QUIT", "+OK\r\n")})
	c := login(t, pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
	l, err := c.List(t.Context())
	if err != nil || l.Len() != 2 || l.At(0).UID != "same" || l.At(1).UID != "same" || !l.Complete {
		t.Fatal(l, err)
	}
	if got, err := read(t, c, 1, 2); err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	err = c.Top(t.Context(), 0, numbers(1), func(pop3.Response) error { return nil })
	if err != nil || c.Pipelined() {
		t.Fatal(err)
	}
	if err := c.Top(t.Context(), -1, numbers(1), nil); err == nil {
		t.Error("TOP n -1 was sent") // Courier answers it with the header
	}
	if err := c.Quit(t.Context()); err != nil {
		t.Fatal(err)
	}
}
