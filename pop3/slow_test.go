package pop3_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// torments are what a server may send for ever, and whether an honest one could send the like.
var torments = map[string]struct {
	step   fault.Step
	honest bool // as replies of one line
}{
	"an octet each 3 s":    {step: fault.Drip("x", 3*time.Second)},
	"40 octets each s":     {step: fault.Drip(strings.Repeat("x", 40), time.Second)},
	"a line each 5 s":      {step: fault.Drip("+OK x\r\n", 5*time.Second), honest: true},
	"many short lines":     {step: fault.Repeat("+OK x\r\n"), honest: true},
	"one line without end": {step: fault.Repeat("x")},
	"silence":              {step: fault.Stalled()},
}

// TestEverythingEnds torments us in each phase of a session: each call ends within its bound, and says so.
func TestEverythingEnds(t *testing.T) {
	noop := func(ctx context.Context, c *pop3.Client) error { return c.Noop(ctx) }
	list := func(ctx context.Context, c *pop3.Client) error { _, err := c.List(ctx); return err }
	read := func(r pop3.Response) error {
		if r.Body == nil {
			return r.Err
		}
		_, err := io.Copy(io.Discard, r.Body)
		return err
	}
	retr := func(ctx context.Context, c *pop3.Client) error { return c.Retrieve(ctx, numbers(1, 2), read) }
	skip := func(ctx context.Context, c *pop3.Client) error {
		return c.Retrieve(ctx, numbers(1), func(pop3.Response) error { return pop3.ErrSkip })
	}
	top := func(ctx context.Context, c *pop3.Client) error { return c.Top(ctx, 0, numbers(1, 2), read) }
	dele := func(ctx context.Context, c *pop3.Client) error { return c.Delete(ctx, numbers(1, 2), read) }
	quit := func(ctx context.Context, c *pop3.Client) error { return c.Quit(ctx) }
	gone := func(ctx context.Context, c *pop3.Client) error {
		q, err := c.DeleteQuit(ctx, numbers(1), read)
		return errors.Join(q, err)
	}
	after := func(steps ...fault.Step) fault.Script { return append(fault.Script{hello()}, steps...) }
	ask := fault.Expect
	for name, tt := range map[string]struct {
		before fault.Script
		call   func(context.Context, *pop3.Client) error // nil: it does not come so far
		tls    pop3.TLSMode
		single bool          // a reply of one line
		most   time.Duration // for what comes as slowly as it may; 0: six minutes
	}{
		"TLS handshake":   {tls: pop3.ImplicitTLS},
		"greeting":        {single: true},
		"CAPA":            {before: fault.Script{fault.Send("+OK\r\n"), ask("CAPA")}, single: true},
		"CAPA's lines":    {before: fault.Script{fault.Send("+OK\r\n"), ask("CAPA"), fault.Send("+OK\r\n")}, most: 6 * time.Minute},
		"STLS":            {before: fault.Script{fault.Send("+OK\r\n"), fault.Chat("CAPA", "-ERR\r\n"), ask("STLS")}, tls: pop3.StartTLS, single: true},
		"USER":            {before: fault.Script{fault.Send("+OK\r\n"), fault.Chat("CAPA", "-ERR\r\n"), ask("USER me")}, single: true},
		"PASS":            {before: fault.Script{fault.Send("+OK\r\n"), fault.Chat("CAPA", "-ERR\r\n", "USER me", "+OK\r\n"), ask("PASS pass word")}, single: true},
		"UIDL":            {before: after(ask("UIDL")), call: list, single: true, most: 6 * time.Minute},
		"UIDL's lines":    {before: after(ask("UIDL"), fault.Send("+OK\r\n1 a\r\n")), call: list, most: 70 * time.Minute},
		"LIST":            {before: after(ask("UIDL"), fault.Send("+OK\r\n1 a\r\n.\r\n")), call: list, single: true, most: 6 * time.Minute},
		"LIST's lines":    {before: after(ask("UIDL"), fault.Send("+OK\r\n1 a\r\n.\r\n+OK\r\n1 100\r\n")), call: list, most: 70 * time.Minute},
		"TOP":             {before: after(ask("TOP 1 0")), call: top, single: true},
		"TOP's header":    {before: after(ask("TOP 1 0"), fault.Send("+OK\r\nSubject: ")), call: top, most: 70 * time.Minute},
		"RETR":            {before: after(ask("RETR 1")), call: retr, single: true},
		"RETR's header":   {before: after(ask("RETR 1"), fault.Send("+OK\r\nSubject: ")), call: retr, most: 70 * time.Minute},
		"RETR's body":     {before: after(ask("RETR 1"), fault.Send("+OK\r\nSubject: a\r\n\r\nb\r\n")), call: retr, most: 70 * time.Minute},
		"beyond":          {before: after(ask("RETR 1"), fault.Send("+OK\r\n"+strings.Repeat("0123456789012345678901234567890123456789\r\n", 9))), call: retr, most: 70 * time.Minute},
		"what is skipped": {before: after(ask("RETR 1"), fault.Send("+OK\r\nSubject: a\r\n\r\nb\r\n")), call: skip, most: 70 * time.Minute},
		"DELE":            {before: after(ask("DELE 1")), call: dele, single: true},
		"NOOP":            {before: after(ask("NOOP")), call: noop, single: true},
		"QUIT":            {before: after(ask("QUIT")), call: quit, single: true},
		"DELE and QUIT":   {before: after(ask("DELE 1"), fault.Send("+OK\r\n")), call: gone, single: true},
	} {
		for how, torment := range torments {
			t.Run(name+"/"+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					dial, wait := append(tt.before[:len(tt.before):len(tt.before)], torment.step).Start()
					mode := tt.tls
					if mode == pop3.ImplicitTLS && name != "TLS handshake" {
						mode = pop3.NoTLS
					}
					start := time.Now()
					c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: mode, Dial: dial})
					if err == nil {
						err = c.Login(t.Context(), pop3.Login{Username: "me", Password: secret("pass word")})
					}
					if err == nil && tt.call != nil {
						err = tt.call(t.Context(), c)
					}
					took := time.Since(start)
					if err == nil && !(tt.single && torment.honest) {
						t.Error("no error")
					}
					if most := max(tt.most, 6*time.Minute); took > most {
						t.Errorf("it took %v, want %v at most: %v", took, most, err)
					}
					if c != nil {
						c.Close()
					}
					if err := wait(); err != nil {
						t.Log("the server:", err) // it was left before its script was over
					}
				})
			})
		}
	}
}

