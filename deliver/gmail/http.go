package gmail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/popsync/popsync/internal/foreign"
)

// request is one request to Gmail. It can be made again: body gives the content anew each time.
type request struct {
	verb   string // for people: "import"
	method string
	url    string
	header http.Header
	units  int // of the quota

	body   func() (*source, error) // nil: there is none
	octets int64                   // of the body
}

// answer is one that is no refusal: of the series 200, or 308 of a session that is not at its end.
type answer struct {
	status int
	header http.Header
	body   []byte
	conn   *conn
}

// call makes a request, with a token, at the pace of the quota. One that is refused for its token is made again with another. Errors are
// *refusal, *connError, *tlsError, *tokenError, *sourceError, or the context's.
func (s *Sender) call(ctx context.Context, q *request) (*answer, error) {
	token, err := s.o.Token(ctx, "")
	if err != nil {
		return nil, s.tokenless(ctx, err)
	}
	a, err := s.once(ctx, q, token)
	var no *refusal
	if errors.As(err, &no) && no.status == http.StatusUnauthorized {
		if token, err = s.o.Token(ctx, token); err != nil {
			return nil, s.tokenless(ctx, err)
		}
		a, err = s.once(ctx, q, token)
	}
	return a, err
}

func (s *Sender) tokenless(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &tokenError{err}
}

// once makes a request. One that broke on a connection that was open before, and so may have been dead, is made on another.
func (s *Sender) once(ctx context.Context, q *request, token string) (*answer, error) {
	if err := s.pace.wait(ctx, q.units); err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		a, again, err := s.exchange(ctx, q, token)
		if !again || try > s.o.Connections {
			return a, err
		}
	}
}

// exchange sends a request and reads the answer; again tells that a connection that was open before broke before all was sent.
func (s *Sender) exchange(ctx context.Context, q *request, token string) (_ *answer, again bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var src *source
	var body io.Reader // a nil *source would be none
	if q.body != nil {
		if src, err = q.body(); err != nil {
			return nil, false, &sourceError{err}
		}
		body = src
	}
	var via *conn
	var reused, written, broke atomic.Bool
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) {
			via, _ = i.Conn.(*conn)
			reused.Store(i.Reused)
			s.show(via, q, token)
		},
		WroteRequest: func(i httptrace.WroteRequestInfo) {
			written.Store(i.Err == nil)
			broke.Store(i.Err != nil)
		},
	}), q.method, q.url, body)
	if err != nil {
		return nil, false, &connError{verb: q.verb, err: errPlace}
	}
	r.ContentLength = q.octets
	for name, values := range q.header {
		r.Header[name] = values
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("User-Agent", "popsync")
	res, err := s.transport.RoundTrip(r)
	sent, failed := src.stop()
	if via != nil && src != nil {
		via.log.SentBody(sent, sent >= q.octets && !broke.Load())
	}
	if err != nil {
		switch {
		case failed != nil:
			return nil, false, &sourceError{failed}
		case errors.As(err, new(*tlsError)), errors.As(err, new(*connError)):
			return nil, false, err // of dial
		}
		// All of it was handed over, and nobody says that it got no further.
		whole := written.Load() || !broke.Load() && src != nil && sent >= q.octets
		return nil, reused.Load() && !whole && ctx.Err() == nil, &connError{verb: q.verb, err: err, whole: whole}
	}
	defer res.Body.Close()
	timer := time.AfterFunc(s.o.Timeouts.Reply, cancel)
	defer timer.Stop()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	secrets := foreign.NewSecrets("", token)
	s.showAnswer(via, res, text)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, false, &connError{verb: q.verb, err: fmt.Errorf("the answer did not end: %w", io.ErrUnexpectedEOF), whole: true}
	case err != nil:
		return nil, false, &connError{verb: q.verb, err: err, whole: true}
	case len(text) > maxAnswer:
		return nil, false, &connError{verb: q.verb, err: errAnswer, whole: true}
	case res.StatusCode/100 == 2, res.StatusCode == http.StatusPermanentRedirect:
		return &answer{res.StatusCode, res.Header, text, via}, false, nil
	}
	e := refused(q.verb, res, text, secrets, s.o.Now())
	e.via = via
	return nil, false, e
}

