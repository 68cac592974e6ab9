// Package oauth gets OAuth 2.0 tokens from a provider: with a person at a browser (RFC 6749, section 4.1, as RFC 8252 wants it of
// programs, with PKCE, RFC 7636), with a person at another device (RFC 8628), or with nobody (client credentials, RFC 6749, section
// 4.4; service accounts, RFC 7523). It refreshes and revokes them (RFC 7009), and knows what popular providers want.
//
// It keeps nothing: internal/oauth/tokens does, and decides when a token is refreshed and when it is given up. It ships no client id
// and suggests nobody else's. It speaks to https only, or to this machine, follows no redirect to another host, reads at most
// 256 KiB of an answer, and shows nothing of one but a code that the RFCs name, a number of Microsoft's and the HTTP status: what
// else stands there may hold tokens and names. Its callers are internal/oauth/tokens and cmd/popsync.
package oauth

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

// Grant is what a person wrote down once about a provider, for all accounts there: [oauth.NAME].
type Grant struct {
	Name     string // in the configuration
	Provider string // of Presets; "": what follows is all there is
	Issuer   string // its metadata tells the endpoints that are not given (RFC 8414, OpenID Connect Discovery)

	AuthURL, TokenURL, DeviceURL, RevokeURL string // "": the provider's

	Tenant   string   // of Microsoft; "": "common", which every account may use if the client was registered for that
	ClientID string   // of the person's own registration
	Scopes   []string // nil: those of the provider for the use that is made of the token

	// Secret reads the client secret when it is needed. nil: there is none, as with most programs that run at people's homes.
	Secret func(ctx context.Context) (string, error)
	// SecretEnds is when the provider will refuse the secret, as the person stated it; zero: not stated.
	SecretEnds time.Time

	Flow     Flow   // "": the provider's first
	Redirect string // that was registered, when that is not the one that programs use; its port may be missing: any
	KeyFile  string // of a service account, absolute: JSON as Google hands it out; for FlowService

	// Testing tells that the client is not published at Google: tokens end after seven days.
	Testing bool
}

// Use is what a token is for. It decides which scopes are asked for.
type Use string

// The uses of a token.
const (
	POP   Use = "pop"
	IMAP  Use = "imap"
	SMTP  Use = "smtp"
	Gmail Use = "gmail" // the import of messages by Gmail's own interface
)

// Flow is a way to a token.
type Flow string

// The flows. The last two need no person.
const (
	FlowLoopback Flow = "loopback" // a browser on this machine
	FlowPaste    Flow = "paste"    // a browser on another, whose address line is pasted here
	FlowDevice   Flow = "device"   // a code that is typed on another device
	FlowApp      Flow = "app"      // the client itself, for all mailboxes of a tenant
	FlowService  Flow = "service"  // a service account that stands for a user
)

// Alone tells that no person is needed.
func (f Flow) Alone() bool { return f == FlowApp || f == FlowService }

// Options are how a Client reaches the provider. All are optional.
type Options struct {
	// Dial opens all connections; nil: the system's. It is the account's, so that tokens leave by no other way than mail.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Via names the way that Dial takes, without secrets: what is learned of an endpoint counts for those who go the same way.
	Via string
	TLS *tls.Config // nil: the standard library's, from TLS 1.2 on
	// Transport replaces Dial and TLS; for tests.
	Transport http.RoundTripper
	Now       func() time.Time // nil: time.Now
}

// Client speaks to the endpoints of one Grant, for one use. It is safe for concurrent use.
type Client struct {
	grant    Grant
	provider Provider
	scopes   []string // that are asked for
	needed   []string // of these, those without which the token is of no use
	base     http.RoundTripper
	via      string
	now      func() time.Time
	found    *metadata
	skew     atomic.Int64
}

// New makes a Client. It opens no connection. The error is an *Error of class Configuration that names what is missing or wrong.
func New(g Grant, o Options, uses ...Use) (*Client, error) {
	c := &Client{grant: g, via: o.Via, now: o.Now, base: o.Transport, found: &metadata{}}
	if c.now == nil {
		c.now = time.Now
	}
	if c.base == nil {
		c.base = transport(o)
	}
	fail := func(key, what, hint string) (*Client, error) {
		return nil, &Error{Class: Configuration, Grant: g.Name, Key: key, What: what, Hint: hint}
	}
	if g.Provider != "" {
		p, ok := Preset(g.Provider)
		if !ok {
			return fail("provider", "no provider is known by this name", "known are "+strings.Join(Presets(), ", ")+"; for others give auth_url, token_url and scopes")
		}
		c.provider = p
	}
	c.grant.fill(c.provider)
	if c.grant.Flow == "" {
		c.grant.Flow = FlowLoopback
		if len(c.provider.Flows) > 0 {
			c.grant.Flow = c.provider.Flows[0]
		}
	}
	if len(c.provider.Flows) > 0 && !slices.Contains(c.provider.Flows, c.grant.Flow) {
		return fail("flow", c.provider.Title+" has no flow "+quoted(string(c.grant.Flow)), "flows there are "+join(c.provider.Flows))
	}
	c.needed, c.scopes = c.provider.scopes(c.grant.Flow, uses)
	if g.Scopes != nil {
		c.needed, c.scopes = needed(g.Scopes), g.Scopes
	}
	if key, what, hint := c.lacking(uses); what != "" {
		return fail(key, what, hint)
	}
	return c, nil
}