// TestSlowLine: 20 MB at 2 KB/s take three hours, and come; so does a listing of a million messages at that rate. What comes
// half as fast as it may at least does not.
func TestSlowLine(t *testing.T) {
	line := strings.Repeat("x", 2046) + "\r\n"
	body := func(n int, pause time.Duration) fault.Step {
		return func(p *fault.Peer) error {
			for range n {
				time.Sleep(pause)
				if err := fault.Send(line)(p); err != nil {
					return err
				}
			}
			return fault.Send(".\r\n")(p)
		}
	}
	for _, tt := range []struct {
		size, lines int
		pause       time.Duration
		slow        bool
	}{
		{20_000_000, 10_000, time.Second, false},
		{0, 10_000, time.Second, false},   // nothing is known of its size
		{100, 10_000, time.Second, false}, // it is longer than listed
		{20_000_000, 10_000, 4 * time.Second, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			dial, wait := fault.Script{hello(), fault.Expect("RETR 1"), fault.Send("+OK\r\n"), body(tt.lines, tt.pause)}.Start()
			c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
			if err == nil {
				err = c.Login(t.Context(), pop3.Login{Username: "me", Password: secret("pass word")})
			}
			if err != nil {
				t.Fatal(err)
			}
			item := func(yield func(pop3.Item) bool) { yield(pop3.Item{Num: 1, Size: int64(tt.size)}) }
			var n int64
			err = c.Retrieve(t.Context(), item, func(r pop3.Response) (err error) {
				n, err = io.Copy(io.Discard, r.Body)
				return err
			})
			var conn *pop3.ConnError
			if tt.slow && (!errors.Is(err, pop3.ErrSlow) || !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &conn) || !conn.Timeout()) ||
				!tt.slow && (err != nil || n != int64(tt.lines*len(line))) {
				t.Errorf("%+v: %d octets, %v", tt, n, err)
			}
			c.Close()
			if err := wait(); err != nil && !tt.slow {
				t.Error(err)
			}
		})
	}
}

// TestLongerThanListed: a message may be longer than listed, by far, but not without end; whoever asks may allow more.
func TestLongerThanListed(t *testing.T) {
	for _, tt := range []struct {
		item pop3.Item
		sent int64
		most int // 0: it comes
	}{
		{pop3.Item{Num: 1, Size: 100}, 64 << 20, 0},
		{pop3.Item{Num: 1, Size: 100}, 64<<20 + 1000, 64<<20 + 400},
		{pop3.Item{Num: 1, Size: 20 << 20}, 140 << 20, 0},
		{pop3.Item{Num: 1}, 100 << 20, 0},
		{pop3.Item{Num: 1, Size: 100, Most: 1000}, 2000, 1000},
		{pop3.Item{Num: 1, Size: 100, Most: 80 << 20}, 70 << 20, 0},
		{pop3.Item{Num: 1, Size: 1 << 62}, 1000, 0},
	} {
		line := strings.Repeat("x", 998) + "\r\n"
		dial, wait := fault.Script{hello(), fault.Expect("RETR 1"), fault.Send("+OK\r\n"), func(p *fault.Peer) error {
			for n := int64(0); n < tt.sent; n += int64(len(line)) {
				if err := fault.Send(line)(p); err != nil {
					return nil
				}
			}
			return fault.Send(".\r\n")(p)
		}}.Start()
		c := login(t, pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
		err := c.Retrieve(t.Context(), func(yield func(pop3.Item) bool) { yield(tt.item) }, func(r pop3.Response) error {
			_, err := io.Copy(io.Discard, r.Body)
			return err
		})
		var limit *pop3.LimitError
		switch {
		case tt.most == 0 && err != nil:
			t.Errorf("%+v: %v", tt, err)
		case tt.most > 0 && (!errors.As(err, &limit) || limit.Max != tt.most || limit.Num != 1 || limit.What != "message"):
			t.Errorf("%+v: %v", tt, err)
		}
		if tt.most > 0 {
			broken(t, c)
		}
		c.Close()
		_ = wait() // it may have been left in the midst
	}
}
