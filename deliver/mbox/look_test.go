package mbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
)

const message = "Return-Path: <me@a.example>\r\nReceived: by mx.example id 1\r\nSubject: one\r\n\r\nFrom me to you\r\nThe text.\r\n"

// stride is how many octets lie between two kills: all are tried at full size.
func stride() int {
	if os.Getenv("POPSYNC_LARGE") != "" {
		return 1
	}
	return 4
}

// A kill after every octet: the message is there once, and nothing of the piece, if nobody else wrote meanwhile.
func TestTornAnywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.open(false), "first", "Subject: before\r\n\r\nx\r\n", false)
	before := w.file()
	w.must(w.open(false), "whole", message, false)
	whole := w.file()
	for at := 0; at < len(whole)-len(before); at += stride() {
		w.put(before)
		id := fmt.Sprintf("id%d", at)
		w.lost(w.open(true), id, message, false, at)
		if got := w.file(); got != whole[:len(before)+at] {
			t.Fatalf("killed after %d octets: %q", at, got)
		}
		s := w.open(true)
		for range 2 {
			w.must(s, id, message, true)
			if got := w.file(); got != whole {
				t.Fatalf("killed after %d octets, and tried again: %q", at, got)
			}
		}
		if tells := s.Tell(); len(tells) > 0 {
			t.Errorf("%q", tells)
		}
	}
}

// Another program wrote behind the piece: nothing of its message is touched, the piece stays, and a person is told of it.
func TestTornAndOthersBehind(t *testing.T) {
	t.Parallel()
	for _, theirs := range []string{"", "\n", "\n\n"} {
		w := newWorld(t)
		w.must(w.open(false), "first", "Subject: before\r\n\r\nx\r\n", false)
		before := w.file()
		w.must(w.open(false), "whole", message, false)
		size := len(w.file()) - len(before)
		fromLine := strings.Index(w.file()[len(before):], "\n") + 1
		step := stride()
		if theirs != "" {
			step = 7
		}
		for at := 1; at < size; at += step {
			if at == size-1 && theirs != "" {
				break // with their empty line it is whole
			}
			w.put(before)
			id := fmt.Sprintf("id%d", at)
			w.lost(w.open(true), id, message, false, at)
			w.put(w.file() + theirs + "From you@b.example Sun Nov  8 07:00:00 2026\nSubject: theirs\n\ny\n\n")
			was := w.file()
			s := w.open(true)
			w.must(s, id, message, true)
			after, kept := strings.CutPrefix(w.file(), was)
			if all := parse(t, after); !kept || len(all) != 1 || all[0] != stored(message) {
				t.Fatalf("killed after %d octets: %q became %q", at, was, w.file())
			}
			tells := s.Tell()
			if want := fmt.Sprintf("a piece of a message, %d octets at offset %d", at, len(before)); at >= fromLine && (len(tells) != 1 || !strings.HasPrefix(tells[0], want) && theirs == "") {
				t.Errorf("killed after %d octets, %q behind: told %q", at, theirs, tells)
			}
			if tells := s.Tell(); len(tells) > 0 {
				t.Errorf("told again: %q", tells)
			}
		}
	}
}

// Zeros at the end are what a power cut may leave of what was not synced.
func TestZerosAreCutOff(t *testing.T) {
	w := newWorld(t)
	w.lost(w.open(false), "id", message, false, 40)
	w.put(w.file() + strings.Repeat("\x00", 30))
	w.must(w.open(true), "id", message, true)
	if all := w.messages(); len(all) != 1 || all[0] != stored(message) {
		t.Errorf("%q", all)
	}
}

// A later message of ours stands where this one was to be: its copy is not taken for this one's, though it is equal.
func TestLaterTwin(t *testing.T) {
	w := newWorld(t)
	w.lost(w.open(false), "a", message, false, 0)
	s := w.open(true)
	w.must(s, "b", message, false)
	w.must(s, "a", message, true)
	if n := len(w.messages()); n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
	// And one that stands behind a piece, which another program's message is part of.
	w.lost(w.open(true), "c", message, false, 60)
	w.put(w.file() + "From you@b.example Sun Nov  8 07:00:00 2026\n\n\n")
	s = w.open(true)
	w.must(s, "d", message, false)
	w.must(s, "c", message, true)
	if tells := s.Tell(); len(tells) != 1 || !strings.Contains(tells[0], " 60 octets ") {
		t.Errorf("told %q", tells)
	}
	if n := strings.Count(w.file(), "The text.\n\n"); n != 4 {
		t.Errorf("%d whole messages, want 4: %q", n, w.file())
	}
}

// A message that is torn may not come again for long: what comes before it does not stand behind the piece.
func TestTornAndAnotherNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.open(false), "first", "Subject: before\r\n\r\nx\r\n", false)
	before := w.file()
	w.must(w.open(false), "whole", message, false)
	size := len(w.file()) - len(before)
	for at := 0; at < size; at += stride() {
		w.put(before)
		torn, next := fmt.Sprintf("torn%d", at), fmt.Sprintf("next%d", at)
		w.lost(w.open(true), torn, message, false, at)
		s := w.open(true)
		w.must(s, next, "Subject: next\r\n\r\ny\r\n", false)
		if all := w.messages(); len(all) != 2 || all[1] != "Subject: next\n\ny\n" {
			t.Fatalf("killed after %d octets, and another one next: %q", at, w.file())
		}
		w.must(w.open(true), torn, message, true)
		if all := w.messages(); len(all) != 3 || all[2] != stored(message) {
			t.Fatalf("killed after %d octets, and tried again behind another: %q", at, w.file())
		}
	}
}

