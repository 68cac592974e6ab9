package oauth

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// metadata are the endpoints: those of the Grant, and what the issuer says of those that are missing there.
type metadata struct {
	mu sync.Mutex
	ok bool
	endpoints
}

type endpoints struct {
	AuthURL, TokenURL, DeviceURL, RevokeURL string
	Basic                                   bool // the client secret goes into the header
}

// document is what is read of an issuer's metadata (RFC 8414, section 2; OpenID Connect Discovery 1.0, section 3).
type document struct {
	Issuer  string   `json:"issuer"`
	Auth    string   `json:"authorization_endpoint"`
	Token   string   `json:"token_endpoint"`
	Device  string   `json:"device_authorization_endpoint"`
	Revoke  string   `json:"revocation_endpoint"`
	Methods []string `json:"token_endpoint_auth_methods_supported"`
}

// discover gives the endpoints, and asks the issuer for them once, if there is one and something is missing.
func (c *Client) discover(ctx context.Context) (endpoints, error) {
	g := c.grant
	own := endpoints{AuthURL: g.AuthURL, TokenURL: g.TokenURL, DeviceURL: g.DeviceURL, RevokeURL: g.RevokeURL}
	if g.Issuer == "" || g.TokenURL != "" && (g.AuthURL != "" || g.Flow.Alone()) {
		return own, nil
	}
	c.found.mu.Lock()
	defer c.found.mu.Unlock()
	if c.found.ok {
		return c.found.endpoints, nil
	}
	d, err := c.ask(ctx)
	if err != nil {
		return endpoints{}, err
	}
	for _, e := range []struct {
		own   *string
		found string
	}{{&own.AuthURL, d.Auth}, {&own.TokenURL, d.Token}, {&own.DeviceURL, d.Device}, {&own.RevokeURL, d.Revoke}} {
		if *e.own == "" && safe(e.found) {
			*e.own = e.found
		}
	}
	// RFC 8414: where it says nothing, the header is meant.
	own.Basic = !slices.Contains(d.Methods, "client_secret_post")
	if own.TokenURL == "" {
		return endpoints{}, &Error{Class: Configuration, Grant: g.Name, What: "the issuer names no token endpoint that can be trusted", Hint: "give token_url"}
	}
	c.found.endpoints, c.found.ok = own, true
	return own, nil
}

// ask reads the metadata from the place that RFC 8414 names, and then from OpenID's.
func (c *Client) ask(ctx context.Context) (d document, err error) {
	for _, place := range places(c.grant.Issuer) {
		if d, err = c.read(ctx, place); err == nil {
			return d, nil
		}
	}
	return d, err
}

// places are where an issuer's metadata may stand (RFC 8414, section 3 and 5).
func places(issuer string) []string {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	root := u.Scheme + "://" + u.Host
	return []string{
		root + "/.well-known/oauth-authorization-server" + path,
		root + path + "/.well-known/openid-configuration",
	}
}

func (c *Client) read(ctx context.Context, place string) (d document, err error) {
	fail := &Error{Grant: c.grant.Name, What: "the issuer's metadata can't be had"}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, place, nil)
	if err != nil {
		fail.Class, fail.What = Configuration, "issuer is no address"
		return d, fail
	}
	res, err := httpClient(c.within(ctx)).Do(r)
	if err != nil {
		fail.Err = harmless(err)
		return d, fail
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		fail.Err = harmless(err)
		return d, fail
	case res.StatusCode != http.StatusOK:
		if fail.Status = res.StatusCode; fail.Status == http.StatusNotFound {
			fail.Class, fail.Hint = Configuration, "check issuer, or give auth_url and token_url"
		}
		return d, fail
	case json.Unmarshal(text, &d) != nil:
		fail.What = "the issuer's metadata can't be read"
		return d, fail
	case strings.TrimSuffix(d.Issuer, "/") != strings.TrimSuffix(c.grant.Issuer, "/"): // RFC 8414, section 3.3
		fail.Class, fail.What = Configuration, "the metadata is another issuer's"
		return d, fail
	}
	return d, nil
}
