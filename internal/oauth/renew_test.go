package oauth_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/oauthtest"
)

func refreshable(p *oauthtest.Provider) oauth.Token {
	_, refresh := p.Grant("me@example.org", scope)
	return oauth.Token{Refresh: oauth.NewSecret(refresh)}
}

func TestRenew(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for _, rotation := range []oauthtest.Rotation{oauthtest.Kept, oauthtest.Lenient, oauthtest.Strict} {
		p := oauthtest.New(oauthtest.Options{Rotation: rotation, Long: 8000})
		c, err := oauth.New(grantAt(p, oauth.FlowLoopback), oauth.Options{Transport: p, Now: func() time.Time { return now }}, oauth.POP)
		if err != nil {
			t.Fatal(err)
		}
		first := refreshable(p)
		second, err := c.Renew(t.Context(), first, "me")
		if err != nil {
			t.Fatal(err)
		}
		if same := second.Refresh.Reveal() == first.Refresh.Reveal(); same != (rotation == oauthtest.Kept) {
			t.Errorf("rotation %d: the refresh token stayed: %v", rotation, same)
		}
		if !second.Expires.Equal(now.Add(time.Hour)) || len(second.Access.Reveal()) < 8000 {
			t.Errorf("rotation %d: %d octets until %v", rotation, len(second.Access.Reveal()), second.Expires)
		}
		if _, err := c.Renew(t.Context(), second, "me"); err != nil {
			t.Error(err)
		}
	}
}

// What a token endpoint can say, and what it means. Each costs one request.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		fault   oauthtest.Fault
		class   oauth.Class
		refused bool
		hint    string
	}{
		{oauthtest.Fault{Status: 400, Error: "invalid_grant"}, oauth.NeedLogin, true, "popsync login work"},
		{oauthtest.Fault{Status: 400, Error: "invalid_grant", Detail: 700082}, oauth.NeedLogin, true, "more often"},
		{oauthtest.Fault{Status: 400, Error: "invalid_grant", Detail: 50173}, oauth.NeedLogin, true, "log in again"},
		{oauthtest.Fault{Status: 400, Error: "interaction_required", Detail: 50076}, oauth.NeedLogin, true, "log in again"},
		{oauthtest.Fault{Status: 400, Error: "invalid_grant", Detail: 70043}, oauth.NeedPerson, true, "exception"},
		{oauthtest.Fault{Status: 400, Error: "invalid_grant", Detail: 53003}, oauth.NeedPerson, true, "Conditional Access"},
		{oauthtest.Fault{Status: 400, Error: "invalid_grant", Detail: 65001}, oauth.NeedPerson, true, "consent"},
		{oauthtest.Fault{Status: 400, Error: "unauthorized_client", Detail: 700016}, oauth.Configuration, false, "client_id and tenant"},
		{oauthtest.Fault{Status: 401, Error: "invalid_client", Detail: 7000222}, oauth.Configuration, false, "has expired"},
		{oauthtest.Fault{Status: 401, Error: "invalid_client", Detail: 700025}, oauth.Configuration, false, "public"},
		{oauthtest.Fault{Status: 400, Error: "invalid_request", Detail: 50194}, oauth.Configuration, false, "tenant"},
		{oauthtest.Fault{Status: 401, Error: "deleted_client"}, oauth.Configuration, false, "deleted"},
		{oauthtest.Fault{Status: 400, Error: "invalid_scope"}, oauth.Configuration, false, "scopes"},
		{oauthtest.Fault{Status: 400, Error: "access_denied"}, oauth.NeedPerson, true, "refused"},
		{oauthtest.Fault{Status: 400, Error: "admin_policy_enforced"}, oauth.NeedPerson, true, "administrator"},
		// What passes.
		{oauthtest.Fault{Status: 400, Error: "temporarily_unavailable"}, oauth.Temporary, false, "tried again"},
		{oauthtest.Fault{Status: 400, Error: "invalid_grant", Detail: 90033}, oauth.Temporary, false, "tried again"}, // wrapped
		{oauthtest.Fault{Status: 503}, oauth.Temporary, false, "tried again"},
		{oauthtest.Fault{Status: 503, Error: "invalid_grant"}, oauth.Temporary, false, "tried again"},
		{oauthtest.Fault{Status: 500, Error: "invalid_client"}, oauth.Temporary, false, "tried again"},
		{oauthtest.Fault{Status: 429, Error: "invalid_request", RetryAfter: "120"}, oauth.Temporary, false, "tried again"},
		{oauthtest.Fault{Status: 200, Body: "<html>me@example.org</html>"}, oauth.Temporary, false, ""},
		{oauthtest.Fault{Status: 403, Body: "<html>a proxy's page for me@example.org</html>"}, oauth.Temporary, false, "between here and there"},
		{oauthtest.Fault{Status: 400, Error: "something_new me@example.org"}, oauth.Temporary, false, "if it goes on"},
		{oauthtest.Fault{CutBefore: true}, oauth.Temporary, false, "tried again"},
		{oauthtest.Fault{CutAfter: true}, oauth.Temporary, false, "tried again"},
	} {
		name := fmt.Sprintf("%d %s %d", tt.fault.Status, tt.fault.Error, tt.fault.Detail)
		p := oauthtest.New(oauthtest.Options{})
		p.Fail(tt.fault)
		_, err := clientOf(t, p, grantAt(p, oauth.FlowLoopback)).Renew(t.Context(), refreshable(p), "me")
		e := errorOf(t, err, tt.class)
		e.Account = "work"
		if e.Refused != tt.refused || !strings.Contains(e.Next(), tt.hint) || e.Certain {
			t.Errorf("%s: refused %v, certain %v, %v; %s", name, e.Refused, e.Certain, e, e.Next())
		}
		if n := p.Counts().Requests; n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
		if tt.fault.RetryAfter != "" && e.Wait != 2*time.Minute {
			t.Errorf("%s: waits %v", name, e.Wait)
		}
	}
}

