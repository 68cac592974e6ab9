package gmailtest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// upload is an upload session.
type upload struct {
	labels []string
	never  bool
	total  int64
	ends   time.Time
	got    *parts
	done   *Message
	busy   chan struct{} // held by who works on it
}

// meta is what goes with a message.
type meta struct{ LabelIDs []string }

func (s *Server) multipart(w http.ResponseWriter, r *http.Request) {
	bad := func(text string) { refuse(w, http.StatusBadRequest, "badRequest", "INVALID_ARGUMENT", text) }
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/related" {
		bad("Media type is not supported")
		return
	}
	in := multipart.NewReader(r.Body, params["boundary"])
	first, err := in.NextRawPart()
	var about meta
	if err != nil || json.NewDecoder(first).Decode(&about) != nil {
		bad("Bad Request")
		return
	}
	second, err := in.NextRawPart()
	if err != nil || second.Header.Get("Content-Type") != "message/rfc822" {
		bad("Bad Request")
		return
	}
	got := s.newParts()
	if err := got.read(second, -1); err != nil {
		panic(http.ErrAbortHandler)
	}
	if _, err := in.NextRawPart(); err != io.EOF { // it is not whole
		bad("Bad Request")
		return
	}
	s.take(w, got, about.LabelIDs, r.URL.Query().Get("neverMarkSpam") == "true")
}

func (s *Server) newParts() *parts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &parts{sum: sha256.New(), keep: !s.o.Digest}
}

func (s *Server) begin(w http.ResponseWriter, r *http.Request) {
	var about meta
	total, err := strconv.ParseInt(r.Header.Get("X-Upload-Content-Length"), 10, 64)
	if err != nil || json.NewDecoder(r.Body).Decode(&about) != nil || r.Header.Get("X-Upload-Content-Type") != "message/rfc822" {
		refuse(w, http.StatusBadRequest, "badRequest", "", "Bad Request")
		return
	}
	if total > maxMessage {
		refuse(w, http.StatusRequestEntityTooLarge, "uploadTooLarge", "", "Request Entity Too Large")
		return
	}
	got := s.newParts()
	s.mu.Lock()
	defer s.mu.Unlock()
	if id := s.unknown(about.LabelIDs); id != "" {
		refuse(w, http.StatusBadRequest, "invalidArgument", "INVALID_ARGUMENT", "Invalid label: "+id)
		return
	}
	id := rand.Text()
	s.sessions[id] = &upload{
		labels: about.LabelIDs, never: r.URL.Query().Get("neverMarkSpam") == "true", total: total, ends: s.o.Now().Add(s.o.SessionLife), got: got,
		busy: make(chan struct{}, 1),
	}
	u := url.URL{Scheme: "https", Host: r.Host, Path: "/resumable/upload/gmail/v1/users/me/messages/import", RawQuery: "uploadType=resumable&upload_id=" + id}
	w.Header().Set("Location", u.String())
}

// session finds the one of a request; nil: there is none, and that was said.
func (s *Server) session(w http.ResponseWriter, r *http.Request) *upload {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.sessions[r.URL.Query().Get("upload_id")]
	if u == nil || s.o.Now().After(u.ends) {
		refuse(w, http.StatusNotFound, "notFound", "NOT_FOUND", "Not Found")
		return nil
	}
	return u
}

// progress tells how far a session is.
func (s *Server) progress(w http.ResponseWriter, r *http.Request) {
	u := s.session(w, r)
	if u == nil {
		return
	}
	u.busy <- struct{}{}
	defer func() { <-u.busy }()
	u.tell(w)
}

func (u *upload) tell(w http.ResponseWriter) {
	if u.done != nil {
		object(w, http.StatusOK, map[string]any{"id": u.done.ID, "labelIds": u.done.Labels})
		return
	}
	if u.got.octets > 0 {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", u.got.octets-1))
	}
	w.WriteHeader(http.StatusPermanentRedirect)
}

// upload takes the rest of a message.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	u := s.session(w, r)
	if u == nil {
		return
	}
	u.busy <- struct{}{}
	defer func() { <-u.busy }()
	from := int64(0)
	if had := r.Header.Get("Content-Range"); had != "" {
		first, _, _ := strings.Cut(strings.TrimPrefix(had, "bytes "), "-")
		from, _ = strconv.ParseInt(first, 10, 64)
	}
	if u.done != nil {
		u.tell(w)
		return
	}
	if from == 0 && u.got.octets > 0 { // it begins anew
		u.got = s.newParts()
	}
	if from != u.got.octets || from+r.ContentLength > u.total {
		refuse(w, http.StatusBadRequest, "badRequest", "", "Invalid Content-Range")
		return
	}
	if err := u.got.read(r.Body, u.total); err != nil {
		panic(http.ErrAbortHandler)
	}
	if u.got.octets < u.total {
		u.tell(w)
		return
	}
	if u.done = s.take(w, u.got, u.labels, u.never); u.done == nil {
		s.mu.Lock()
		delete(s.sessions, r.URL.Query().Get("upload_id"))
		s.mu.Unlock()
	}
}