// failure is Google's form of an error (google.rpc.Status, and the older one beside it).
type failure struct {
	Error struct {
		Message string
		Status  string
		Errors  []struct{ Reason, Message string }
		Details []struct{ Reason string }
	}
}

// refused reads a refusal.
func refused(verb string, res *http.Response, text []byte, secrets *foreign.Secrets, now time.Time) *refusal {
	e := &refusal{verb: verb, status: res.StatusCode}
	var f failure
	if json.Unmarshal(text, &f) == nil {
		for _, d := range f.Error.Details {
			e.reason(d.Reason)
		}
		for _, one := range f.Error.Errors {
			e.reason(one.Reason)
			if f.Error.Message == "" {
				f.Error.Message = one.Message
			}
		}
		e.reason(f.Error.Status)
		e.words = strings.ToLower(f.Error.Message)
		e.text = secrets.Show([]byte(f.Error.Message), maxText, false)
	}
	e.wait = patience(res.Header.Get("Retry-After"), f.Error.Message, now)
	return e
}

// reason keeps a reason that looks like one.
func (e *refusal) reason(s string) {
	if s == "" || len(s) > 64 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return
	}
	if !e.is(s) && len(e.reasons) < 8 {
		e.reasons = append(e.reasons, s)
	}
}

// mostPatience is the longest wait that Gmail is believed.
const mostPatience = 24 * time.Hour

// patience is how long Gmail asks to wait: by Retry-After (RFC 9110, section 10.2.3), or in its words ("Retry after
// 2026-11-28T10:00:00.000Z"); 0: it does not say.
func patience(header, message string, now time.Time) time.Duration {
	wait := time.Duration(0)
	if n, err := strconv.ParseInt(strings.TrimSpace(header), 10, 32); err == nil {
		wait = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	} else if _, after, ok := strings.Cut(message, "Retry after "); ok {
		at, err := time.Parse(time.RFC3339, strings.TrimRight(strings.SplitN(after, " ", 2)[0], ".,)"))
		if err == nil {
			wait = at.Sub(now)
		}
	}
	return max(0, min(wait, mostPatience))
}

// show writes a request's head into the transcript.
func (s *Sender) show(c *conn, q *request, token string) {
	if c == nil {
		return
	}
	c.log.Hide(foreign.NewSecrets("", token))
	address := q.url
	if path, _, ok := strings.Cut(address, "?"); ok && q.verb == verbUpload {
		address = path + "?upload_id=..."
	}
	c.log.Sent([]byte(q.method + " " + address + " HTTP/1.1\r\nAuthorization: Bearer " + token + "\r\n"))
	for _, name := range []string{"Content-Type", "Content-Range", "X-Upload-Content-Length"} {
		if v := q.header.Get(name); v != "" {
			c.log.Sent([]byte(name + ": " + v + "\r\n"))
		}
	}
}

// showAnswer writes an answer into the transcript: of an error all of it, else its size.
func (s *Sender) showAnswer(c *conn, res *http.Response, text []byte) {
	if c == nil {
		return
	}
	c.log.Received([]byte("HTTP/1.1 "+res.Status), false)
	for _, name := range []string{"Location", "Range", "Retry-After"} {
		if v := res.Header.Get(name); v != "" {
			c.log.Received([]byte(name+": "+v), false)
		}
	}
	if res.StatusCode/100 == 2 {
		c.log.ReceivedBody(int64(len(text)), true)
		return
	}
	for i, line := range strings.SplitN(strings.TrimSpace(string(text)), "\n", 33) {
		if i < 32 && line != "" {
			c.log.Received([]byte(strings.TrimRight(line, "\r")), false)
		}
	}
}
