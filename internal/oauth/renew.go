package oauth

import (
	"context"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// Renew gets a new access token: for the refresh token of t, or, where the flow needs no person, without one; user is the mailbox
// that a service account stands for. What the answer leaves out is as in t, the refresh token above all.
//
// It asks once. Every error is an *Error. A refresh token that was replaced is of no use any more: the caller makes the new Token
// durable before it uses it.
func (c *Client) Renew(ctx context.Context, t Token, user string) (Token, error) {
	const doing = "refreshing the token"
	if !c.grant.Flow.Alone() && t.Refresh.Reveal() == "" {
		return Token{}, &Error{Class: NeedLogin, Grant: c.grant.Name, What: "there is no refresh token", Hint: again, Certain: true, Refused: true}
	}
	cfg, err := c.config(ctx)
	if err != nil {
		return Token{}, c.failed(err, doing)
	}
	inner, began := c.within(ctx), c.now()
	var got *oauth2.Token
	switch c.grant.Flow {
	case FlowApp:
		app := clientcredentials.Config{
			ClientID: cfg.ClientID, ClientSecret: cfg.ClientSecret, TokenURL: cfg.Endpoint.TokenURL, Scopes: c.scopes, AuthStyle: cfg.Endpoint.AuthStyle,
		}
		got, err = app.Token(inner)
	case FlowService:
		got, err = c.service(inner, user, cfg.Endpoint.TokenURL)
	default:
		got, err = cfg.TokenSource(inner, &oauth2.Token{RefreshToken: t.Refresh.Reveal()}).Token()
	}
	if err != nil {
		return Token{}, c.failed(err, doing)
	}
	return c.token(got, began, t)
}