// What others did to the mailbox meanwhile, and what is concluded from it.
func TestRewritten(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world, before, whole string)
		unsure bool
	}{
		"nothing": {func(*world, string, string) {}, false},
		"marked as read": {func(w *world, _, whole string) {
			w.put(strings.Replace(whole, "Subject: one\n", "Subject: one\nStatus: RO\n", 1))
		}, true},
		"one before it was deleted": {func(w *world, before, whole string) { w.put(strings.TrimPrefix(whole, before)) }, true},
		"one before it was marked": {func(w *world, _, whole string) {
			w.put(strings.Replace(whole, "Subject: before\n", "Subject: before\nStatus: O\n", 1))
		}, true},
		"all were taken": {func(w *world, _, _ string) { w.put("") }, true},
		"it is gone":     {func(w *world, _, _ string) { w.must0(os.Remove(w.path)) }, true},
		"another file": {func(w *world, _, whole string) {
			w.must0(os.Rename(w.path, w.path+".old"))
			w.put(whole)
		}, true},
	} {
		w := newWorld(t)
		w.must(w.open(false), "first", "Subject: before\r\n\r\nx\r\n", false)
		before := w.file()
		w.lost(w.open(true), "id", message, false, behind)
		c.change(w, before, w.file())
		was := w.file()
		if c.unsure {
			w.unsure(w.open(true), "id", message)
		} else {
			w.must(w.open(true), "id", message, true)
		}
		if got := w.file(); got != was {
			t.Errorf("%s: %q became %q", name, was, got)
		}
		w.must(w.open(true), "next", "Subject: next\r\n\r\nz\r\n", false)
		if got := w.file(); !strings.HasPrefix(got, was) || !strings.Contains(got[len(was):], "Subject: next\n") {
			t.Errorf("%s: %q became %q", name, was, got)
		}
	}
}

// All that is in front of a message counts: where mail was deleted, another message may begin where this one did.
func TestAnotherInItsPlace(t *testing.T) {
	w := newWorld(t)
	w.must(w.open(false), "first", "Subject: before\r\n\r\n"+strings.Repeat("x", 500)+"\r\n", false)
	before := w.file()
	w.lost(w.open(true), "id", message, false, behind)
	ours := strings.TrimPrefix(w.file(), before)
	const head = "From you@b.example Sun Nov  8 07:00:00 2026\n"
	w.put(ours + head + strings.Repeat("y", len(before)-len(ours)-len(head)-2) + "\n\n" + head + "z\n\n")
	w.unsure(w.open(true), "id", message)
}

// A message that somebody wants once more is a new one, whatever is known of the first.
func TestOnceMore(t *testing.T) {
	w := newWorld(t)
	s := w.open(false)
	w.must(s, "id", message, false)
	w.lost(s, "id", message, false, 0)
	w.must(s, "id", message, true)
	w.lost(s, "id", message, false, 0)
	w.must(w.open(true), "id", message, true)
	if n := len(w.messages()); n != 3 {
		t.Errorf("%d messages, want 3", n)
	}
}

// What cannot be written whole, or not be made durable, does not stay, and nobody is in doubt of it.
func TestDoesNotStay(t *testing.T) {
	for name, set := range map[string]func(s *Sender){
		"full": func(s *Sender) {
			s.write = func(f *os.File, p []byte) (int, error) {
				n, err := f.Write(p[:len(p)/2])
				return n, errors.Join(err, unix.ENOSPC)
			}
		},
		"no sync": func(s *Sender) {
			s.sync = func(f *os.File, last []byte) error {
				_, err := f.Write(last)
				return errors.Join(err, unix.EIO)
			}
		},
	} {
		w := newWorld(t)
		w.must(w.open(false), "first", "Subject: before\r\n\r\nx\r\n", false)
		before := w.file()
		s := w.open(true)
		set(s)
		var e *deliver.Error
		if err := w.send(s, "id", message, false); !errors.As(err, &e) || e.Uncertain || e.Scope != deliver.WholeTarget || e.Full != (name == "full") {
			t.Errorf("%s: %v", name, err)
		}
		if got := w.file(); got != before {
			t.Errorf("%s: %q is left", name, strings.TrimPrefix(got, before))
		}
		w.must(w.open(true), "id", message, true)
		if n := len(w.messages()); n != 2 {
			t.Errorf("%s: %d messages, want 2", name, n)
		}
	}
}

func (w *world) must0(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// The record is written anew from time to time, and keeps what is in doubt.
func TestRecordIsShort(t *testing.T) {
	w := newWorld(t)
	w.lost(w.open(false), "doubt", message, false, behind)
	r, err := openRecord(w.copies, Options{Path: w.path}.Where())
	w.must0(err)
	r.dir, r.file = "", nil // without all the syncs
	for i := range 2 * maxLines {
		id := fmt.Sprintf("id%d", i)
		w.must0(r.begin(id, place{base: 1 << 40, tail: "x"}))
		r.take(id)
	}
	r.dir = filepath.Dir(w.copies)
	w.must0(r.save())
	r.close()
	text, err := os.ReadFile(w.copies + ".look")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n > maxLines+3*kept {
		t.Errorf("%d lines", n)
	}
	w.must(w.open(true), "doubt", message, true)
	if n := len(w.messages()); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
	// Where nothing is in doubt, it begins anew.
	w.must(w.open(false), "new", message, false)
	if text, err = os.ReadFile(w.copies + ".look"); err != nil || strings.Contains(string(text), "doubt") {
		t.Errorf("%q, %v", text, err)
	}
}
