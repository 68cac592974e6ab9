package oauth

import (
	"context"
	"errors"
	"time"

	"golang.org/x/oauth2"
)

// DeviceCode is what a person types on another device (RFC 8628, section 3.2). It is foreign text.
type DeviceCode struct {
	Code     string // to type
	Address  string // where
	Complete string // an address with the code in it; "": there is none
	Expires  time.Time
}

const (
	leastInterval = 1  // seconds between questions
	usualInterval = 5  // section 3.2
	mostInterval  = 60 // what a provider can ask for
)

// device has the person type a code elsewhere, and asks the provider until that was done.
func (c *Client) device(ctx context.Context, cfg *oauth2.Config, p Prompts) (Token, error) {
	const doing = "logging in"
	d, err := cfg.DeviceAuth(c.within(ctx))
	if err != nil {
		return Token{}, c.failed(err, doing)
	}
	if d.DeviceCode == "" || d.UserCode == "" || !safe(d.VerificationURI) || !sendable(d.DeviceCode) || !sendable(d.UserCode) || len(d.UserCode) > 100 {
		return Token{}, &Error{Grant: c.grant.Name, What: doing + ": the provider's answer can't be used"}
	}
	if !safe(d.VerificationURIComplete) {
		d.VerificationURIComplete = ""
	}
	// The library counts by the system's clock.
	if latest := time.Now().Add(loginTime); d.Expiry.IsZero() || d.Expiry.After(latest) {
		d.Expiry = latest
	}
	switch {
	case d.Interval <= 0:
		d.Interval = usualInterval
	default:
		d.Interval = min(max(d.Interval, leastInterval), mostInterval)
	}
	p.Code(DeviceCode{d.UserCode, d.VerificationURI, d.VerificationURIComplete, d.Expiry})
	t, began, err := c.poll(ctx, cfg, d)
	if err != nil {
		return Token{}, err
	}
	return c.granted(t, began)
}

// poll asks until the person has done it, or the code has expired. A fault of the network or the provider ends nothing: asking goes
// on, more slowly (section 3.5).
func (c *Client) poll(ctx context.Context, cfg *oauth2.Config, d *oauth2.DeviceAuthResponse) (*oauth2.Token, time.Time, error) {
	var options []oauth2.AuthCodeOption
	if c.provider.DeviceGrant != "" {
		options = append(options, oauth2.SetAuthURLParam("grant_type", c.provider.DeviceGrant))
	}
	for {
		t, err := cfg.DeviceAccessToken(c.within(ctx), d, options...)
		if err == nil {
			return t, c.now(), nil
		}
		switch {
		case ctx.Err() != nil:
			return nil, time.Time{}, context.Cause(ctx)
		case !time.Now().Before(d.Expiry), errors.Is(err, context.DeadlineExceeded) && time.Until(d.Expiry) < time.Second:
			return nil, time.Time{}, &Error{
				Class: NeedLogin, Grant: c.grant.Name, What: "the code was not typed in time", Code: "expired_token", Hint: "begin again: popsync login ACCOUNT",
			}
		}
		e := c.failed(err, "logging in")
		if e.Class != Temporary {
			return nil, time.Time{}, e
		}
		d.Interval = min(d.Interval+usualInterval, mostInterval)
	}
}
