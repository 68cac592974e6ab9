package oauth

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Revoke tells the provider to forget a token (RFC 7009): the refresh token, and with it the access tokens that came of it. ok tells
// that the provider was asked and did it; without an endpoint for it, ok is false and err is nil.
func (c *Client) Revoke(ctx context.Context, t Token) (ok bool, err error) {
	const doing = "revoking the token"
	m, err := c.discover(ctx)
	if err != nil {
		return false, c.failed(err, doing)
	}
	text := t.Refresh.Reveal()
	if text == "" {
		text = t.Access.Reveal()
	}
	if m.RevokeURL == "" || text == "" {
		return false, nil
	}
	cfg, err := c.config(ctx)
	if err != nil {
		return false, c.failed(err, doing)
	}
	form := url.Values{"token": {text}}
	if t.Refresh.Reveal() != "" {
		form.Set("token_type_hint", "refresh_token")
	}
	if !m.Basic && c.grant.ClientID != "" { // section 2.1: the client says who it is as at the token endpoint
		form.Set("client_id", c.grant.ClientID)
		if cfg.ClientSecret != "" {
			form.Set("client_secret", cfg.ClientSecret)
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.RevokeURL, strings.NewReader(form.Encode()))
	if err != nil {
		return false, &Error{Class: Configuration, Grant: c.grant.Name, What: "revoke_url is no address"}
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if m.Basic && cfg.ClientSecret != "" {
		r.SetBasicAuth(url.QueryEscape(cfg.ClientID), url.QueryEscape(cfg.ClientSecret))
	}
	res, err := httpClient(c.within(ctx)).Do(r)
	if err != nil {
		return false, &Error{Grant: c.grant.Name, What: doing, Err: harmless(err)}
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	// Section 2.2: a token that is not valid any more is answered with 200 too; Google says 400 of it.
	if res.StatusCode/100 != 2 && res.StatusCode != http.StatusBadRequest {
		return false, &Error{Grant: c.grant.Name, What: doing, Status: res.StatusCode}
	}
	return true, nil
}
