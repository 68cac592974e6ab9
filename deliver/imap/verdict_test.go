package imap

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/imap/imaptest"
)

// Three different messages that are answered by BAD are not to blame, and one that was taken makes all forget.
func TestBadInARow(t *testing.T) {
	bad := true
	w := newWorld(t, imaptest.Options{After: func(int, string) string {
		if bad {
			return "BAD what"
		}
		return ""
	}})
	s := w.open(false)
	for i, want := range []string{"message permanent", "message permanent", "whole"} {
		if got := words(w.fault(w.send(s, fmt.Sprint("m", i), ordinary(i), false))); got != want {
			t.Errorf("message %d: %s, want %s", i, got, want)
		}
	}
	bad = false
	w.must(w.send(s, "m4", ordinary(4), false))
	bad = true
	if got := words(w.fault(w.send(s, "m5", ordinary(5), false))); got != "message permanent" {
		t.Errorf("after one that was taken: %s", got)
	}
}

// A date that annoys the server is left out, and then always.
func TestDateIsLeftOut(t *testing.T) {
	w := newWorld(t, imaptest.Options{Before: func(_ int, line string) string {
		if strings.Contains(line, "2026") {
			return "BAD that date"
		}
		return ""
	}})
	s := w.open(false)
	w.must(w.send(s, "one", ordinary(1), false))
	w.must(w.send(s, "two", ordinary(2), false))
	w.has("without dates", ordinary(1), ordinary(2))
	if n := len(w.server.Commands("APPEND")); n != 3 {
		t.Errorf("%d times APPEND", n)
	}
}

func TestSizeLimit(t *testing.T) {
	w := newWorld(t, imaptest.Options{Caps: "IMAP4rev1 LITERAL+ UIDPLUS APPENDLIMIT=300"})
	s := w.open(false)
	e := w.fault(w.send(s, "one", ordinary(1)+strings.Repeat("x", 300), false))
	if words(e) != "message permanent" || e.Envelope || len(w.server.Commands("APPEND")) > 0 {
		t.Errorf("over APPENDLIMIT: %+v", e)
	}
	w.must(w.send(s, "two", "Subject: a\r\n\r\nb\r\n", false))
}

// Never a literal that the server did not ask for and has not announced.
func TestLiterals(t *testing.T) {
	big := ordinary(1) + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 80)
	for _, tt := range []struct{ caps, text, want string }{
		{"IMAP4rev1", ordinary(1), "}"}, {"IMAP4rev1 LITERAL+", big, "+}"}, {"IMAP4rev1 LITERAL-", ordinary(1), "+}"},
		{"IMAP4rev1 LITERAL-", big, "}"}, {"IMAP4rev2", ordinary(1), "+}"}, {"IMAP4rev2", big, "}"},
	} {
		w := newWorld(t, imaptest.Options{Caps: tt.caps})
		if err := w.send(w.open(false), "one", tt.text, false); err != nil && !strings.Contains(tt.caps, "rev2") {
			t.Errorf("%s: %v", tt.caps, err)
		}
		line := w.server.Commands("APPEND")[0]
		if got := strings.HasSuffix(line, "+}"); got != (tt.want == "+}") {
			t.Errorf("%s, %d octets: %s", tt.caps, len(tt.text), line)
		}
	}
}

// The folder is made if that is wanted, also when it vanishes in between; else nothing gets in.
func TestFolders(t *testing.T) {
	w := newWorld(t, imaptest.Options{Delimiter: ".", Prefix: "INBOX."})
	w.set = func(o *Options) { o.Folder, o.Create = "Archive/Größe", true }
	s := w.open(false)
	w.must(w.send(s, "one", ordinary(1), false))
	const name = "INBOX.Archive.Gr&APYA3w-e"
	if got := fmt.Sprint(w.server.Folders()); got != "[INBOX "+name+" *]" {
		t.Errorf("folders: %s", got)
	}
	w.server.Remove(name)
	w.must(w.send(s, "two", ordinary(2), false))
	if got := w.server.Messages(name); len(got) != 1 || got[0].Text != ordinary(2) {
		t.Errorf("after it vanished: %+v", got)
	}
	w.set = func(o *Options) { o.Folder = "nowhere" }
	e := w.fault(w.send(w.open(true), "three", ordinary(3), false))
	if words(e) != "whole permanent" || !strings.Contains(e.Hint, "create = true") {
		t.Errorf("a folder that is missing: %+v", e)
	}
	w.set = func(o *Options) { o.Folder = "a.b" }
	e = w.fault(w.send(w.open(true), "three", ordinary(3), false))
	if words(e) != "whole permanent" || !strings.Contains(e.Error(), "a.b") {
		t.Errorf("a name with the delimiter in it: %+v", e)
	}
}

// mailutils does not tell a folder that is missing from one that it cannot open: what is wanted is made, and else its words stay.
func TestUnclearFolder(t *testing.T) {
	var w *world
	locked := false
	w = newWorld(t, imaptest.Options{On: func(verb, line string) string {
		if verb == "STATUS" && (locked || !strings.Contains(fmt.Sprint(w.server.Folders()), "new")) {
			return "NO STATUS Error opening mailbox"
		}
		return ""
	}})
	w.set = func(o *Options) { o.Folder = "new" }
	e := w.fault(w.send(w.open(false), "one", ordinary(1), false))
	if words(e) != "whole" || !strings.Contains(e.Hint, "create = true") {
		t.Errorf("not to be made: %+v", e)
	}
	w.set = func(o *Options) { o.Folder, o.Create = "new", true }
	w.must(w.send(w.open(false), "one", ordinary(1), false))
	if got := fmt.Sprint(w.server.Folders()); got != "[INBOX new *]" {
		t.Errorf("folders: %s", got)
	}
	locked = true
	e = w.fault(w.send(w.open(false), "two", ordinary(2), false))
	if words(e) != "whole" || !strings.Contains(e.Error(), "Error opening") {
		t.Errorf("it is there: %+v", e)
	}
}

