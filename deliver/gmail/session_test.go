package gmail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/gmail/gmailtest"
)

func errorsIsInferred(err error) bool {
	var e *deliver.Error
	return errors.Is(err, deliver.ErrInferred) && !errors.As(err, &e)
}

// A message without a Message-ID is there once, wherever the upload broke, and whoever goes on.
func TestSessions(t *testing.T) {
	t.Parallel()
	text := lengthy(900_000)
	for name, f := range map[string]func(c gmailtest.Call) gmailtest.Fault{
		"the answer is lost":           on("upload", 1, gmailtest.Fault{CutAfter: true}),
		"cut before the content":       on("upload", 1, gmailtest.Fault{CutBefore: true}),
		"cut at the first octet":       on("upload", 1, gmailtest.Fault{Take: 1}),
		"cut in the midst":             on("upload", 1, gmailtest.Fault{Take: 600_000}),
		"cut before the last octet":    on("upload", 1, gmailtest.Fault{Take: 899_999}),
		"503 before the content":       on("upload", 1, gmailtest.Fault{Status: 503, HTML: true}),
		"the session can't be begun":   on("begin", 1, gmailtest.Fault{CutBefore: true}),
		"its address is lost":          on("begin", 1, gmailtest.Fault{CutAfter: true}),
		"cut twice":                    both(on("upload", 1, gmailtest.Fault{Take: 300_000}), on("upload", 2, gmailtest.Fault{Take: 300_000})),
		"lost, and the question too":   both(on("upload", 1, gmailtest.Fault{CutAfter: true}), on("status", 1, gmailtest.Fault{CutBefore: true})),
		"cut, and the question lost":   both(on("upload", 1, gmailtest.Fault{Take: 600_000}), on("status", 1, gmailtest.Fault{CutAfter: true})),
		"lost, and the question a 503": both(on("upload", 1, gmailtest.Fault{CutAfter: true}), on("status", 1, gmailtest.Fault{Status: 503})),
	} {
		for _, trace := range []bool{false, true} {
			for _, anew := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, trace %v, anew %v", name, trace, anew), func(t *testing.T) {
					w := newWorld(t, gmailtest.Options{Fault: f})
					w.set = func(o *Options) { o.Trace = trace }
					s := w.open(false)
					for try := 0; ; try++ {
						err := w.send(s, "one", text, try > 0)
						if err == nil {
							break
						}
						if e := w.fault(err); e.Permanent || try > 3 {
							t.Fatalf("try %d: %v", try, err)
						}
						if anew {
							s.Close()
							s = w.open(true)
						}
					}
					all := w.server.Messages()
					if len(all) != 1 || !strings.HasSuffix(all[0].Raw, text) || trace != strings.HasPrefix(all[0].Raw, "Received: ") {
						t.Fatalf("%d messages", len(all))
					}
				})
			}
		}
	}
}

// on fails one call of a kind.
func on(kind string, number int, f gmailtest.Fault) func(c gmailtest.Call) gmailtest.Fault {
	return func(c gmailtest.Call) gmailtest.Fault {
		if c.Kind == kind && c.Number == number {
			return f
		}
		return gmailtest.Fault{}
	}
}

func both(one, other func(c gmailtest.Call) gmailtest.Fault) func(c gmailtest.Call) gmailtest.Fault {
	return func(c gmailtest.Call) gmailtest.Fault {
		if f := one(c); f != (gmailtest.Fault{}) {
			return f
		}
		return other(c)
	}
}

// What was uploaded is not uploaded again.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gmailtest.Options{Fault: on("upload", 1, gmailtest.Fault{Take: 800_000})})
	var sent atomic.Int64
	w.set = func(o *Options) {
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, address)
			return counting{c, &sent}, err
		}
	}
	w.must(w.send(w.open(false), "one", lengthy(1_000_000), false))
	w.has("cut once", lengthy(1_000_000))
	if n := sent.Load(); n > 1_400_000 {
		t.Errorf("%d octets were sent for a message of 1,000,000", n)
	}
}

// counting counts what is written.
type counting struct {
	net.Conn
	sent *atomic.Int64
}

