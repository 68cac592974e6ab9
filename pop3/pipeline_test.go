package pop3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// TestDeafServer: a server that reads nothing until it has written everything must not stop us from receiving, over a
// pipe without any buffer.
func TestDeafServer(t *testing.T) {
	const n = 900
	var all strings.Builder
	var nums []int
	for i := range n {
		fmt.Fprintf(&all, "+OK\r\nmessage %d %s\r\n.\r\n", i, strings.Repeat("x", 5000))
		nums = append(nums, i+1)
	}
	steps := []fault.Step{fault.Send(all.String())}
	for i := range n {
		steps = append(steps, fault.Expect(fmt.Sprintf("RETR %d", i+1)))
	}
	c := scripted(t, pop3.Options{}, append(steps, fault.Chat("QUIT", "+OK\r\n"))...)
	got, err := read(t, c, nums...)
	if err != nil || len(got) != n || !strings.HasPrefix(got[n-1], fmt.Sprintf("message %d ", n-1)) {
		t.Fatal(len(got), err)
	}
	if err := c.Quit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestWindow counts what the server has been asked for when it has answered nothing, and that each reply lets the
// next command out.
func TestWindow(t *testing.T) {
	for _, tt := range []struct {
		win  pop3.Window
		size int64
		want int // commands before the first reply
	}{
		{pop3.Window{}, 0, 4000},
		{pop3.Window{}, 512, 4000},
		{pop3.Window{}, 1 << 20, 32},
		{pop3.Window{}, 33 << 20, 1},
		{pop3.Window{}, 20 << 20, 2},
		{pop3.Window{Commands: 3}, 0, 3},
		{pop3.Window{Bytes: 1024}, 1, 2},
	} {
		t.Run(fmt.Sprint(tt), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int64
				const n = 4500
				play := func(p *fault.Peer) error {
					if err := hello()(p); err != nil {
						return err
					}
					lines := make(chan struct{}, n)
					go func() {
						for i := range n {
							if err := fault.Expect(fmt.Sprintf("RETR %d", i+1))(p); err != nil {
								t.Error(err)
								break
							}
							asked.Add(1)
							lines <- struct{}{}
						}
					}()
					for i := range n {
						<-lines
						synctest.Wait()
						if got := int(asked.Load()); i == 0 && got != tt.want {
							t.Errorf("%d commands before the first reply, want %d", got, tt.want)
						} else if want := min(n, i+tt.want); i == 100 && got != want {
							t.Errorf("%d commands after 100 replies, want %d", got, want)
						}
						if err := fault.Send("+OK\r\n.\r\n")(p); err != nil {
							return err
						}
					}
					return nil
				}
				dial, wait := fault.Script{play}.Start()
				c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial, Window: tt.win})
				if err == nil {
					err = c.Login(t.Context(), pop3.Login{Username: "me", Password: secret("pass word")})
				}
				if err != nil {
					t.Fatal(err)
				}
				next := 1
				items := func(yield func(pop3.Item) bool) {
					for i := range n {
						if !yield(pop3.Item{Num: i + 1, Size: tt.size}) {
							return
						}
					}
				}
				err = c.Retrieve(t.Context(), items, func(r pop3.Response) error {
					if r.Num != next {
						t.Fatalf("message %d, want %d", r.Num, next)
					}
					next++
					return nil
				})
				if err != nil || next != n+1 {
					t.Error(next, err)
				}
				c.Close()
				if err := wait(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestHandle: what handle leaves unread is skipped, -ERR is one message's matter, and bodies do not outlive handle.
func TestHandle(t *testing.T) {
	for _, one := range []bool{false, true} {
		s := newServer(t, pop3test.Options{}, mail(6)...)
		s.Change(func(o *pop3test.Options) {
			o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
				if verb == "RETR" && arg == "3" {
					return &pop3test.Reply{Raw: []byte("-ERR [SYS/TEMP] not \x1b now\r\n")}
				}
				return nil
			}
		})
		c := login(t, pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: s.Dial, NoPipelining: one})
		var old io.Reader
		seen := ""
		err := c.Retrieve(t.Context(), numbers(1, 2, 3, 4, 5, 6), func(r pop3.Response) error {
			seen += fmt.Sprint(r.Num)
			if old != nil {
				if n, err := old.Read(make([]byte, 10)); n != 0 || err == nil {
					t.Error("a stale body was read")
				}
			}
			switch r.Num {
			case 1:
				io.CopyN(io.Discard, r.Body, 7)
				old = r.Body
				return fmt.Errorf("wrapped: %w", pop3.ErrSkip)
			case 3:
				var re *pop3.ResponseError
				if r.Body != nil || !errors.As(r.Err, &re) || re.Code != "SYS/TEMP" || re.Error() != `pop3: RETR 3: server refused [SYS/TEMP]: not \x1b now` {
					t.Error(r.Body, r.Err)
				}
			case 5:
				return pop3.ErrSkip
			case 4, 6:
				var b bytes.Buffer
				n, err := io.Copy(&b, r.Body)
				if want := string(mail(6)[r.Num-1].Data) + "\r\n"; b.String() != want || n != int64(len(want)) || err != nil {
					t.Errorf("%q, %v", b.String(), err)
				}
				if n, err := r.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Error("after the end:", n, err)
				}
			}
			return nil
		})
		if err != nil || seen != "123456" {
			t.Fatal(seen, err)
		}
		if err := c.Noop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStop: an error of handle comes back as it is; what is outstanding is dropped, if it is little, and no more is
// sent.
func TestStop(t *testing.T) {
	stop := errors.New("stop")
	for _, tt := range []struct {
		name  string
		size  int
		n     int
		alive bool
	}{
		{"little", 100, 50, true},
		{"much", 300_000, 50, false},
		{"one at its start", 700_000, 1, true},
		{"one too large", 3_000_000, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := bytes.Repeat([]byte(strings.Repeat("x", 98)+"\r\n"), tt.size/100)
			msgs := make([]pop3test.Message, tt.n)
			for i := range msgs {
				msgs[i] = pop3test.Message{UID: fmt.Sprint(i), Data: data}
			}
			s := newServer(t, pop3test.Options{}, msgs...)
			c := login(t, pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: s.Dial})
			l, err := c.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			calls := 0
			err = c.Retrieve(t.Context(), items(l), func(r pop3.Response) error {
				calls++
				_, _ = r.Body.Read(make([]byte, 10))
				return stop
			})
			if err != stop || calls != 1 {
				t.Fatal(calls, err)
			}
			if err := c.Noop(t.Context()); (err == nil) != tt.alive {
				t.Errorf("NOOP: %v", err)
			}
			if !tt.alive {
				broken(t, c)
			}
		})
	}
}

