package oauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/oauthtest"
)

const scope = "mail"

// grantAt is a Grant at a provider of the test's.
func grantAt(p *oauthtest.Provider, f oauth.Flow) oauth.Grant {
	u := p.URL()
	return oauth.Grant{
		Name: "test", AuthURL: u + "/authorize", TokenURL: u + "/token", DeviceURL: u + "/device", RevokeURL: u + "/revoke",
		ClientID: "client", Scopes: []string{scope, "offline_access"}, Flow: f,
	}
}

// clientOf reaches the provider without a network.
func clientOf(t *testing.T, p *oauthtest.Provider, g oauth.Grant) *oauth.Client {
	t.Helper()
	c, err := oauth.New(g, oauth.Options{Transport: p}, oauth.POP)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fixed(s string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return s, nil }
}

// browser opens an address as a person's does, and gives the address where it ended.
func browser(t *testing.T, p *oauthtest.Provider, address string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := p.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.Header.Get("Location")
}

// visit opens an address of this machine, for what the page says.
func visit(t *testing.T, address string) (status int, page string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// errorOf asserts that an error is ours, of this class, and shows nothing of what the provider wrote.
func errorOf(t *testing.T, err error, class oauth.Class) *oauth.Error {
	t.Helper()
	var e *oauth.Error
	if !errors.As(err, &e) {
		t.Fatalf("not an error of ours: %v", err)
	}
	if e.Class != class {
		t.Errorf("class %d, not %d: %v", e.Class, class, e)
	}
	for _, foreign := range []string{"me@example.org", "Trace ID", "<html", "access-", "refresh-", "code-"} {
		if strings.Contains(e.Error()+e.Next(), foreign) {
			t.Errorf("%q is shown: %v; %s", foreign, e, e.Next())
		}
	}
	return e
}

// queryOf is the query of an address.
func queryOf(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}
