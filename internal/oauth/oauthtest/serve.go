package oauthtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// reply is an answer, before it is known how it gets to the client.
type reply struct {
	status int
	header http.Header
	body   string
	cut    bool // the connection ends instead
}

func text(status int, kind, body string) reply {
	return reply{status: status, header: http.Header{"Content-Type": {kind}}, body: body}
}

func object(status int, v map[string]any) reply {
	b, _ := json.Marshal(v)
	return text(status, "application/json", string(b))
}

func refusal(code string) reply {
	return object(http.StatusBadRequest, map[string]any{"error": code, "error_description": "this is about me@example.org"})
}

// echo puts what was sent into a description, as careless providers do.
func (r reply) echo(form url.Values) reply {
	var v map[string]any
	if json.Unmarshal([]byte(r.body), &v) == nil && v["error"] != nil {
		v["error_description"] = fmt.Sprint(v["error_description"], ", and you sent ", form.Encode(), " ", form)
		r.body = object(r.status, v).body
		return r
	}
	if r.status != http.StatusOK {
		r.body += "<pre>" + form.Encode() + "</pre>"
	}
	return r
}

func (f Fault) reply() reply {
	r := text(f.Status, "text/html", f.Body)
	switch {
	case f.CutBefore:
		return reply{cut: true}
	case f.Error != "":
		v := map[string]any{"error": f.Error, "error_description": "it failed"}
		if f.Detail != 0 {
			v["error_codes"] = []int{f.Detail}
			v["error_description"] = fmt.Sprintf("AADSTS%d: it failed for me@example.org. Trace ID: 1", f.Detail)
		}
		r = object(f.Status, v)
	case f.Body == "":
		r.body = "<html><body><h1>Service Unavailable</h1></body></html>"
	}
	if f.RetryAfter != "" {
		r.header.Set("Retry-After", f.RetryAfter)
	}
	return r
}

// answer is what the provider says to a request.
func (p *Provider) answer(r *http.Request) reply {
	switch {
	case strings.HasPrefix(r.URL.Path, "/.well-known/"):
		return p.metadata(r)
	case r.URL.Path == "/authorize" && r.Method == http.MethodGet:
		return p.authorize(r.URL.Query())
	case r.URL.Path == "/activate" && r.Method == http.MethodGet:
		p.Approve(r.URL.Query().Get("user_code"))
		return text(http.StatusOK, "text/plain", "done")
	case r.URL.Path == "/use":
		if email, ok := p.Valid(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")); ok {
			return text(http.StatusOK, "text/plain", email)
		}
		return text(http.StatusUnauthorized, "text/plain", "no")
	case r.Method != http.MethodPost:
		return text(http.StatusNotFound, "text/plain", "nothing here")
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return refusal("invalid_request")
	}
	if id, secret, ok := r.BasicAuth(); ok {
		form.Set("client_id", id)
		form.Set("client_secret", secret)
	}
	switch r.URL.Path {
	case "/token":
		return p.token(form)
	case "/device":
		return p.device(form)
	case "/revoke":
		return p.revoke(form)
	}
	return text(http.StatusNotFound, "text/plain", "nothing here")
}

func (p *Provider) metadata(r *http.Request) reply {
	if r.URL.Path != "/.well-known/openid-configuration" {
		return text(http.StatusNotFound, "text/plain", "nothing here")
	}
	return object(http.StatusOK, map[string]any{
		"issuer": p.url, "authorization_endpoint": p.url + "/authorize", "token_endpoint": p.url + "/token",
		"device_authorization_endpoint": p.url + "/device", "revocation_endpoint": p.url + "/revoke",
	})
}

func (p *Provider) revoke(form url.Values) reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.families[form.Get("token")]; f != nil {
		f.ended = true
		p.counts.Revoked++
	}
	return text(http.StatusOK, "text/plain", "")
}

// ServeHTTP serves it over a network.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := p.answer(r)
	if a.cut {
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			conn.Close()
		}
		return
	}
	for k, v := range a.header {
		w.Header()[k] = v
	}
	w.Header().Set("Date", p.clock().UTC().Format(http.TimeFormat))
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// RoundTrip answers without a network.
func (p *Provider) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	a := p.answer(r)
	r.Body.Close()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if a.cut {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r,
	}, nil
}
