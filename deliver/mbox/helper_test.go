package mbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
)

// world is a mailbox, and a folder of copies whose record outlives Senders.
type world struct {
	testing.TB
	path   string
	copies string
	set    func(o *Options) // changes each Sender's options

	lose  atomic.Value // after so many octets of a message the process is killed, as it were; negative: it is not
	blind atomic.Bool
}

func newWorld(t testing.TB) *world {
	dir := t.TempDir()
	w := &world{TB: t, path: filepath.Join(dir, "mail", "inbox"), copies: filepath.Join(dir, "spool", "copies")}
	for _, d := range []string{filepath.Dir(w.path), filepath.Dir(w.copies)} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.lose.Store(-1)
	return w
}

var (
	errKilled = errors.New("killed")
	errBlind  = errors.New("input/output error, as it were")
)

// open begins a process.
func (w *world) open(doubts bool) *Sender {
	w.Helper()
	o := Options{Path: w.path, Patience: 10 * time.Second}
	if w.set != nil {
		w.set(&o)
	}
	s, err := New(o)
	if err != nil {
		w.Fatal(err)
	}
	s.Hold(doubts)
	write, sync, size, read := s.write, s.sync, s.size, s.read
	dead := false
	s.write = func(f *os.File, p []byte) (int, error) {
		at := w.lose.Load().(int)
		if at < 0 || at > len(p) {
			return write(f, p)
		}
		dead = true
		n, err := write(f, p[:at])
		return n, errors.Join(errKilled, err)
	}
	s.sync = func(f *os.File, last []byte) error {
		err := sync(f, last)
		if w.lose.Load().(int) >= 0 {
			dead = true
			err = errors.Join(errKilled, err)
		}
		return err
	}
	s.size = func(f *os.File) (int64, error) {
		if dead { // who was killed cuts nothing off
			dead = false
			w.lose.Store(-1)
			return 0, errKilled
		}
		return size(f)
	}
	s.read = func(f *os.File, p []byte, at int64) (int, error) {
		if w.blind.Load() {
			return 0, errBlind
		}
		return read(f, p, at)
	}
	w.Cleanup(func() { s.Close() })
	return s
}

func (w *world) outgoing(id, text string, again bool) deliver.Outgoing {
	return deliver.Outgoing{
		Message: deliver.Message{Account: "work", UID: id}, ID: id, Folder: w.copies, Staged: time.Date(2026, 11, 8, 6, 7, 8, 9, time.Local),
		Body: strings.NewReader(text), Octets: int64(len(text)), Again: again,
	}
}

func (w *world) send(s *Sender, id, text string, again bool) error {
	return s.Send(context.Background(), w.outgoing(id, text, again))
}

func (w *world) must(s *Sender, id, text string, again bool) {
	w.Helper()
	if err := w.send(s, id, text, again); err != nil {
		w.Fatalf("Send of %s: %v", id, err)
	}
}

// lost sends a message and is killed when at octets of it are written; a large number: when all are.
func (w *world) lost(s *Sender, id, text string, again bool, at int) {
	w.Helper()
	w.lose.Store(at)
	var e *deliver.Error
	if err := w.send(s, id, text, again); !errors.As(err, &e) || !e.Uncertain {
		w.Fatalf("Send of %s, with a kill: %v", id, err)
	}
	w.lose.Store(-1)
}

const behind = 1 << 40 // of lost: the message is whole

func (w *world) unsure(s *Sender, id, text string) {
	w.Helper()
	var e *deliver.Error
	if err := w.send(s, id, text, true); !errors.Is(err, deliver.ErrInferred) || errors.As(err, &e) {
		w.Errorf("Send of %s: %v, want that nobody can tell", id, err)
	}
}

// file is the mailbox as it is.
func (w *world) file() string {
	w.Helper()
	text, err := os.ReadFile(w.path)
	if err != nil && !os.IsNotExist(err) {
		w.Fatal(err)
	}
	return string(text)
}

func (w *world) put(text string) {
	w.Helper()
	if err := os.WriteFile(w.path, []byte(text), 0o600); err != nil { // in place: it stays the file that it is
		w.Fatal(err)
	}
}

// foreign is what another program does.
func (w *world) foreign(text string) {
	w.Helper()
	was := w.file()
	if was != "" && !strings.HasSuffix(was, "\n\n") {
		was += "\n"
	}
	w.put(was + "From you@b.example Sun Nov  8 07:00:00 2026\n" + text + "\n")
}

// messages are those of the mailbox, read as mboxrd is meant to be.
func (w *world) messages() (all []string) {
	w.Helper()
	return parse(w.TB, w.file())
}

var (
	begins = regexp.MustCompile(`(?m)^From [^ \n]+ [A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d \d{4}\n`)
	quoted = regexp.MustCompile(`(?m)^>(>*From )`)
)

func parse(t testing.TB, text string) (all []string) {
	t.Helper()
	at := begins.FindAllStringIndex(text, -1)
	if len(at) == 0 && text != "" || len(at) > 0 && at[0][0] != 0 {
		t.Errorf("the mailbox does not begin with a message: %.200q", text)
	}
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		body, ok := strings.CutSuffix(text[m[1]:end], "\n")
		if !ok {
			t.Errorf("message %d has no empty line behind it: %q", i, text[m[1]:end])
		}
		all = append(all, quoted.ReplaceAllString(body, "$1"))
	}
	return all
}

// stored is what a message becomes.
func stored(body string) string {
	body = strings.ReplaceAll(body, "\r\n", "\n")
	if body != "" && !strings.HasSuffix(body, "\n") {
		body += "\n"
	}
	return body
}