// What answers may look like beyond the RFC's example.
func TestAnswers(t *testing.T) {
	for body, want := range map[string]string{
		`{"access_token":"a","token_type":"Bearer","expires_in":3600}`:   "",
		`{"access_token":"a","token_type":"bearer","expires_in":"3600"}`: "",
		`{"access_token":"a"}`:                                    "",
		`{"access_token":"a","expires_in":-5}`:                    "",
		`{"access_token":"a","expires_in":1e300}`:                 "can't be read",
		`{"access_token":"a","expires_in":99999999999999}`:        "",
		`{"access_token":"a","token_type":"mac"}`:                 "another kind of token",
		`{"access_token":"a\r\nb"}`:                               "can't be used",
		`{"access_token":"a","refresh_token":"x\u0000y"}`:         "can't be used",
		`{"token_type":"Bearer"}`:                                 "can't be read",
		`{"access_token":"` + strings.Repeat("a", 300<<10) + `"}`: "can't be read",
		`[]`: "can't be read",
		`{"access_token":"a","id_token":"x.y.z"}`:                                          "",
		`{"access_token":"a","id_token":"x.` + strings.Repeat("e", 900) + `.z","scope":7}`: "",
	} {
		c, err := oauth.New(oauth.Grant{Name: "n", TokenURL: "https://provider.test/token", AuthURL: "https://provider.test/a", ClientID: "c", Scopes: []string{"s"}},
			oauth.Options{Transport: answering(body)})
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Renew(t.Context(), oauth.Token{Refresh: oauth.NewSecret("r")}, "")
		switch {
		case want == "" && (err != nil || got.Access.Reveal() != "a" || got.Refresh.Reveal() != "r"):
			t.Errorf("%.80s: %v", body, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%.80s: %v", body, err)
		}
		if got.Expires.Year() > 2100 {
			t.Errorf("%.80s: until %v", body, got.Expires)
		}
		if _, err := oauth.Decode(got.Encode()); want == "" && err != nil {
			t.Errorf("%.80s: %v", body, err)
		}
	}
}

type answering string

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(a))), Request: r}, nil
}

