package gmail

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The verbs of requests that have the message in them.
const (
	verbImport = "import"
	verbUpload = "upload"
)

// upload brings a message to Gmail, in the way that is right for it, and gives Gmail's id of it.
func (s *Sender) upload(ctx context.Context, t *task, labels []string) (id string, err error) {
	text, err := json.Marshal(map[string][]string{"labelIds": labels})
	if err != nil {
		return "", err
	}
	ses, begun := s.session(t.id)
	if !begun && t.named && t.octets <= maxMultipart {
		return s.multipart(ctx, t, text)
	}
	return s.resumable(ctx, t, text, ses, begun)
}

// url is an address of Gmail's.
func (s *Sender) url(path, query string) string {
	host := strings.TrimSuffix(s.o.Address, ":443")
	return "https://" + host + path + "?" + query
}

func (s *Sender) importURL(prefix, kind string) string {
	source := "dateHeader"
	if s.o.Received {
		source = "receivedTime"
	}
	return s.url(prefix+"/upload/gmail/v1/users/me/messages/import",
		"uploadType="+kind+"&internalDateSource="+source+"&neverMarkSpam="+strconv.FormatBool(s.o.NeverSpam)+"&fields=id%2ClabelIds")
}

// multipart imports a message in one request (RFC 2387).
func (s *Sender) multipart(ctx context.Context, t *task, labels []byte) (id string, err error) {
	boundary := "popsync" + rand.Text()
	added := s.o.added(t, s.o.Now())
	head := []byte("--" + boundary + "\r\nContent-Type: " + jsonType + "\r\n\r\n" + string(labels) +
		"\r\n--" + boundary + "\r\nContent-Type: message/rfc822\r\n\r\n" + string(added))
	tail := "\r\n--" + boundary + "--\r\n"
	a, err := s.call(ctx, &request{
		verb: verbImport, method: http.MethodPost, url: s.importURL("", "multipart"), units: importUnits,
		header: http.Header{"Content-Type": {`multipart/related; boundary="` + boundary + `"`}},
		octets: int64(len(head)) + t.octets + int64(len(tail)),
		body: func() (*source, error) {
			_, err := t.body.Seek(0, io.SeekStart)
			return &source{r: io.MultiReader(bytes.NewReader(head), io.LimitReader(t.body, t.octets), strings.NewReader(tail))}, err
		},
	})
	if err != nil {
		return "", err
	}
	return imported(verbImport, a)
}

// imported reads Gmail's id of a message.
func imported(verb string, a *answer) (id string, err error) {
	var m struct{ ID string }
	if a.status == http.StatusPermanentRedirect || json.Unmarshal(a.body, &m) != nil || m.ID == "" || len(m.ID) > 128 {
		return "", &connError{verb: verb, err: errAnswer, whole: true}
	}
	return m.ID, nil
}

// maxBreaks is how often an upload goes on after it broke, within one Send.
const maxBreaks = 4

// resumable imports a message by an upload session: one that was begun before is asked what it has.
func (s *Sender) resumable(ctx context.Context, t *task, labels []byte, ses session, begun bool) (id string, err error) {
	from := int64(0)
	if begun {
		id, from, err = s.ask(ctx, t, ses)
		switch {
		case gone(err):
			// Gmail does not know it any more, and nobody knows whether it was whole: the message is sent once more.
			if err = s.over(t.id); err != nil {
				return "", err
			}
			begun = false
		case err != nil || id != "":
			return id, err
		}
	}
	if !begun {
		if ses, err = s.begin(ctx, t, labels); err != nil {
			return "", err
		}
		from = 0
	}
	for breaks := 0; ; breaks++ {
		id, at, err := s.put(ctx, t, ses, from)
		switch {
		case err == nil && id != "":
			return id, nil
		case err == nil && at > from && breaks < maxBreaks:
			from = at
			continue
		case err == nil:
			return "", &connError{verb: verbUpload, err: errAnswer}
		case gone(err):
			return "", errors.Join(err, s.over(t.id))
		case !interrupted(err) || ctx.Err() != nil || breaks >= maxBreaks:
			return "", err
		}
		// Whatever was lost, the session knows.
		id, at, again := s.ask(ctx, t, ses)
		switch {
		case again == nil && id != "":
			return id, nil
		case gone(again):
			return "", errors.Join(err, s.over(t.id))
		case again != nil:
			return "", err
		}
		from = at
	}
}

// interrupted tells of an upload that may go on.
func interrupted(err error) bool {
	var conn *connError
	var no *refusal
	return errors.As(err, &conn) && conn.verb != "connect" || errors.As(err, &no) && no.status >= 500
}

