package gmail

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/foreign"
)

// Whatever an answer holds, reading it ends, and nothing of a token is shown.
func FuzzAnswer(f *testing.F) {
	f.Add(400, `{"error":{"code":400,"message":"Invalid From header","errors":[{"reason":"invalidArgument"}],"status":"INVALID_ARGUMENT"}}`, "3")
	f.Add(429, `{"error":{"message":"Retry after 2026-11-28T10:00:00.000Z T"}}`, "Sat, 28 Nov 2026 10:00:00 GMT")
	f.Add(403, `{"error":{"details":[{"@type":"x","reason":"SERVICE_DISABLED"}]}}`, "")
	f.Add(200, `{"id":"1"}`, "bytes=0-41")
	f.Add(500, `<html>T`, "-1")
	f.Fuzz(func(t *testing.T, status int, text, header string) {
		text = strings.ReplaceAll(text, "T", testToken)
		res := &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {header}, "Range": {header}}, Body: io.NopCloser(strings.NewReader(text))}
		e := refused(verbImport, res, []byte(text), foreign.NewSecrets("", testToken), time.Now())
		if said := e.Error(); strings.Contains(said, testToken) || strings.ContainsAny(said, "\n\x1b") || len(said) > 4*maxText {
			t.Errorf("%q", said)
		}
		if judged(e).wait < 0 || judged(e).wait > mostPatience {
			t.Errorf("wait %v", judged(e).wait)
		}
		a := &answer{status: status, header: res.Header, body: []byte(text)}
		if id, from, err := progress(a, 100); err == nil && id == "" && (from < 0 || from >= 100) {
			t.Errorf("%d of 100 octets", from)
		}
	})
}

// A record may be damaged by others. What is read of it is written back as it was read.
func FuzzRecord(f *testing.F) {
	where := long("gmail me@gmail.com")
	f.Add([]byte("gmail1 " + where + " -\ns one 1 https://h/?upload_id=x\nt 0000000000000001 0000000000000002\nr two\nx one\ncut"))
	f.Add([]byte("gmail1 " + where + " abc\n"))
	f.Add([]byte("gmail1 other -\nt 1 2\n"))
	f.Add([]byte("look1 x 1 1 -\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := &record{where: where, sessions: map[string]session{}, refused: map[string]bool{}, taken: map[uint64]bool{}, owner: map[uint64]uint64{}}
		if r.read(bytes.NewReader(text)) != nil {
			return
		}
		if len(r.order) > kept || len(r.taken) > len(r.order) || len(r.owner) > len(r.order) {
			t.Errorf("%d, %d, %d", len(r.order), len(r.taken), len(r.owner))
		}
		for _, s := range r.sessions {
			if len(s.uri) > maxSession {
				t.Errorf("an address of %d octets", len(s.uri))
			}
		}
	})
}

func FuzzMessageIDs(f *testing.F) {
	f.Add([]byte("Message-ID: <a@b>\r\n\r\n"))
	f.Add([]byte("Message-ID:\n <a>\nmessage-id: b\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		if n := messageIDs(text); n < 0 || n > bytes.Count(bytes.ToLower(text), []byte("message-id")) {
			t.Errorf("%d", n)
		}
		if !bytes.Equal(text, before) {
			t.Error("the message was changed")
		}
	})
}