func (c counting) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.sent.Add(int64(n))
	return n, err
}

// A session that Gmail has forgotten tells nothing: the message is sent once more, so that copies are no more than doubts and one.
func TestForgottenSession(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(w *world){
		"at Gmail": func(w *world) { w.server.Expire() },
		"too old": func(w *world) {
			w.set = func(o *Options) { o.Now = func() time.Time { return time.Now().Add(8 * 24 * time.Hour) } }
		},
		"the file": func(w *world) { w.must(os.Remove(w.copies + deliver.LookSuffix)) },
	} {
		l := &loser{armed: true, stored: true}
		w := newWorld(t, gmailtest.Options{Fault: l.fault})
		s := w.open(false)
		if e := w.fault(w.send(s, "one", bare(1), false)); !e.Uncertain || e.Permanent {
			t.Errorf("%s: %+v", name, e)
		}
		s.Close()
		forget(w)
		s = w.open(true)
		w.must(w.send(s, "one", bare(1), true))
		w.has(name, bare(1), bare(1))
		w.must(w.send(s, "one", bare(1), true))
		w.has(name+", asked again", bare(1), bare(1))
	}
}

// The file of sessions is for this user alone, and what is not in doubt any more is forgotten.
func TestRecordFile(t *testing.T) {
	t.Parallel()
	l := &loser{armed: true}
	w := newWorld(t, gmailtest.Options{Fault: l.fault})
	s := w.open(false)
	err := w.send(s, "one", bare(1), false)
	if e := w.fault(err); !e.Uncertain {
		t.Fatal(err)
	}
	file := w.copies + deliver.LookSuffix
	info, err2 := os.Stat(file)
	text, err3 := os.ReadFile(file)
	if err2 != nil || err3 != nil || info.Mode() != 0o600 || !strings.Contains(string(text), "upload_id=") {
		t.Fatalf("%v, %v, %v: %s", info, err2, err3, text)
	}
	_, uri, _ := strings.Cut(string(text), "upload_id=")
	uri, _, _ = strings.Cut(uri, "\n")
	if strings.Contains(err.Error(), uri) {
		t.Errorf("the error shows the session: %v", err)
	}
	for _, anew := range []bool{false, true} {
		if anew {
			s.Close()
			s = w.open(true)
		}
		w.must(w.send(s, "one", bare(1), true))
	}
	s.Close()
	if r, err := openRecord(w.copies, s.where); err != nil || len(r.sessions) != 0 {
		t.Errorf("%v: %v", r.sessions, err)
	}
	w.has("once", bare(1))
	w.must(os.WriteFile(file, []byte("what is this\n"), 0o600))
	if e := w.fault(w.send(w.open(true), "two", bare(2), false)); e.Scope != deliver.WholeTarget || !e.Local {
		t.Errorf("a file of others: %+v", e)
	}
}

// An upload leads nowhere but to Gmail.
func TestTrusted(t *testing.T) {
	s := &Sender{o: Options{Address: Address}}
	for uri, want := range map[string]bool{
		"https://gmail.googleapis.com/upload?upload_id=1": true, "https://www.googleapis.com/x": true, "http://gmail.googleapis.com/x": false,
		"https://www.googleapis.com.evil.example/x": false, "https://evilgoogleapis.com/x": false, "https://a@www.googleapis.com/x": false,
		"https://www.googleapis.com:444/x": false, "//gmail.googleapis.com/x": false, "": false,
	} {
		if got := s.trusted(uri); got != want {
			t.Errorf("%s: %v", uri, got)
		}
	}
}

// A person's stop ends a wait, and leaves no doubt where nothing was sent.
func TestStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gmailtest.Options{Fault: func(c gmailtest.Call) gmailtest.Fault {
		return gmailtest.Fault{Status: 429, Reason: "rateLimitExceeded", RetryAfter: "60"}
	}})
	s := w.open(false)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Send(ctx, w.outgoing("one", named(1), false)) }()
	for w.server.Calls("import") == 0 {
		time.Sleep(time.Millisecond)
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
