package imap

import (
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/imap/imaptest"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/exit"
)

// words puts an error as testdata/answers.txt does.
func words(e *deliver.Error) string {
	all := []string{map[deliver.Scope]string{deliver.ThisMessage: "message", deliver.WholeTarget: "whole"}[e.Scope]}
	for _, w := range []struct {
		word string
		is   bool
	}{{"permanent", e.Permanent}, {"full", e.Full}, {"uncertain", e.Uncertain}} {
		if w.is {
			all = append(all, w.word)
		}
	}
	if e.Wait > 0 {
		all = append(all, "wait "+e.Wait.String())
	}
	return strings.Join(all, " ")
}

// ends is how a run ends because of it, and the word for that. Only what no message can get past for good wants a person at once: a message that is
// refused is parked or goes into the fallback, and the run is to come again.
func ends(want string) (code int, class verdict.Class) {
	if strings.HasPrefix(want, "whole permanent") {
		return 78, "config"
	}
	return 75, "temporary"
}

// moments are when a server refuses. Only the first message is refused.
var moments = []struct {
	name, caps string
	cell       int // of a row in testdata/answers.txt
	refuse     func(o *imaptest.Options, first *atomic.Bool, answer string)
}{
	{"to STATUS", "IMAP4rev1 UIDPLUS", 1, func(o *imaptest.Options, first *atomic.Bool, answer string) {
		o.On = func(verb, _ string) string {
			if verb == "STATUS" && first.Load() {
				return answer
			}
			return ""
		}
	}},
	{"in place of +", "IMAP4rev1 UIDPLUS", 2, func(o *imaptest.Options, first *atomic.Bool, answer string) {
		o.Before = func(int, string) string {
			if first.Load() {
				return answer
			}
			return ""
		}
	}},
	{"after the message", "IMAP4rev1 UIDPLUS", 3, afterMessage},
	{"after LITERAL+", "IMAP4rev1 UIDPLUS LITERAL+", 3, afterMessage},
}

func afterMessage(o *imaptest.Options, first *atomic.Bool, answer string) {
	o.After = func(int, string) string {
		if first.Load() {
			return answer
		}
		return ""
	}
}

// What a server may answer at each moment: the verdict, the wait, the exit code and its word. The next message gets in.
func TestAnswers(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("testdata/answers.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for line := range strings.Lines(string(table)) {
		row := strings.Split(strings.TrimSpace(line), " | ")
		if row[0] == "" || strings.HasPrefix(row[0], "#") {
			continue
		}
		if len(row) != 4 {
			t.Fatalf("%q has %d cells", line, len(row))
		}
		for i := 2; i < len(row); i++ {
			if row[i] == "=" {
				row[i] = row[i-1]
			}
		}
		cases += len(moments)
		for _, m := range moments {
			var first atomic.Bool
			first.Store(true)
			o := imaptest.Options{Caps: m.caps}
			m.refuse(&o, &first, row[0])
			w := newWorld(t, o)
			s := w.open(false)
			e := w.fault(w.send(s, "one", ordinary(1), false))
			v := verdict.Of(e)
			code, class := ends(row[m.cell])
			if got := words(e); got != row[m.cell] || v.Class != class || exit.Of(v.Class) != code {
				t.Errorf("%q %s: %s, %s, exit code %d; want %s, %s, %d: %v", row[0], m.name, got, v.Class, exit.Of(v.Class), row[m.cell], class, code, e)
			}
			first.Store(false)
			if err := w.send(s, "two", ordinary(2), false); err != nil {
				t.Errorf("%q %s: the next message: %v", row[0], m.name, err)
			}
			w.has(row[0], ordinary(2))
			s.Close()
			w.server.Hangup()
		}
	}
	if cases < 300 {
		t.Errorf("only %d cases", cases)
	}
	t.Logf("%d cases", cases)
}

