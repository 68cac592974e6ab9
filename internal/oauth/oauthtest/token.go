package oauthtest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// token is the token endpoint.
func (p *Provider) token(form url.Values) reply {
	p.mu.Lock()
	p.counts.Requests++
	p.now++
	p.counts.Together = max(p.counts.Together, p.now)
	var fault *Fault
	switch {
	case p.down != nil:
		fault = p.down
	case len(p.faults) > 0:
		fault = &p.faults[0]
		p.faults = p.faults[1:]
	}
	o := p.o
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.now--
		p.mu.Unlock()
	}()
	if fault != nil && !fault.CutAfter {
		if o.Pause != nil {
			o.Pause()
		}
		return fault.reply().echo(form)
	}
	var r reply
	switch {
	case o.ClientID != "" && form.Get("client_id") != o.ClientID && !strings.HasSuffix(form.Get("grant_type"), ":jwt-bearer"):
		r = refusal("invalid_client")
	case o.Secret != "" && form.Get("client_secret") != o.Secret && !strings.HasSuffix(form.Get("grant_type"), ":jwt-bearer"):
		r = refusal("invalid_client")
	default:
		r = p.granted(o, form)
	}
	if fault != nil {
		r.cut = true
	}
	return r.echo(form)
}

func (p *Provider) granted(o Options, form url.Values) reply {
	switch form.Get("grant_type") {
	case "refresh_token":
		return p.refresh(o, form)
	case "authorization_code":
		return p.exchange(form)
	case "urn:ietf:params:oauth:grant-type:device_code", "device_code":
		return p.poll(form)
	case "client_credentials":
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.give(&family{email: "app", tokens: map[string]int{}}, false, form)
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		sub, ok := subject(o.Key, form.Get("assertion"))
		if !ok {
			return refusal("invalid_grant")
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.give(&family{email: sub, tokens: map[string]int{}}, false, form)
	}
	return refusal("unsupported_grant_type")
}

// refresh renews. What it does to the token is done when Committed is called.
func (p *Provider) refresh(o Options, form url.Values) reply {
	old := form.Get("refresh_token")
	p.mu.Lock()
	f := p.families[old]
	if f == nil || f.ended {
		p.counts.Refused++
		p.mu.Unlock()
		return refusal("invalid_grant")
	}
	f.busy++
	p.counts.AtOnce = max(p.counts.AtOnce, f.busy)
	gen := f.tokens[old]
	if gen < f.presented {
		p.counts.Backward++
	}
	f.presented = max(f.presented, gen)
	p.mu.Unlock()
	if o.Pause != nil {
		o.Pause()
	}
	p.mu.Lock()
	f.busy--
	ok := gen == f.gen || o.Rotation == Kept || o.Rotation == Lenient && gen == f.gen-1 && !f.used
	if !ok {
		p.counts.Refused++
		if o.Rotation == Strict && !f.ended {
			f.ended = true
			p.counts.Ended++
		}
		p.mu.Unlock()
		return refusal("invalid_grant")
	}
	fresh := o.Rotation != Kept
	if fresh && gen == f.gen-1 { // the successor was lost on its way: it is replaced
		f.gen--
		for t, g := range f.tokens {
			if g > gen {
				delete(f.tokens, t)
				delete(p.families, t)
			}
		}
	}
	p.counts.Refreshes++
	f.successful++
	r := p.give(f, fresh, form)
	p.mu.Unlock()
	if o.Committed != nil {
		o.Committed()
	}
	return r
}

// give answers with a token, and with a new refresh token if there is to be one.
func (p *Provider) give(f *family, refresh bool, form url.Values) reply {
	v := map[string]any{"token_type": "Bearer"}
	if refresh {
		v["refresh_token"] = p.newRefresh(f)
	}
	v["access_token"] = p.newAccess(f)
	if p.o.Life > 0 {
		v["expires_in"] = int(p.o.Life / time.Second)
	}
	if p.o.RefreshLife > 0 {
		v["refresh_token_expires_in"] = int(p.o.RefreshLife / time.Second)
	}
	if f.scope != "" {
		v["scope"] = f.scope
	}
	v["id_token"] = idToken(form.Get("client_id"), f.email)
	return object(http.StatusOK, v)
}

// idToken is one without a signature.
func idToken(client, email string) string {
	enc := func(v map[string]any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	return enc(map[string]any{"alg": "none"}) + "." +
		enc(map[string]any{"sub": "sub-of-" + email, "aud": client, "email": email, "preferred_username": email}) + "."
}

// subject verifies an assertion of a service account, and gives the user that it stands for.
func subject(key *rsa.PublicKey, assertion string) (string, bool) {
	parts := strings.Split(assertion, ".")
	if key == nil || len(parts) != 3 {
		return "", false
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return "", false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) != nil {
		return "", false
	}
	var claims struct{ Sub string }
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(b, &claims) != nil {
		return "", false
	}
	return claims.Sub, claims.Sub != ""
}
