package gmail

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver/gmail/gmailtest"
	"github.com/popsync/popsync/internal/transcript"
)

// memory is a transcript's file in memory.
type memory struct{ bytes.Buffer }

func (*memory) Close() error { return nil }

var stamps = regexp.MustCompile(`(?m)^\S+ \S+ #\d+ `)

// What passes is in the transcript, but for tokens, the addresses of uploads, and what is in a message.
func TestTranscript(t *testing.T) {
	t.Parallel()
	var m memory
	f := transcript.New(&m)
	l := &loser{}
	w := newWorld(t, gmailtest.Options{Fault: l.fault})
	w.set = func(o *Options) {
		o.Transcript = f.Of("work/gmail", transcript.HTTP, "")
		o.Labels = append(o.Labels, "Imported")
		o.Connections = 1
	}
	s := w.open(false)
	w.must(w.send(s, "one", named(1), false))
	l.armed, l.stored = true, true
	_ = w.send(s, "two", bare(2), false)
	w.must(w.send(s, "two", bare(2), true))
	_ = w.send(s, "three", "Message-ID: <3@a>\r\n\r\nThe text of 3.\r\n", false)
	s.Close()
	got := stamps.ReplaceAllString(m.String(), "")
	for _, want := range []string{
		"-- connected to " + w.addr, "-- TLS 1.3, ", "C: GET https://" + w.addr + "/gmail/v1/users/me/labels?fields=labels(id%2Cname) HTTP/1.1\nC: Authorization: <secret>\nS: HTTP/1.1 200 OK\n",
		"C: POST https://" + w.addr + "/upload/gmail/v1/users/me/messages/import?uploadType=multipart&internalDateSource=dateHeader&neverMarkSpam=false&fields=id%2ClabelIds HTTP/1.1\n",
		"S: Location: <secret>\n", "C: PUT https://" + w.addr + "/resumable/upload/gmail/v1/users/me/messages/import?upload_id=<secret>", "C: Content-Range: bytes */",
		"Expected a single 'From' header", "-- closed\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	for _, secret := range []string{testToken, "number 1", "a.example", "The text"} {
		if strings.Contains(got, secret) {
			t.Errorf("it has %q", secret)
		}
	}
	if ids := regexp.MustCompile(`upload_id=[^<\n]`).FindString(got); ids != "" {
		t.Errorf("it has %q", ids)
	}
	if t.Failed() {
		t.Log(got)
	}
}