// A token goes nowhere but where it was meant to go.
func TestRedirects(t *testing.T) {
	for _, to := range []string{"https://other.test/token", "http://provider.test/token", "https://provider.test/elsewhere"} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			var asked []string
			c, err := oauth.New(oauth.Grant{Name: "n", TokenURL: "https://provider.test/token", AuthURL: "https://provider.test/a", ClientID: "c", Scopes: []string{"s"}},
				oauth.Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					asked = append(asked, r.Method+" "+r.URL.String())
					return &http.Response{StatusCode: status, Header: http.Header{"Location": {to}}, Body: http.NoBody, Request: r}, nil
				})})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = c.Renew(t.Context(), oauth.Token{Refresh: oauth.NewSecret("r")}, ""); err == nil {
				t.Error("no error")
			}
			for _, a := range asked {
				if !strings.HasPrefix(a, "POST https://provider.test/") {
					t.Errorf("%d to %s: asked %s", status, to, a)
				}
			}
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAlone(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := oauthtest.New(oauthtest.Options{ClientID: "client", Secret: "cs", Key: &key.PublicKey})
	app := grantAt(p, oauth.FlowApp)
	app.Secret = fixed("cs")
	got, err := clientOf(t, p, app).Renew(t.Context(), oauth.Token{}, "me")
	if email, ok := p.Valid(got.Access.Reveal()); err != nil || !ok || email != "app" {
		t.Errorf("app: %v, %q", err, email)
	}

	file := filepath.Join(t.TempDir(), "key.json")
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "s@p.test", "private_key_id": "1", "token_uri": "https://elsewhere.test/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte, mode os.FileMode) {
		t.Helper()
		if err := errors.Join(os.RemoveAll(file), os.WriteFile(file, b, mode)); err != nil {
			t.Fatal(err)
		}
	}
	service := grantAt(p, oauth.FlowService)
	service.KeyFile, service.ClientID = file, ""
	c := clientOf(t, p, service)
	write(doc, 0o600)
	got, err = c.Renew(t.Context(), oauth.Token{}, "boss@example.org")
	if email, ok := p.Valid(got.Access.Reveal()); err != nil || !ok || email != "boss@example.org" {
		t.Errorf("service account: %v, %q", err, email)
	}
	for what, b := range map[string][]byte{
		"nothing": nil, "an authorized user's": bytes.Replace(doc, []byte("service_account"), []byte("authorized_user"), 1),
		"another key": bytes.Replace(doc, []byte("PRIVATE KEY-----\\n"), []byte("PRIVATE KEY-----\\nAA"), 1), "no JSON": []byte("-----BEGIN PRIVATE KEY-----"),
	} {
		write(b, 0o600)
		if _, err := c.Renew(t.Context(), oauth.Token{}, "me"); err == nil || strings.Contains(err.Error(), "BEGIN") {
			t.Errorf("%s: %v", what, err)
		} else {
			errorOf(t, err, oauth.Configuration)
		}
	}
	write(doc, 0o644)
	if _, err := c.Renew(t.Context(), oauth.Token{}, "me"); err == nil || !strings.Contains(err.Error(), "others may open it") {
		t.Errorf("a key that others may read: %v", err)
	}
	if err := c.CheckKey(); err == nil {
		t.Error("a key that others may read is not told of")
	}
	if err := os.Chmod(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	write(append([]byte("\xef\xbb\xbf"), doc...), 0o444) // as containers have it
	if err := c.CheckKey(); err != nil {
		t.Errorf("in a folder that is closed: %v", err)
	}
}

func TestRevoke(t *testing.T) {
	p := oauthtest.New(oauthtest.Options{})
	g := grantAt(p, oauth.FlowLoopback)
	token := refreshable(p)
	if ok, err := clientOf(t, p, g).Revoke(t.Context(), token); !ok || err != nil || p.Counts().Revoked != 1 {
		t.Errorf("%v, %v", ok, err)
	}
	if _, err := clientOf(t, p, g).Renew(t.Context(), token, ""); err == nil {
		t.Error("it still works")
	}
	g.RevokeURL = ""
	if ok, err := clientOf(t, p, g).Revoke(t.Context(), token); ok || err != nil {
		t.Errorf("without an endpoint: %v, %v", ok, err)
	}
}

// The endpoints may come from the issuer; its word counts for itself only.
func TestIssuer(t *testing.T) {
	p := oauthtest.New(oauthtest.Options{})
	g := oauth.Grant{Name: "n", Issuer: p.URL(), ClientID: "c", Scopes: []string{scope}}
	if _, err := clientOf(t, p, g).Renew(t.Context(), refreshable(p), ""); err != nil {
		t.Error(err)
	}
	g.Issuer = "https://another.test"
	_, err := clientOf(t, p, g).Renew(t.Context(), refreshable(p), "")
	if e := errorOf(t, err, oauth.Configuration); !strings.Contains(e.What, "another issuer") {
		t.Error(e)
	}
}
