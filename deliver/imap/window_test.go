package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/imap/imaptest"
)

// windowed are octets at which a test cuts a window: all with POPSYNC_LARGE=1, else some.
func windowed(n, step int) (all []int) {
	for i := range n + 60 {
		if os.Getenv("POPSYNC_LARGE") != "" || i%step == 0 || i > n-3 && i < n+4 {
			all = append(all, i)
		}
	}
	return all
}

// The connection breaks at an octet of a window of several messages: then there is exactly one copy of each, whoever looks for them.
func TestWindowCut(t *testing.T) {
	t.Parallel()
	texts := several(1, 4)
	for name, o := range map[string]imaptest.Options{
		"LITERAL+":       {},
		"LITERAL-":       {Caps: "IMAP4rev1 UIDPLUS LITERAL-"},
		"asked first":    {Caps: "IMAP4rev1 UIDPLUS"},
		"no UIDPLUS":     {Caps: "IMAP4rev1 LITERAL+"},
		"DIGEST":         {Caps: "IMAP4rev1 LITERAL+ UIDPLUS DIGEST=SHA1"},
		"early":          {Caps: "IMAP4rev1 UIDPLUS", Early: true},
		"lies about UID": {Lie: func(v, u uint32) (uint32, uint32) { return v, u + 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			doubts := 0
			for i, n := range windowed(octetsOf(texts), 61) {
				w := newWorld(t, o)
				w.server.Put("INBOX", ordinary(9))
				w.set = tearing(i, n)
				s := w.open(false)
				w.must(w.send(s, "first", ordinary(0), false))
				if s.Batch() < len(texts) {
					t.Fatalf("Batch is %d", s.Batch())
				}
				doubts += w.through(s, texts, ending(i%3))
				w.once(fmt.Sprintf("cut at %d", n), append([]string{ordinary(9), ordinary(0)}, texts...)...)
				if t.Failed() {
					t.Log(strings.Join(w.server.Commands(""), "\n"))
					return
				}
			}
			if doubts == 0 {
				t.Error("nothing was in doubt")
			}
		})
	}
}

// An answer that gets lost, at every octet of the answers.
func TestWindowAnswersCut(t *testing.T) {
	t.Parallel()
	texts := several(1, 5)
	for _, caps := range []string{"IMAP4rev1 UIDPLUS LITERAL+", "IMAP4rev1 UIDPLUS"} {
		for _, n := range windowed(5*len("p8 OK [APPENDUID 7 101] stored\r\n"), 13) {
			w := newWorld(t, imaptest.Options{Caps: caps})
			w.set = cuttingLater(1, octetsOf(texts)+60, n, false)
			s := w.open(false)
			w.must(w.send(s, "first", ordinary(0), false))
			w.through(s, texts, ending(n%3))
			w.once(fmt.Sprintf("%s, answers cut at %d", caps, n), append([]string{ordinary(0)}, texts...)...)
		}
	}
}

// What is refused in a window concerns its own message; the others go on.
func TestWindowRefusals(t *testing.T) {
	t.Parallel()
	texts := several(1, 8)
	for _, caps := range []string{"IMAP4rev1 UIDPLUS LITERAL+", "IMAP4rev1 UIDPLUS"} {
		for _, tt := range []struct {
			answer string
			before bool
			want   string // of the message that is refused
		}{
			{"NO Message contains invalid header", false, "message permanent"},
			{"NO Message contains invalid header", true, "message permanent"},
			{"NO something else", false, "message"},
			{"BAD [CLIENTBUG] no", false, "untried"}, // its date may be at fault
			{"BAD no", true, "untried"},
			{"NO [TRYCREATE] no such mailbox", true, "untried"},
		} {
			o := imaptest.Options{Caps: caps}
			if tt.before {
				o.Before = func(n int, _ string) string {
					if n == 4 {
						return tt.answer
					}
					return ""
				}
			} else {
				o.After = func(_ int, text string) string {
					if text == texts[2] {
						return tt.answer
					}
					return ""
				}
			}
			w := newWorld(t, o)
			s := w.open(false)
			w.must(w.send(s, "first", ordinary(0), false))
			want := []string{ordinary(0)}
			stopped := strings.Contains(tt.answer, "TRYCREATE")
			for i, err := range w.batch(s, texts, false) {
				switch {
				case i != 2 && err == nil:
					want = append(want, texts[i])
				case i != 2 && stopped && errors.Is(err, deliver.ErrUntried):
				case i == 2 && tt.want == "untried" && errors.Is(err, deliver.ErrUntried):
				case i == 2 && tt.want != "untried" && words(w.fault(err)) == tt.want:
				default:
					t.Errorf("%s, %q: message %d: %v", caps, tt.answer, i, err)
				}
			}
			w.once(tt.answer, want...)
		}
	}
}

// Nothing more is begun once the folder, or two in a row, were refused.
func TestWindowStops(t *testing.T) {
	t.Parallel()
	for answer, most := range map[string]int{
		"NO [OVERQUOTA] full":      1,
		"NO [UNAVAILABLE] not now": 1,
		"NO something":             2,
	} {
		w := newWorld(t, imaptest.Options{After: func(n int, _ string) string {
			if n > 1 {
				return answer
			}
			return ""
		}})
		w.set = func(o *Options) { o.InFlight = 1 }
		s := w.open(false)
		w.must(w.send(s, "first", ordinary(0), false))
		tried := 0
		for _, err := range w.batch(s, several(1, 6), false) {
			if !errors.Is(err, deliver.ErrUntried) {
				tried++
			}
		}
		if sent := len(w.server.Commands("APPEND")) - 1; tried != most || sent != most {
			t.Errorf("%s: %d tried, %d sent, want %d", answer, tried, sent, most)
		}
	}
}

