package gmailtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Scopes that allow what this server does.
const (
	scopeInsert = "https://www.googleapis.com/auth/gmail.insert"
	scopeLabels = "https://www.googleapis.com/auth/gmail.labels"
	scopeAll    = "https://mail.google.com/"
)

// kinds are what requests cost, and the scopes that they need.
var kinds = map[string]struct {
	units int
	scope string
}{
	"labels": {1, scopeLabels}, "create": {5, scopeLabels}, "import": {25, scopeInsert}, "begin": {25, scopeInsert}, "upload": {0, ""}, "status": {0, ""},
}

// kindOf tells what a request asks for; "": nothing that is here.
func kindOf(r *http.Request) string {
	path := strings.TrimPrefix(r.URL.Path, "/resumable")
	switch {
	case path == "/gmail/v1/users/me/labels" && r.Method == http.MethodGet:
		return "labels"
	case path == "/gmail/v1/users/me/labels" && r.Method == http.MethodPost:
		return "create"
	case path != "/upload/gmail/v1/users/me/messages/import":
		return ""
	case r.Method == http.MethodPost && r.URL.Query().Get("uploadType") == "multipart":
		return "import"
	case r.Method == http.MethodPost && r.URL.Query().Get("uploadType") == "resumable":
		return "begin"
	case r.Method == http.MethodPut && strings.HasPrefix(r.Header.Get("Content-Range"), "bytes */"):
		return "status"
	case r.Method == http.MethodPut:
		return "upload"
	}
	return ""
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind := kindOf(r)
	if kind == "" {
		refuse(w, http.StatusNotFound, "notFound", "NOT_FOUND", "Requested entity was not found.")
		return
	}
	s.mu.Lock()
	o := s.o
	s.mu.Unlock()
	// The address of a session is good without a token.
	if kind != "upload" && kind != "status" && !s.allowed(w, r, o, kind) {
		return
	}
	if wait := s.charge(o, kinds[kind].units); wait > 0 {
		s.tooFast(w, o, wait)
		return
	}
	s.mu.Lock()
	s.calls[kind]++
	call := Call{kind, s.calls[kind]}
	s.mu.Unlock()
	var f Fault
	if o.Fault != nil {
		f = o.Fault(call)
	}
	switch {
	case f.CutBefore:
		panic(http.ErrAbortHandler)
	case f.Lose:
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	case f.Take > 0:
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, f.Take), cut{}))
	case f.Status != 0:
		_, _ = io.Copy(io.Discard, r.Body)
		s.fail(w, f)
		return
	}
	answer := &held{header: http.Header{}, status: http.StatusOK}
	switch kind {
	case "labels":
		s.list(answer)
	case "create":
		s.create(answer, r)
	case "import":
		s.multipart(answer, r)
	case "begin":
		s.begin(answer, r)
	case "status":
		s.progress(answer, r)
	case "upload":
		s.upload(answer, r)
	}
	if f.CutAfter {
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body.String())
}

// cut ends the connection when it is read.
type cut struct{}

func (cut) Read([]byte) (int, error) { panic(http.ErrAbortHandler) }

// held is an answer that is sent only when it is known that it is to be.
type held struct {
	header http.Header
	status int
	body   strings.Builder
}

func (h *held) Header() http.Header         { return h.header }
func (h *held) WriteHeader(status int)      { h.status = status }
func (h *held) Write(p []byte) (int, error) { return h.body.Write(p) }

// allowed looks at the token.
func (s *Server) allowed(w http.ResponseWriter, r *http.Request, o Options, kind string) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	scopes := []string{scopeAll}
	if ok && o.Token != nil {
		scopes, ok = o.Token(token)
	}
	switch {
	case !ok || token == "":
		refuse(w, http.StatusUnauthorized, "authError", "UNAUTHENTICATED", "Request had invalid authentication credentials.")
	case !slices.Contains(scopes, scopeAll) && !slices.Contains(scopes, kinds[kind].scope):
		refuse(w, http.StatusForbidden, "insufficientPermissions", "PERMISSION_DENIED", "Request had insufficient authentication scopes.")
	default:
		return true
	}
	return false
}

// charge takes units off the quota; wait is above 0 when there are not enough.
func (s *Server) charge(o Options, units int) (wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := o.Now()
	s.used = slices.DeleteFunc(s.used, func(u use) bool { return now.Sub(u.at) >= o.Minute })
	sum := 0
	for _, u := range s.used {
		sum += u.units
	}
	if o.Quota > 0 && sum+units > o.Quota {
		s.refused = append(s.refused, now)
		if len(s.used) == 0 {
			return o.Minute
		}
		return o.Minute - now.Sub(s.used[0].at)
	}
	if units > 0 {
		s.used = append(s.used, use{now, units})
		s.spent += units
	}
	return 0
}

// tooFast refuses for the quota, by one status and by the other.
func (s *Server) tooFast(w http.ResponseWriter, o Options, wait time.Duration) {
	s.mu.Lock()
	n := len(s.refused)
	s.mu.Unlock()
	if o.Patience {
		w.Header().Set("Retry-After", fmt.Sprint(int(wait/time.Second)+1))
	}
	if n%2 == 0 {
		refuse(w, http.StatusTooManyRequests, "rateLimitExceeded", "RESOURCE_EXHAUSTED", "Too many concurrent requests for user")
		return
	}
	refuse(w, http.StatusForbidden, "rateLimitExceeded", "PERMISSION_DENIED",
		"Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of service 'gmail.googleapis.com'.")
}

func (s *Server) fail(w http.ResponseWriter, f Fault) {
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	if f.HTML {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, "<html><title>Error "+fmt.Sprint(f.Status)+"</title>\n<p>That's an error.\n")
		return
	}
	refuse(w, f.Status, f.Reason, "", f.Message)
}

// refuse answers by Google's form of an error.
func refuse(w http.ResponseWriter, status int, reason, state, message string) {
	e := map[string]any{"code": status, "message": message}
	if reason != "" {
		e["errors"] = []map[string]string{{"message": message, "domain": "global", "reason": reason}}
	}
	if state != "" {
		e["status"] = state
	}
	object(w, status, map[string]any{"error": e})
}

func object(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(text)
}
