package parked

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/headline"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/uidtext"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// What a mail says of itself is shown harmless, whatever it is made of.
func TestParseHeader(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want header
	}{
		"plain":         {"From: Ada <ada@example.org>\r\nDate: x\r\nSubject: Hello\r\n\r\nSubject: no\r\n", header{"Ada <ada@example.org>", "x", "Hello"}},
		"folded, LF":    {"SUBJECT :one\n two\n\tthree\nX: y\n z\nfrom:a\n", header{"a", "", "one two three"}},
		"twice":         {"Subject: first\nSubject: second\n third\n", header{"", "", "first"}},
		"words":         {"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= =?iso-8859-1?b?5A==?=\nFrom: =?utf-8?q?a=0Ab?=\n", header{`a\x0ab`, "", "Gr\u00fc\u00dfe\u00e4"}},
		"no charset":    {"Subject: =?x-unknown?q?abc?=\n", header{"", "", "=?x-unknown?q?abc?="}},
		"escapes":       {"Subject: \x1b]0;x\a\x7f\xff\n", header{"", "", `\x1b]0;x\x07\x7f\xff`}},
		"none":          {"\r\nFrom: a\r\n", header{}},
		"nonsense":      {": x\n \n\tq\nfrom", header{}},
		"long":          {"Subject: " + strings.Repeat("x", 5000), header{"", "", strings.Repeat("x", 1021) + "..."}},
		"bidirectional": {"Subject: a\u202eb\n", header{"", "", `a\xe2\x80\xaeb`}},
	} {
		if got := shownHeader(headline.Parse([]byte(c.text))); got != c.want {
			t.Errorf("%s: %+v\nwant %+v", name, got, c.want)
		}
	}
	if got := (header{date: "Mon, 23 Nov 2026 10:00:01 +0000"}).when(); got != words.Stamp(time.Date(2026, 11, 23, 10, 0, 1, 0, time.UTC).Local().Unix()) {
		t.Errorf("date: %s", got)
	}
}

// stuckExamples are messages of every kind.
func stuckExamples(now time.Time) (all []uidl.Stuck, known []uidl.Destination, down []health.Outage) {
	message := func(uid string, change func(*uidl.Message)) uidl.Stuck {
		m := uidl.Message{Row: uidl.Row{Key: uidl.Key{UID: uid}, State: uidl.Wanted, Size: 12_700, FirstSeen: now.Add(-30 * time.Hour).Unix()}}
		if change != nil {
			change(&m)
		}
		return uidl.Stuck{Message: m}
	}
	at := func(s uidl.Stuck, ds ...uidl.Delivery) uidl.Stuck {
		s.Open = ds
		return s
	}
	tried := now.Add(-9 * time.Minute).Unix()
	all = []uidl.Stuck{
		message("0000a3f2-17", func(m *uidl.Message) {
			m.State, m.Attempts, m.NextTry, m.Reason = uidl.Parked, 4, now.Add(3*time.Hour).Unix(), "pop3: RETR 17: server refused: it is damaged"
		}),
		at(message("b c\xff", nil),
			uidl.Delivery{Destination: "relay", State: uidl.Staged, Ticket: "x", Attempts: 3, NextTry: now.Add(50 * time.Minute).Unix(), At: tried, Reason: "send mx.example.org:25: end of data: server said 554 5.7.1 " + strings.Repeat("spam ", 30)},
			uidl.Delivery{Destination: "archive", State: uidl.Staged, Ticket: "x", InDoubt: 1, At: tried, Reason: "the connection was lost"},
			uidl.Delivery{Destination: "quiet", State: uidl.Staged, Ticket: "x"}),
		at(message("-c", func(m *uidl.Message) { m.GoneAt = 1 }), uidl.Delivery{Destination: "old", State: uidl.Owed, Attempts: 1, At: tried, Reason: "no trace of it"}),
		at(message("d", func(m *uidl.Message) { m.FirstSeen, m.Size = uidl.Unstamped, 0 }), uidl.Delivery{Destination: "down", State: uidl.Staged, Ticket: "x", At: tried, Reason: "connection refused"}),
		message("e", func(m *uidl.Message) {
			m.State, m.Have, m.Reason = uidl.Delivered, uidl.Seen|uidl.Unsure, "given up by a person"
		}),
		at(message("f", func(m *uidl.Message) { m.State = uidl.DeleteSent }), uidl.Delivery{Destination: "archive", State: uidl.Staged, Ticket: "x", Attempts: 2, At: tried, Reason: "try later"}),
	}
	known = []uidl.Destination{{Name: "relay", Role: uidl.Required}, {Name: "archive", Ordinal: 1, Role: uidl.Required},
		{Name: "old", Ordinal: 2, Role: uidl.NotConfigured}, {Name: "down", Ordinal: 3, Role: uidl.Required}}
	down = []health.Outage{{Destination: "down", Since: now.Add(-2 * time.Hour), NextTry: now.Add(5 * time.Minute), Verdict: verdict.Verdict{Message: "connection refused"}}}
	return all, known, down
}

