package notify

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/foreign"
)

var update = flag.Bool("update", false, "write the golden files in testdata anew")

// noticeOf makes a notice as the Notifier does.
func noticeOf(group int, kind string, after time.Duration, change func(*record)) Notice {
	r := &record{
		Format: format, Account: "work", Group: groupNames[group], ID: "abcdefghijklmnopqrstuvwxyz", Host: "nas.example.net",
		Since: start, Failures: 37, Cause: "network", What: "dial tcp 192.0.2.1:995: connect: connection refused",
		Next: "the next pass tries again; if it goes on, check host, port and the network",
	}
	if change != nil {
		change(r)
	}
	if kind != Trouble || r.Told != "" {
		r.add(Trouble, start, nil)
	}
	r.add(kind, start.Add(after), nil)
	return r.Queue[len(r.Queue)-1].Notice
}

func notices() map[string]Notice {
	login := func(r *record) {
		r.Person, r.Failures, r.Cause = true, 1, "login"
		r.What = `login refused: -ERR [AUTH] Authentication failed. <!channel>`
		r.Next = "check username and password, and that the provider allows POP3 for this mailbox (many want it switched on, or an app password)"
	}
	return map[string]Notice{
		"temporary": noticeOf(troubleGroup, Trouble, 6*time.Hour+4*time.Minute, nil),
		"person":    noticeOf(troubleGroup, Trouble, 0, login),
		"turned": noticeOf(troubleGroup, Trouble, 50*time.Hour, func(r *record) {
			login(r)
			r.Told, r.Failures, r.Next = toldTemporary, 212, ""
		}),
		"recovered": noticeOf(troubleGroup, Recovered, 26*time.Hour, nil),
		"parked": noticeOf(parkedGroup, Trouble, 0, func(r *record) {
			r.Cause, r.What, r.Next, r.Failures, r.Parked = "parked", parkedWhat(3, "stuck on the way to smtp: send mx.example.net:25: end of data: server said 554 5.7.1 spam"), parkedNext("work"), 1, 3
		}),
		"parked-one": noticeOf(parkedGroup, Trouble, 0, func(r *record) {
			r.Cause, r.What, r.Next, r.Failures, r.Parked = "parked", parkedWhat(1, ""), "", 1, 1
		}),
		"stopped": noticeOf(troubleGroup, Trouble, 0, func(r *record) {
			login(r)
			r.Next = "refused 3 times, so it is not tried again: check username and password; then change the configuration or say: popsync run work, which tries at once"
		}),
		"config": noticeOf(troubleGroup, Trouble, 0, func(r *record) {
			r.Person, r.Failures, r.Cause = true, 1, "config"
			r.What, r.Next = "/mail/work: it belongs to another user", "make it your own"
		}),
		"skipped": noticeOf(skippedGroup, Trouble, 0, func(r *record) {
			r.Cause, r.What, r.Next, r.Failures = "skipped", skippedWhat(1), "", 1
		}),
		"skipped-recovered": noticeOf(skippedGroup, Recovered, 50*time.Hour, func(r *record) {
			r.Cause, r.What, r.Next = "skipped", skippedWhat(2), ""
		}),
		"parked-recovered": noticeOf(parkedGroup, Recovered, 90*time.Minute, func(r *record) {
			r.Cause, r.What, r.Next, r.Parked = "parked", parkedWhat(1, "not given by the server: pop3: RETR 1: server refused: damaged"), parkedNext("work"), 1
		}),
	}
}