// fill takes from a provider what a Grant leaves open.
func (g *Grant) fill(p Provider) {
	tenant := g.Tenant
	if tenant == "" {
		tenant = "common"
	}
	for _, e := range []struct {
		own    *string
		preset string
	}{{&g.AuthURL, p.AuthURL}, {&g.TokenURL, p.TokenURL}, {&g.DeviceURL, p.DeviceURL}, {&g.RevokeURL, p.RevokeURL}} {
		if *e.own == "" {
			*e.own = strings.ReplaceAll(e.preset, "{tenant}", url.PathEscape(tenant))
		}
	}
}

// lacking tells what keeps a Grant from being used, by which key that is to be mended, and what to do.
func (c *Client) lacking(uses []Use) (key, what, hint string) {
	g := c.grant
	for _, a := range []struct{ key, address string }{
		{"issuer", g.Issuer}, {"auth_url", g.AuthURL}, {"token_url", g.TokenURL}, {"device_url", g.DeviceURL}, {"revoke_url", g.RevokeURL},
	} {
		if a.address != "" && !safe(a.address) {
			return a.key, a.key + " is no address that can be trusted", "it must begin with https://"
		}
	}
	const endpoints = "name a provider, an issuer, or auth_url and token_url"
	switch {
	case g.TokenURL == "" && g.Issuer == "":
		return "token_url", "no token_url", endpoints
	case g.Flow == FlowService && g.KeyFile == "":
		return "key_file", "no key file of the service account", "download its key as JSON and name the file"
	case g.Flow != FlowService && g.ClientID == "":
		return "client_id", "no client_id", c.provider.register()
	case g.Flow == FlowApp && g.Secret == nil:
		return "client_secret", "no client secret", "access without a person needs one: make it where the client is registered"
	case g.Flow == FlowApp && c.provider.Name == "microsoft" && (g.Tenant == "" || g.Tenant == "common" || g.Tenant == "consumers" || g.Tenant == "organizations"):
		return "tenant", "no tenant", "access without a person is to one tenant: name its id or domain"
	case g.Flow == FlowDevice && g.DeviceURL == "" && g.Issuer == "":
		return "device_url", "no device_url", "use another flow"
	case (g.Flow == FlowLoopback || g.Flow == FlowPaste) && g.AuthURL == "" && g.Issuer == "":
		return "auth_url", "no auth_url", endpoints
	case c.provider.Secret && g.Secret == nil && !g.Flow.Alone():
		return "client_secret", "no client secret", c.provider.Title + " wants it, also of programs"
	case len(c.scopes) == 0:
		return "scopes", "no scopes are known for " + protocols(uses), "give those that the provider wants for this use"
	case g.Redirect != "" && !redirectable(g.Redirect, g.Flow):
		return "redirect", "the redirect address does not fit", "for flow \"loopback\" it must lead to this machine: http://localhost or http://127.0.0.1"
	}
	return "", "", ""
}

// protocols names uses for people.
func protocols(uses []Use) string {
	var all []string
	for _, u := range uses {
		all = append(all, map[Use]string{POP: "POP3", IMAP: "IMAP", SMTP: "SMTP", Gmail: "Gmail"}[u])
	}
	return strings.Join(all, " and ")
}

// Grant is the Grant of this Client, with what the provider's preset adds.
func (c *Client) Grant() Grant { return c.grant }

// Provider is the preset of this Client; the zero Provider: none was named.
func (c *Client) Provider() Provider { return c.provider }

// Scopes are those that are asked for.
func (c *Client) Scopes() []string { return slices.Clone(c.scopes) }

// Endpoint identifies the token endpoint and the way to it. It holds no secret.
func (c *Client) Endpoint() string { return c.grant.TokenURL + c.grant.Issuer + " " + c.via }

// Setting identifies what decides whether a request can succeed, but for the secret; it changes when a person corrects it.
func (c *Client) Setting() string {
	g := c.grant
	return strings.Join(append([]string{string(g.Flow), g.Issuer, g.TokenURL, g.ClientID, g.KeyFile, c.via}, c.scopes...), "\n")
}

// config is the library's view of the Grant. Its AuthStyle is always set: without one, the library asks twice when it is refused,
// and sends the refresh token twice.
func (c *Client) config(ctx context.Context) (*oauth2.Config, error) {
	m, err := c.discover(ctx)
	if err != nil {
		return nil, err
	}
	cfg := &oauth2.Config{
		ClientID: c.grant.ClientID, Scopes: c.scopes,
		Endpoint: oauth2.Endpoint{AuthURL: m.AuthURL, TokenURL: m.TokenURL, DeviceAuthURL: m.DeviceURL, AuthStyle: oauth2.AuthStyleInParams},
	}
	if c.grant.Secret != nil {
		if cfg.ClientSecret, err = c.grant.Secret(ctx); err != nil {
			return nil, &Error{Class: Configuration, Grant: c.grant.Name, What: "the client secret can't be read", Err: err}
		}
		if c.provider.Basic || m.Basic {
			cfg.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
		}
	}
	return cfg, nil
}

func quoted(s string) string { return `"` + s + `"` }

func join(flows []Flow) string {
	var all []string
	for _, f := range flows {
		all = append(all, string(f))
	}
	return strings.Join(all, ", ")
}
