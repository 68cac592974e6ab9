package imap

import (
	"bufio"
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver/imap/imaptest"
	"github.com/popsync/popsync/internal/transcript"
)

// memory is a transcript's file in memory.
type memory struct{ bytes.Buffer }

func (*memory) Close() error { return nil }

// What passes is in the transcript, but for the password and what is in a message, in whatever form it comes.
func TestTranscript(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		o    imaptest.Options
		want string
	}{
		"LITERAL+":    {imaptest.Options{}, "+}\nC: <211 octets>\n"},
		"asked first": {imaptest.Options{Caps: "IMAP4rev1 UIDPLUS"}, "}\nS: + send it\nC: <211 octets>\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var m memory
			f := transcript.New(&m)
			lose := true
			tt.o.After = func(int, string) string {
				if lose {
					lose = false
					return "-ok"
				}
				return ""
			}
			w := newWorld(t, tt.o)
			w.set = func(o *Options) { o.Transcript = f.Of("work/imap", transcript.IMAP, "") }
			s := w.open(false)
			text := ordinary(1)
			if e := w.fault(w.send(s, "one", text, false)); !e.Uncertain {
				t.Fatal(e)
			}
			_ = w.send(s, "one", text, true)
			s.Close()
			got := stamps.ReplaceAllString(m.String(), "")
			for _, want := range []string{
				tt.want, "-- connected to " + w.addr, "S: * OK ready\n", " AUTHENTICATE PLAIN\nS: + <secret>\nC: <secret>\nS: p2 OK in\n",
				" APPEND INBOX \"28-Nov-2026 09:00:01 +0000\" {211", "BODY[HEADER] {195}\nS: <195 octets>\nS: )\n", "-- closed\n",
			} {
				if !strings.Contains(got, want) {
					t.Errorf("it lacks %q", want)
				}
			}
			for _, secret := range []string{imaptest.Password, "number 1", "a.example", "The text"} {
				if strings.Contains(got, secret) {
					t.Errorf("it has %q", secret)
				}
			}
			if t.Failed() {
				t.Log(got)
			}
		})
	}
}

// Lines are shown as they come, also in part, and strings of messages as their length.
func TestTranscriptReader(t *testing.T) {
	for in, want := range map[string]string{
		"* 1 FETCH (BODY[HEADER] \"a \\\" b\" UID 7)\r\n":   "S: * 1 FETCH (BODY[HEADER] \"<5 octets>\" UID 7)\n",
		"* 1 FETCH (BODY[TEXT] \"se\ncret\")\r\n":           "S: * 1 FETCH (BODY[TEXT] \"\n",
		"* 1 FETCH (BODY[TEXT] {6}\r\nsecret UID 7)\r\n":    "S: * 1 FETCH (BODY[TEXT] {6}\nS: <6 octets>\nS:  UID 7)\n",
		"* 1 FETCH (BODY[TEXT] {9}\r\nsecret":               "S: * 1 FETCH (BODY[TEXT] {9}\nS: <9 octets, and not to the end>\n",
		"* OK [UIDNEXT 5] fine\r\n":                         "S: * OK [UIDNEXT 5] fine\n",
		"* OK cut":                                          "S: * OK cut\n",
		"* LIST () \"/\" (a (b))\r\n":                       "S: * LIST () \"/\" (a (b))\n",
		"* X (" + strings.Repeat("(y) ", maxSeen) + ")\r\n": "...\n",
	} {
		var m memory
		log := transcript.New(&m).Of("w", transcript.IMAP, "").Connect("h", nil)
		m.Reset()
		r := &reader{in: bufio.NewReader(strings.NewReader(in)), log: log, text: func(int64) io.Writer { return io.Discard }, waits: func() {}}
		_, _ = r.read()
		if got := stamps.ReplaceAllString(m.String(), ""); got != want && (want != "...\n" || !strings.HasSuffix(got, want) || len(got) > maxSeen) {
			t.Errorf("%.60q: %q, want %q", in, got, want)
		}
	}
}

var stamps = regexp.MustCompile(`(?m)^\S+ \S+ #\d+ `)