// TestCut: at whatever octet a session ends, no body looks whole that is not, and the error names the message.
func TestCut(t *testing.T) {
	msgs := mail(20)
	var total int
	for _, m := range msgs {
		total += len(m.Data)
	}
	for after := int64(0); after < int64(total+1500); after += 13 {
		for _, pipelined := range []bool{true, false} {
			s := pop3test.NewServer(pop3test.Options{Wrap: func(c net.Conn) net.Conn {
				return fault.Wrap(c, fault.Plan{Kind: fault.Close, After: after, Chunk: 100})
			}})
			s.AddUser("me", "pass word", msgs...)
			err := fetchAll(t, s, msgs, !pipelined)
			if err != nil {
				var conn *pop3.ConnError
				if !errors.As(err, &conn) {
					t.Fatalf("cut after %d octets: %v", after, err)
				}
			}
			s.Close()
		}
	}
}

func fetchAll(t *testing.T, s *pop3test.Server, msgs []pop3test.Message, one bool) error {
	c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: s.Dial, NoPipelining: one})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Login(t.Context(), pop3.Login{Username: "me", Password: secret("pass word")}); err != nil {
		return err
	}
	l, err := c.List(t.Context())
	if err != nil {
		return err
	}
	next := 1
	err = c.Retrieve(t.Context(), items(l), func(r pop3.Response) error {
		b, err := io.ReadAll(r.Body)
		if err == nil && string(b) != string(msgs[r.Num-1].Data)+"\r\n" {
			t.Errorf("message %d: %q", r.Num, b)
		}
		if err != nil {
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("cut body: %v", err)
			}
			return nil // even a handle that does not look must not hide it
		}
		next++
		return nil
	})
	var conn *pop3.ConnError
	if errors.As(err, &conn) && conn.Num != next {
		t.Errorf("error %v, but message %d is at the head", err, next)
	}
	if err == nil && next != len(msgs)+1 {
		t.Errorf("stopped at %d without error", next)
	}
	if err != nil {
		return err
	}
	return c.Quit(t.Context())
}

// TestMisuse: a call from within handle, a bad number and a panic are met without losing step unnoticed.
func TestMisuse(t *testing.T) {
	s := newServer(t, pop3test.Options{}, mail(3)...)
	c := login(t, pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: s.Dial})
	err := c.Retrieve(t.Context(), numbers(1), func(pop3.Response) error {
		if err := c.Noop(t.Context()); err == nil {
			t.Error("NOOP from within handle")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, -1} {
		if err := c.Delete(t.Context(), numbers(1, n), func(pop3.Response) error { return nil }); err == nil {
			t.Errorf("number %d was accepted", n)
		}
		if err := c.Noop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("panic was swallowed")
			}
		}()
		_ = c.Retrieve(t.Context(), numbers(1, 2, 3), func(pop3.Response) error { panic("mail from hell") })
	}()
	broken(t, c)
}

// says tells whether an error has a text; "" stands for no error.
func says(err error, text string) bool {
	if text == "" {
		return err == nil
	}
	return err != nil && strings.Contains(err.Error(), text)
}

// BenchmarkRetrieve is many small messages over TCP, the usual load.
func BenchmarkRetrieve(b *testing.B) {
	const n, size = 2000, 4000
	data := bytes.Repeat([]byte(strings.Repeat("x", 78)+"\r\n"), size/80)
	msgs := make([]pop3test.Message, n)
	for i := range msgs {
		msgs[i] = pop3test.Message{UID: fmt.Sprint(i), Data: data}
	}
	s := newServer(b, pop3test.Options{}, msgs...)
	addr, err := s.Listen()
	if err != nil {
		b.Fatal(err)
	}
	c := login(b, pop3.Options{Host: "127.0.0.1", Port: addr.Port, TLS: pop3.NoTLS})
	l, err := c.List(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(n * size)
	b.ReportAllocs()
	for b.Loop() {
		err := c.Retrieve(b.Context(), items(l), func(r pop3.Response) error {
			_, err := r.Body.(io.WriterTo).WriteTo(io.Discard)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