func exampleAccount(now time.Time) Account {
	all, known, down := stuckExamples(now)
	p := Account{Name: "work", Waits: "Paused, until you say: popsync resume work"}
	for i := range all {
		m := messageOf("work", uidtext.Name(all, all[i].Key), &all[i], known, down, now)
		if i == 1 {
			m.read, m.header = true, header{"Ada Lovelace <ada@example.org>", "Mon, 23 Nov 2026 10:00:01 +0000", strings.Repeat("a long subject ", 20)}
		}
		p.Messages = append(p.Messages, m)
	}
	return p
}

// The screen fits a terminal of 80 columns and says what there is to say.
func TestParkedScreen(t *testing.T) {
	now := time.Date(2026, 11, 28, 19, 30, 0, 0, time.Local)
	p := exampleAccount(now)
	got := p.Text(false, now, 80)
	for line := range strings.Lines(got) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	want, err := os.ReadFile("testdata/parked.txt")
	if os.Getenv("POPSYNC_UPDATE") != "" {
		err = os.WriteFile("testdata/parked.txt", []byte(got), 0o644)
		want = []byte(got)
	}
	if err != nil || got != strings.ReplaceAll(string(want), "2026-11-23 10:00", p.Messages[1].header.when()) {
		t.Errorf("%v:\n%s", err, got)
	}
}

// What is printed for programs, as docs/json.md tells.
func TestParkedJSON(t *testing.T) {
	now := time.Date(2026, 11, 28, 19, 30, 0, 0, time.UTC)
	var got strings.Builder
	p := exampleAccount(now)
	for _, m := range p.Messages {
		if err := screen.WriteJSON(&got, m.json()); err != nil {
			t.Fatal(err)
		}
		if raw, err := json.Marshal(m.json()); err != nil || !json.Valid(raw) {
			t.Error(err)
		}
	}
	text := strings.ReplaceAll(got.String(), `"`+time.Unix(now.Add(-30*time.Hour).Unix(), 0).Format(time.RFC3339)+`"`, `"FIRST"`)
	for _, want := range []string{`{"account":"work","uid":"0000a3f2-17","argument":"0000a3f2-17","state":"parked","octets":12700,"listed":true,`,
		`"stuck":[{"at":"server","state":"parked","reason":"pop3: RETR 17: server refused: it is damaged","attempts":4,"copy":false,`,
		`"uid":"\"b c\\xff\"","argument":"$'b c\\xff'","state":"parked"`, `"from":"Ada Lovelace \u003cada@example.org\u003e"`,
		`{"at":"destination","destination":"archive","state":"put_off","reason":"the connection was lost","attempts":0,"in_doubt":1,"copy":true,`,
		`"uid":"-c","argument":"-- '-c'","state":"put_off","octets":12700,"listed":false,`, `"gone":true`, `"down_reason":"connection refused"`,
		`"state":"given_up"`, `"stuck":[],"reason":"given up by a person"}`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	if strings.Contains(text, `"quiet"`) {
		t.Error("what did not fail is listed")
	}
}