// A server that says [TRYCREATE] to a message although the folder is there means the message.
func TestTryCreateOfAMessage(t *testing.T) {
	w := newWorld(t, imaptest.Options{After: func(n int, text string) string {
		if strings.Contains(text, "number 1\r\n") {
			return "NO [TRYCREATE] APPEND failed"
		}
		return ""
	}})
	w.set = func(o *Options) { o.Create = true }
	s := w.open(false)
	if e := w.fault(w.send(s, "one", ordinary(1), false)); words(e) != "message permanent" {
		t.Errorf("%+v", e)
	}
	w.must(w.send(s, "two", ordinary(2), false))
}

func TestLogins(t *testing.T) {
	for _, tt := range []struct{ answer, want string }{
		{"NO [AUTHENTICATIONFAILED] Authentication failed.", "login permanent"},
		{"NO [AUTHORIZATIONFAILED] no", "login permanent"},
		{"NO [ALERT] Application-specific password required", "login permanent"},
		{"NO LOGIN failed", "login permanent"},
		{"NO [UNAVAILABLE] Temporary authentication failure.", ""},
		{"NO Temporary authentication failure", "login"},
		{"BAD User is authenticated but not connected.", "login"},
		{"NO [LIMIT] Too many simultaneous connections. (Failure)", ""},
		{"BYE too many connections", ""},
	} {
		w := newWorld(t, imaptest.Options{On: func(verb, _ string) string {
			if verb == "AUTHENTICATE" || verb == "LOGIN" {
				return tt.answer
			}
			return ""
		}})
		w.set = func(o *Options) { o.Auth = "login" }
		e := w.fault(w.open(false).Check(t.Context(), ""))
		got := ""
		if e.Login {
			got = "login"
		}
		if e.Permanent {
			got += " permanent"
		}
		if got != tt.want || e.Scope != deliver.WholeTarget || strings.Contains(e.Error(), imaptest.Password) {
			t.Errorf("%q: %q, want %q: %v", tt.answer, got, tt.want, e)
		}
	}
}

// A server that says that the conversation is over gets another connection; one that is silent is not waited for twice.
func TestIdleConnectionEnds(t *testing.T) {
	w := newWorld(t, imaptest.Options{})
	s := w.open(false)
	w.must(w.send(s, "one", ordinary(1), false))
	w.server.Hangup()
	time.Sleep(20 * time.Millisecond) // the end is on its way
	s.mu.Lock()
	for _, c := range s.pool.idle {
		c.idle = c.idle.Add(-time.Minute)
	}
	s.mu.Unlock()
	w.must(w.send(s, "two", ordinary(2), false))
	w.has("after a hangup", ordinary(1), ordinary(2))
}

// UIDs that are told wrong are noticed by what is there.
func TestUIDLie(t *testing.T) {
	lie := false
	w := newWorld(t, imaptest.Options{Lie: func(v, u uint32) (uint32, uint32) {
		if lie {
			return v, u + 1
		}
		return v, u
	}})
	s := w.open(false)
	w.must(w.send(s, "one", ordinary(1), false))
	if !s.rec.proved || !s.rec.uids {
		t.Fatalf("not proved: %+v", s.rec)
	}
	lie = true
	w.must(w.send(s, "two", ordinary(2), false)) // is said to be where the next one will be
	w.server.Change(func(o *imaptest.Options) { o.After = func(int, string) string { return "-ok" } })
	if e := w.fault(w.send(s, "three", ordinary(3), false)); !e.Uncertain {
		t.Error(e)
	}
	w.server.Change(func(o *imaptest.Options) { o.After = nil })
	s.Close()
	w.must(w.send(w.open(true), "three", ordinary(3), true))
	w.has("after a lie", ordinary(1), ordinary(2), ordinary(3))
}

func TestManyOthers(t *testing.T) {
	w := newWorld(t, imaptest.Options{After: func(n int, _ string) string {
		if n == 2 {
			return "-ok"
		}
		return ""
	}})
	s := w.open(false)
	w.must(w.send(s, "one", ordinary(1), false))
	w.fault(w.send(s, "two", ordinary(2), false))
	for range maxForeign + 5 {
		w.server.Put("INBOX", ordinary(9))
	}
	if err := w.send(s, "two", ordinary(2), true); !errors.Is(err, deliver.ErrInferred) {
		t.Errorf("too much other mail: %v", err)
	}
}

// Without UIDPLUS the base is raised now and then, so that a look stays short.
func TestBaseIsRaised(t *testing.T) {
	w := newWorld(t, imaptest.Options{Caps: "IMAP4rev1 LITERAL+"})
	s := w.open(false)
	for i := range maxNameless + 20 {
		w.must(w.send(s, fmt.Sprint("m", i), ordinary(i), false))
	}
	if s.rec.nameless() > 30 || s.rec.base < 500 {
		t.Errorf("%d without UIDs, base %d", s.rec.nameless(), s.rec.base)
	}
	w.must(w.send(s, fmt.Sprint("m", maxNameless-1), ordinary(maxNameless-1), true))
	if n := len(w.server.Messages("INBOX")); n != maxNameless+20 {
		t.Errorf("%d messages", n)
	}
}