// gone tells that Gmail does not know a session.
func gone(err error) bool {
	var no *refusal
	return errors.As(err, &no) && no.verb == verbUpload && (no.status == http.StatusNotFound || no.status == http.StatusGone)
}

// begin begins a session, and keeps its address durably.
func (s *Sender) begin(ctx context.Context, t *task, labels []byte) (session, error) {
	at := time.Unix(s.o.Now().Unix(), 0)
	octets := t.octets + int64(len(s.o.added(t, at)))
	a, err := s.call(ctx, &request{
		verb: "begin upload", method: http.MethodPost, url: s.importURL("/resumable", "resumable"), units: importUnits,
		header: http.Header{
			"Content-Type": {jsonType}, "X-Upload-Content-Type": {"message/rfc822"}, "X-Upload-Content-Length": {strconv.FormatInt(octets, 10)},
		},
		body: plain(labels), octets: int64(len(labels)),
	})
	if err != nil {
		return session{}, err
	}
	ses := session{a.header.Get("Location"), at}
	switch {
	case ses.uri == "" || len(ses.uri) > maxSession || strings.ContainsFunc(ses.uri, func(r rune) bool { return r <= ' ' || r > '~' }):
		return session{}, &connError{verb: "begin upload", err: errAnswer}
	case !s.trusted(ses.uri):
		return session{}, &connError{verb: "begin upload", err: errPlace}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.rec.begin(t.id, ses); err != nil {
		return session{}, &recordError{err}
	}
	return ses, nil
}

// trusted tells whether a session's address is where tokens and mail may go: the host that was asked, or another one of Google's.
func (s *Sender) trusted(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.User != nil {
		return false
	}
	own := strings.TrimSuffix(s.o.Address, ":443")
	return u.Host == own || own == strings.TrimSuffix(Address, ":443") && u.Port() == "" && strings.HasSuffix(u.Host, ".googleapis.com")
}

// session is the one that a message has; one that is too old is of no use, and neither is one that leads elsewhere.
func (s *Sender) session(id string) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ses, ok := s.rec.sessions[id]
	return ses, ok && s.trusted(ses.uri) && s.o.Now().Sub(ses.at) < sessionLife
}

// over forgets the session of a message.
func (s *Sender) over(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.rec.end(id); err != nil {
		return &recordError{err}
	}
	return nil
}

// ask asks a session how far it is: id is Gmail's id of the message if it is at its end.
func (s *Sender) ask(ctx context.Context, t *task, ses session) (id string, from int64, err error) {
	total := t.octets + int64(len(s.o.added(t, ses.at)))
	a, err := s.call(ctx, &request{
		verb: verbUpload, method: http.MethodPut, url: ses.uri, units: statusUnits,
		header: http.Header{"Content-Range": {"bytes */" + strconv.FormatInt(total, 10)}},
	})
	if err != nil {
		return "", 0, err
	}
	return progress(a, total)
}

// put sends the rest of a message.
func (s *Sender) put(ctx context.Context, t *task, ses session, from int64) (id string, at int64, err error) {
	added := s.o.added(t, ses.at)
	total := t.octets + int64(len(added))
	q := &request{
		verb: verbUpload, method: http.MethodPut, url: ses.uri, units: statusUnits, octets: total - from,
		header: http.Header{"Content-Type": {"message/rfc822"}},
		body: func() (*source, error) {
			skip := max(0, from-int64(len(added)))
			_, err := t.body.Seek(skip, io.SeekStart)
			top := added[min(from, int64(len(added))):]
			return &source{r: io.MultiReader(bytes.NewReader(top), io.LimitReader(t.body, t.octets-skip))}, err
		},
	}
	if from > 0 {
		q.header.Set("Content-Range", "bytes "+strconv.FormatInt(from, 10)+"-"+strconv.FormatInt(total-1, 10)+"/"+strconv.FormatInt(total, 10))
	}
	a, err := s.call(ctx, q)
	if err != nil {
		return "", 0, err
	}
	return progress(a, total)
}

// progress reads how far a session is: 308 with Range, or the message.
func progress(a *answer, total int64) (id string, from int64, err error) {
	if a.status != http.StatusPermanentRedirect {
		id, err = imported(verbUpload, a)
		return id, 0, err
	}
	had := a.header.Get("Range")
	if had == "" {
		return "", 0, nil
	}
	_, last, ok := strings.Cut(strings.TrimPrefix(had, "bytes="), "-")
	n, err := strconv.ParseInt(last, 10, 64)
	if !ok || err != nil || n < 0 || n >= total-1 {
		return "", 0, &connError{verb: verbUpload, err: errAnswer}
	}
	return "", n + 1, nil
}
