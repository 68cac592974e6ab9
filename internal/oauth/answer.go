package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

func httpClient(ctx context.Context) *http.Client {
	hc, _ := ctx.Value(oauth2.HTTPClient).(*http.Client)
	return hc
}

// token makes a Token of the library's. began is when the request was sent: expiry counts from then, so as not to be late. old is
// the token that was refreshed: what the answer leaves out stays.
func (c *Client) token(t *oauth2.Token, began time.Time, old Token) (Token, error) {
	if !sendable(t.AccessToken) || !sendable(t.RefreshToken) {
		return Token{}, &Error{Grant: c.grant.Name, What: "the token endpoint's answer can't be used"}
	}
	if t.TokenType != "" && !strings.EqualFold(t.TokenType, "bearer") {
		return Token{}, &Error{Class: Configuration, Grant: c.grant.Name, What: "the provider gives another kind of token than mail servers take (bearer)"}
	}
	n := old
	n.Access, n.Got = NewSecret(t.AccessToken), began
	n.Expires = time.Time{}
	if s := seconds(t.Extra("expires_in")); s > 0 {
		n.Expires = began.Add(s)
	} else if t.ExpiresIn > 0 {
		n.Expires = began.Add(time.Duration(t.ExpiresIn) * time.Second)
	}
	if t.RefreshToken != "" && t.RefreshToken != old.Refresh.Reveal() {
		n.Refresh, n.RefreshExpires = NewSecret(t.RefreshToken), time.Time{}
	}
	// Not of an RFC: Google, Microsoft and Keycloak ("refresh_expires_in") say it.
	for _, field := range []string{"refresh_token_expires_in", "refresh_expires_in"} {
		if s := seconds(t.Extra(field)); s > 0 {
			n.RefreshExpires = began.Add(s)
			break
		}
	}
	if scope, ok := t.Extra("scope").(string); ok && scope != "" {
		n.Scopes = strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' || r == ',' }) // Seznam has commas
	}
	if text, ok := t.Extra("id_token").(string); ok {
		if id := identify(text, c.grant.ClientID); id.Subject != "" {
			n.Subject, n.Email, n.Name = id.Subject, id.Email, id.Name
		}
	}
	return n, nil
}

// longest bounds a span that a provider names: ten years are as good as for ever.
const longest = 3650 * day

// seconds reads a number of seconds that may be written as a text; 0: it is none.
func seconds(v any) time.Duration {
	var s float64
	switch v := v.(type) {
	case float64:
		s = v
	case int64:
		s = float64(v)
	case string:
		n, err := strconv.ParseUint(v, 10, 40)
		if err != nil {
			return 0
		}
		s = float64(n)
	}
	if !(s > 0) {
		return 0
	}
	if s > longest.Seconds() {
		return longest
	}
	return time.Duration(s) * time.Second
}

// failed makes an *Error of what the library said about a request. doing begins its text.
func (c *Client) failed(err error, doing string) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	e := &Error{Grant: c.grant.Name, What: doing}
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		if e.Err = harmless(err); e.Err.Error() == errUnread.Error() {
			e.Err = errUnread
		}
		if strings.HasPrefix(err.Error(), "oauth2: ") { // nothing of it is repeated: it may hold octets of the answer
			e.Err = errUnread
		}
		e.Hint = hintNetwork(e.Err)
		if own, ok := errors.AsType[hinted](e.Err); ok && own.Lasting() {
			e.Class = Configuration
		}
		return e
	}
	e.Code = refused.ErrorCode
	description := refused.ErrorDescription
	var more struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
		Numbers     []int  `json:"error_codes"`
	}
	if json.Unmarshal(refused.Body, &more) == nil {
		if e.Code == "" { // the library's flow of service accounts does not read it
			e.Code, description = more.Code, more.Description
		}
		if len(more.Numbers) > 0 {
			e.Detail = more.Numbers[0]
		}
	}
	if e.Detail == 0 {
		e.Detail = number(description)
	}
	if res := refused.Response; res != nil {
		e.Status = res.StatusCode
		e.Wait = retryAfter(res.Header.Get("Retry-After"), c.now())
	}
	c.judge(e)
	return e
}

var errUnread = errors.New("its answer can't be read")

// retryAfter reads RFC 9110, section 10.2.3, and believes no more than a day.
func retryAfter(text string, now time.Time) (wait time.Duration) {
	if s, err := strconv.ParseUint(text, 10, 31); err == nil {
		wait = time.Duration(s) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), day)
}

// number finds Microsoft's number in a description; 0: there is none.
func number(description string) (n int) {
	_, rest, ok := strings.Cut(description, "AADSTS")
	if !ok {
		return 0
	}
	for i := 0; i < len(rest) && i < 8 && rest[i] >= '0' && rest[i] <= '9'; i++ {
		n = n*10 + int(rest[i]-'0')
	}
	return n
}