// What is refused before anything is sent is that message's fault, and what is not refused gets in.
func TestUnfit(t *testing.T) {
	t.Parallel()
	head := "From: a@a.example\r\nMessage-ID: <u@a.example>\r\n"
	for _, tt := range []struct{ name, caps, text, want string }{
		{"NUL in the header", "", head + "Subject: a\x00b\r\n\r\nx\r\n", "message permanent"},
		{"NUL in the text", "", head + "\r\na\x00b\r\n", "message permanent"},
		{"NUL at the end", "", head + "\r\nx\r\n\x00", "message permanent"},
		{"NUL, and BINARY", "IMAP4rev1 LITERAL+ BINARY", head + "\r\na\x00b\r\n", "message permanent"},
		{"nothing", "", "", "message permanent"},
		{"8-bit header", "", head + "Subject: \xfc\xc3\xbc\r\n\r\nx\r\n", ""},
		{"8-bit text", "", head + "\r\n\xff\x80\r\n", ""},
		{"over APPENDLIMIT", "IMAP4rev1 LITERAL+ APPENDLIMIT=100", head + "\r\n" + strings.Repeat("x", 100) + "\r\n", "message permanent"},
		{"one octet over", "IMAP4rev1 APPENDLIMIT=60", head + "\r\n" + strings.Repeat("x", 59-len(head)), "message permanent"},
		{"just APPENDLIMIT", "IMAP4rev1 APPENDLIMIT=60", head + "\r\n" + strings.Repeat("x", 58-len(head)), ""},
		{"a limit that is none", "IMAP4rev1 APPENDLIMIT", head + "\r\nx\r\n", ""},
		{"a limit of nothing", "IMAP4rev1 APPENDLIMIT=0", head + "\r\nx\r\n", ""},
		{"a limit that is no number", "IMAP4rev1 APPENDLIMIT=much", head + "\r\nx\r\n", ""},
	} {
		w := newWorld(t, imaptest.Options{Caps: tt.caps})
		s := w.open(false)
		err := w.send(s, "one", tt.text, false)
		if tt.want == "" {
			if w.has(tt.name, tt.text); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		e := w.fault(err)
		if got := words(e); got != tt.want || exit.Of(verdict.Of(e).Class) != 75 || !verdict.Permanent(e) || len(w.server.Commands("APPEND")) > 0 {
			t.Errorf("%s: %s, want %s, and nothing sent: %v", tt.name, got, tt.want, e)
		}
		w.server.Change(func(o *imaptest.Options) { o.Caps = "IMAP4rev1 LITERAL+" })
		s.Close()
		w.must(w.send(w.open(false), "two", ordinary(2), false))
	}
}

// Where an access token expires in the midst of a connection, the next one logs in anew, at once where it was an old connection.
func TestLapsed(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"NO [EXPIRED] token", "NO [AUTHENTICATIONFAILED] token", "BAD [AUTHORIZATIONFAILED] token"} {
		var lapsed atomic.Bool
		w := newWorld(t, imaptest.Options{
			On: func(verb, _ string) string {
				if verb == "AUTHENTICATE" || verb == "LOGIN" {
					lapsed.Store(false)
				}
				return ""
			},
			After: func(int, string) string {
				if lapsed.Load() {
					return answer
				}
				return ""
			},
		})
		s := w.open(false)
		w.must(w.send(s, "one", ordinary(1), false))
		lapsed.Store(true)
		w.must(w.send(s, "two", ordinary(2), false))
		lapsed.Store(true)
		for i, err := range w.batch(s, several(3, 2), false) {
			if i == 0 && words(w.fault(err)) != "whole" {
				t.Errorf("%s in a window: %v", answer, err)
			}
		}
		for _, err := range w.batch(s, several(3, 2), false) {
			w.must(err)
		}
		w.has(answer, append([]string{ordinary(1), ordinary(2)}, several(3, 2)...)...)
	}
}

// A throttled message is not sent a second time at once, without its date, and the date is not given up for it.
func TestThrottledKeepsItsDate(t *testing.T) {
	t.Parallel()
	var slow atomic.Bool
	slow.Store(true)
	w := newWorld(t, imaptest.Options{Before: func(int, string) string {
		if slow.Load() {
			return "BAD Request is throttled. Suggested Backoff Time: 1500 milliseconds"
		}
		return ""
	}})
	s := w.open(false)
	if e := w.fault(w.send(s, "one", ordinary(1), false)); words(e) != "whole wait 1.5s" || len(w.server.Commands("APPEND")) != 1 {
		t.Errorf("%d times APPEND: %v", len(w.server.Commands("APPEND")), e)
	}
	slow.Store(false)
	w.must(w.send(s, "one", ordinary(1), true))
	if all := w.server.Messages("INBOX"); len(all) != 1 || !strings.Contains(all[0].Args, "2026") {
		t.Errorf("%+v", all)
	}
}

// A look that is throttled passes, whatever the status: it does not leave the message unsure for good.
func TestThrottledLook(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"NO Request is throttled. Suggested Backoff Time: 1500 milliseconds", "BAD Request is throttled. Suggested Backoff Time: 1500 milliseconds"} {
		for _, verb := range []string{"STATUS", "EXAMINE", "UID"} {
			var doubt, slow atomic.Bool
			doubt.Store(true)
			w := newWorld(t, imaptest.Options{
				On: func(v, _ string) string {
					if v == verb && slow.Load() {
						return answer
					}
					return ""
				},
				After: func(int, string) string {
					if doubt.Load() {
						return "-ok"
					}
					return ""
				},
			})
			s := w.open(false)
			if e := w.fault(w.send(s, "one", ordinary(1), false)); !e.Uncertain {
				t.Fatal(e)
			}
			doubt.Store(false)
			s.Close()
			s = w.open(true)
			slow.Store(true)
			if e := w.fault(w.send(s, "one", ordinary(1), true)); words(e) != "whole wait 1.5s" {
				t.Errorf("%s to %s: %s: %v", answer, verb, words(e), e)
			}
			slow.Store(false)
			w.must(w.send(s, "one", ordinary(1), true))
			w.has(answer+" to "+verb, ordinary(1))
		}
	}
}
