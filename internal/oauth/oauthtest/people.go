package oauthtest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// code is a login that waits for its client.
type code struct {
	client, redirect, challenge, scope, email string
}

// device is a login by another device.
type device struct {
	user, scope, email string
	approved, denied   bool
	ends               time.Time
	last               time.Time
	interval           time.Duration
}

// authorize is the page where a person logs in: it sends the browser back at once.
func (p *Provider) authorize(q url.Values) reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || back.Host == "" || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" ||
		p.o.ClientID != "" && q.Get("client_id") != p.o.ClientID {
		return text(http.StatusBadRequest, "text/html", "<p>This login is not possible.")
	}
	p.scopes = strings.Fields(q.Get("scope"))
	answer := url.Values{"state": {q.Get("state")}}
	if p.o.Denied {
		answer.Set("error", "access_denied")
	} else {
		c := p.secret("code")
		p.codes[c] = &code{q.Get("client_id"), q.Get("redirect_uri"), q.Get("code_challenge"), p.scope(q.Get("scope")), p.o.Email}
		answer.Set("code", c)
	}
	back.RawQuery = answer.Encode()
	r := text(http.StatusFound, "text/plain", "")
	r.header.Set("Location", back.String())
	return r
}

// scope is what the person allows of what is asked for.
func (p *Provider) scope(asked string) string {
	if p.o.Granted == nil {
		return asked
	}
	return strings.Join(p.o.Granted, " ")
}

func (p *Provider) exchange(form url.Values) reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.codes[form.Get("code")]
	delete(p.codes, form.Get("code"))
	if c == nil || c.redirect != form.Get("redirect_uri") || c.client != form.Get("client_id") {
		return refusal("invalid_grant")
	}
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	if base64.RawURLEncoding.EncodeToString(sum[:]) != c.challenge {
		return refusal("invalid_grant")
	}
	return p.give(&family{email: c.email, scope: c.scope, tokens: map[string]int{}}, !p.o.NoRefresh, form)
}

// device begins a login by another device.
func (p *Provider) device(form url.Values) reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := &device{user: "ABCD-" + rand.Text()[:4], scope: p.scope(form.Get("scope")), email: p.o.Email, ends: p.o.Now().Add(p.o.CodeLife)}
	d.interval = time.Duration(max(p.o.Interval, 1)) * time.Second
	p.scopes = strings.Fields(form.Get("scope"))
	name := p.secret("device")
	p.devices[name] = d
	v := map[string]any{
		"device_code": name, "user_code": d.user, "verification_uri": p.url + "/activate",
		"verification_uri_complete": p.url + "/activate?user_code=" + d.user, "expires_in": int(p.o.CodeLife / time.Second),
	}
	if p.o.Interval != 0 {
		v["interval"] = p.o.Interval
	}
	return object(http.StatusOK, v)
}

func (p *Provider) poll(form url.Values) reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Devices++
	d := p.devices[form.Get("device_code")]
	now := p.o.Now()
	switch {
	case d == nil:
		return refusal("invalid_grant")
	case p.o.Denied || d.denied:
		return refusal("access_denied")
	case now.After(d.ends):
		return refusal("expired_token")
	case !d.last.IsZero() && now.Sub(d.last) < d.interval-time.Second/2:
		d.interval += 5 * time.Second
		d.last = now
		return refusal("slow_down")
	case !d.approved:
		d.last = now
		return refusal("authorization_pending")
	}
	delete(p.devices, form.Get("device_code"))
	return p.give(&family{email: d.email, scope: d.scope, tokens: map[string]int{}}, !p.o.NoRefresh, form)
}

// Approve is a person who types a code and allows it. "" stands for every code.
func (p *Provider) Approve(user string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.devices {
		d.approved = d.approved || user == "" || d.user == user
	}
}