// A message that can't be read spoils the connection, and neither those before it nor those behind.
func TestWindowUnreadable(t *testing.T) {
	t.Parallel()
	for _, caps := range []string{"IMAP4rev1 UIDPLUS LITERAL+", "IMAP4rev1 UIDPLUS"} {
		w := newWorld(t, imaptest.Options{Caps: caps})
		s := w.open(false)
		w.must(w.send(s, "first", ordinary(0), false))
		texts := several(1, 4)
		var all []deliver.Outgoing
		for i, text := range texts {
			m := w.outgoing(idOf(text), text, false)
			if i == 2 {
				m.Body = &failing{ReadSeeker: m.Body}
			}
			all = append(all, m)
		}
		errs := s.SendBatch(t.Context(), all)
		if e := w.fault(errs[2]); errs[0] != nil || errs[1] != nil || !e.Local || e.Uncertain || !errors.Is(errs[3], deliver.ErrUntried) {
			t.Errorf("%s: %v", caps, errs)
		}
		w.must(w.send(s, idOf(texts[3]), texts[3], false))
		w.once(caps, ordinary(0), texts[0], texts[1], texts[3])
	}
}

// failing is a body that can be read once, and not to its end after that.
type failing struct {
	io.ReadSeeker
	reads int
}

func (f *failing) Seek(offset int64, whence int) (int64, error) {
	f.reads++
	return f.ReadSeeker.Seek(offset, whence)
}

func (f *failing) Read(p []byte) (int, error) {
	if f.reads < 2 {
		return f.ReadSeeker.Read(p)
	}
	n, err := f.ReadSeeker.Read(p[:min(len(p), 20)])
	if f.reads++; f.reads > 4 {
		return n, errors.New("the disk failed")
	}
	return n, err
}

// A batch costs two round trips where looking was proved, not one for each message, and its record one sync.
func TestWindowProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t, imaptest.Options{})
	s := w.open(false)
	if s.Batch() != 1 {
		t.Errorf("Batch is %d before the first message", s.Batch())
	}
	w.must(w.send(s, "first", ordinary(0), false))
	texts := several(1, 20)
	for i, err := range w.batch(s, texts, false) {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	w.once("a batch", append(texts, ordinary(0))...)
	text, err := os.ReadFile(filepath.Join(w.copies + deliver.LookSuffix))
	if err != nil || strings.Count(string(text), "\nt ") != 21 {
		t.Errorf("%v: %s", err, text)
	}
	// A UIDVALIDITY that changes in between: nothing more than one at a time.
	w.server.Renew("INBOX")
	s.Close()
	s = w.open(true)
	w.must(w.send(s, "other", ordinary(30), false))
	if s.Batch() < 2 {
		t.Error("it was proved anew, and Batch is 1")
	}
}

// The context ends in the midst of a window: what was not sent whole is not in doubt.
func TestWindowCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	hold := make(chan struct{})
	w := newWorld(t, imaptest.Options{After: func(n int, _ string) string {
		if n == 4 {
			cancel()
			<-hold
		}
		return ""
	}})
	s := w.open(false)
	w.must(w.send(s, "first", ordinary(0), false))
	texts := several(1, 6)
	var all []deliver.Outgoing
	for _, text := range texts {
		all = append(all, w.outgoing(idOf(text), text, false))
	}
	errs := s.SendBatch(ctx, all)
	close(hold)
	for i, err := range errs {
		var e *deliver.Error
		if i < 2 && err != nil && !errors.Is(err, context.Canceled) || i >= 2 && err == nil ||
			i == 2 && (!errors.As(err, &e) || !e.Uncertain || !errors.Is(err, context.Canceled)) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// A server is still at work on a window when somebody looks for what was in it: nothing of it is sent again.
func TestWindowArrivesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, end := piped(t, imaptest.Options{After: func(n int, _ string) string {
			if n > 2 {
				time.Sleep(2 * time.Second)
			}
			return ""
		}}, func(c net.Conn) net.Conn { return stubborn{pump(c)} })
		base := w.set
		w.set = func(o *Options) { base(o); o.calm = 0 }
		s := w.open(false)
		w.must(w.send(s, "first", ordinary(0), false))
		texts := several(1, 6)
		ctx, kill := context.WithTimeout(t.Context(), 3*time.Second)
		defer kill()
		var all []deliver.Outgoing
		for _, text := range texts {
			all = append(all, w.outgoing(idOf(text), text, false))
		}
		s.SendBatch(ctx, all)
		s.Close()
		s = w.open(true)
		for i, err := range w.batch(s, texts, true) {
			if err != nil {
				t.Errorf("%d: %v", i, err)
			}
		}
		w.once("after a look", append(texts, ordinary(0))...)
		s.Close()
		end()
	})
}

// stubborn is the server's end of a connection, for one that does not notice that nobody reads its answers.
type stubborn struct{ *pumped }

func (c stubborn) Write(p []byte) (int, error) {
	_, _ = c.pumped.Write(p)
	return len(p), nil
}