// The golden files are the messages as people get them, but for CRLF. Read them when they change.
func TestGolden(t *testing.T) {
	for name, n := range notices() {
		got := bytes.ReplaceAll(n.message(), []byte("\r\n"), []byte("\n"))
		path := filepath.Join("testdata", "notices", name+".eml")
		if *update {
			must(t, os.WriteFile(path, got, 0o644))
		}
		want, err := os.ReadFile(path)
		must(t, err)
		if !bytes.Equal(got, want) {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

// wellFormed is what every message has to be, whatever is in it.
func wellFormed(t *testing.T, n Notice) {
	t.Helper()
	b := n.message()
	head, body, _ := bytes.Cut(b, []byte("\r\n\r\n"))
	for line := range bytes.SplitSeq(bytes.TrimSuffix(b, []byte("\r\n")), []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsFunc(line, func(r rune) bool { return !foreign.Shown(r) }) {
			t.Errorf("line %q", line)
		}
	}
	// The header is ASCII, and says whether the text is.
	beyond := func(b []byte) bool { return bytes.ContainsFunc(b, func(r rune) bool { return r >= 0x7f }) }
	if wide := bytes.Contains(head, []byte("charset=utf-8")) && bytes.Contains(head, []byte("Encoding: 8bit")); beyond(head) || beyond(body) != wide {
		t.Errorf("text beyond ASCII: %v, by the header %v", beyond(body), wide)
	}
	m, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	if len(m.Header) != 9 && len(m.Header) != 11 {
		t.Errorf("%d fields", len(m.Header))
	}
	if date, err := m.Header.Date(); err != nil || !date.Equal(n.At.Truncate(time.Second)) {
		t.Errorf("date %v, %v", date, err)
	}
	if from, err := m.Header.AddressList("From"); err != nil || from[0].Address != "popsync@"+n.Host {
		t.Errorf("from %v, %v", from, err)
	}
	if to, err := m.Header.AddressList("To"); err != nil || len(to) != 0 {
		t.Errorf("to %v, %v", to, err)
	}
	if id := m.Header.Get("Message-ID"); id != "<popsync."+n.ID+"@"+n.Host+">" {
		t.Errorf("id %s", id)
	}
	if m.Header.Get("Auto-Submitted") != "auto-generated" || m.Header.Get("Subject") != n.Subject() {
		t.Errorf("%v", m.Header)
	}
	body, err = io.ReadAll(m.Body)
	must(t, err)
	if got := strings.ReplaceAll(string(body), "\r\n", "\n"); got != n.Text() || len(got) > 4096 || strings.Contains(got, "\n\n\n") {
		t.Errorf("body of %d octets:\n%s", len(got), got)
	}
}

func TestMessages(t *testing.T) {
	for _, n := range notices() {
		wellFormed(t, n)
		for _, account := range []string{"a.b", "..", "-", strings.Repeat("x", 64), strings.Repeat(".", 64)} {
			n.Account = account
			n.What, n.Next = strings.Repeat("x", maxLine), strings.Repeat("w y ", maxLine/4)
			n.Host = strings.Repeat("h", 63) + "." + strings.Repeat("i", 63) + "." + strings.Repeat("j", 63) + "." + strings.Repeat("k", 63)
			n.Cause = strings.Repeat("c", 32)
			wellFormed(t, n)
		}
	}
	n := notices()["person"]
	n.What = line("login refused: 密码错误\u202e\x1b")
	if wellFormed(t, n); !strings.Contains(string(n.message()), `密码错误\xe2\x80\xae\x1b`) {
		t.Errorf("%s", n.message())
	}
	reply := notices()["recovered"]
	if b := string(reply.message()); !strings.Contains(b, "\r\nIn-Reply-To: <popsync.abcdefghijklmnopqrstuvwxyz-trouble@nas.example.net>\r\n") {
		t.Error(b)
	}
}

func TestFold(t *testing.T) {
	for _, s := range []string{
		"", "A: b", "A: " + strings.Repeat("b", 100), "A: " + strings.Repeat("b", 100) + " c", strings.Repeat("Aaa ", 50),
		"A: " + strings.Repeat("b ", 200) + "c", "A: c " + strings.Repeat("b", 90) + " d",
	} {
		folded := fold(s)
		if strings.ReplaceAll(folded, "\r\n", "") != s {
			t.Errorf("%q became %q", s, folded)
		}
		for i, line := range strings.Split(folded, "\r\n") {
			if strings.TrimSpace(line) == "" && s != "" || i > 0 && line[0] != ' ' || len(line) > 78 && strings.Contains(strings.TrimPrefix(line[1:], ": "), " ") {
				t.Errorf("%q: line %q", s, line)
			}
		}
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		" a\r\nb\tc ": "a  b c", "\x1b[1mä": `\x1b[1mä`, "\xe4\n\x1b": `\xe4 \x1b`, "a\u202eb": `a\xe2\x80\xaeb`, strings.Repeat("密", 200): strings.Repeat("密", 165) + " ...", "": "", strings.Repeat("x", 500): strings.Repeat("x", 500),
		strings.Repeat("x", 501): strings.Repeat("x", 496) + " ...", strings.Repeat("\x00", 500): strings.Repeat(`\x00`, 124) + " ...",
	} {
		if got := line(in); got != want || !isLine(got) || line(got) != got {
			t.Errorf("%q became %q", in, got)
		}
	}
	for in, want := range map[string]string{"": "unknown", "Log in\n": "log-in-", "a_b.c-1": "a_b.c-1", strings.Repeat("y", 40): strings.Repeat("y", 32)} {
		if got := word(in); got != want || word(got) != got {
			t.Errorf("%q became %q", in, got)
		}
	}
	for in, want := range map[string]string{
		"": "localhost", "a": "a", "A-1.example": "A-1.example", "a b": "localhost", "a.": "localhost", "-a": "localhost", "a_b": "localhost",
		"a>\r\nX: y": "localhost", strings.Repeat("a", 64): "localhost", strings.Repeat("a.", 130) + "a": "localhost",
	} {
		if got := fitHost(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
	for d, want := range map[time.Duration]string{
		-time.Hour: "less than a minute", time.Minute: "1 minute", 59*time.Minute + 59*time.Second: "59 minutes", time.Hour: "1 hour",
		47*time.Hour + 59*time.Minute: "47 hours", 48 * time.Hour: "2 days",
	} {
		if got := lasted(d); got != want {
			t.Errorf("%v: %s", d, got)
		}
	}
}

func TestMaildir(t *testing.T) {
	n, fault := notices()["person"], errors.New("disk full")
	m := NewMaildir(func(_ context.Context, account string, message []byte) error {
		if account != "work" || !bytes.Equal(message, n.message()) {
			t.Errorf("%s: %s", account, message)
		}
		return fault
	})
	if err := m.Send(context.Background(), n); err != fault || m.Name() != "maildir" {
		t.Error(err)
	}
}

// Why a message is parked is told as long as it is the same number of them, whether or not a later outcome knows it.
func TestParkedWhy(t *testing.T) {
	var r *record
	for i, c := range []struct {
		n         int
		why, want string
	}{
		{1, "stuck at b", "1 message is set aside, stuck at b"},
		{1, "", "1 message is set aside, stuck at b"},
		{2, "", "2 messages are set aside"},
		{2, "stuck at c\n", "2 messages are set aside, one of them stuck at c"},
	} {
		o := Outcome{Account: "a", At: start.Add(time.Duration(i) * time.Minute), Parked: c.n, ParkedWhy: c.why}
		f, ok := o.fact(parkedGroup, 1, r.open())
		if r, _ = advance(r, f); !ok || r.What != c.want || !r.open() {
			t.Fatalf("%d: %+v", i, r)
		}
	}
}
