package oauth

import (
	"context"
	"errors"
	"mime"
	"net/http"
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
	t, began, err := c.poll(ctx, cfg, d, p.Note)
	if err != nil {
		return Token{}, err
	}
	return c.granted(t, began)
}

// poll asks until the person has done it, or the code has expired. A fault of the network or the provider ends nothing: asking goes
// on, more slowly (section 3.5), and the person is told of the first one.
func (c *Client) poll(ctx context.Context, cfg *oauth2.Config, d *oauth2.DeviceAuthResponse, note func(string)) (*oauth2.Token, time.Time, error) {
	const doing = "logging in"
	var options []oauth2.AuthCodeOption
	if c.provider.DeviceGrant != "" {
		options = append(options, oauth2.SetAuthURLParam("grant_type", c.provider.DeviceGrant))
	}
	inner := c.within(ctx)
	client := httpClient(inner)
	heard := &listener{base: client.Transport}
	client.Transport = heard
	var fault *Error // the last one
	told := false
	for {
		t, err := cfg.DeviceAccessToken(inner, d, options...)
		if err == nil {
			return t, c.now(), nil
		}
		e, ended := c.failed(err, doing), errors.Is(err, context.DeadlineExceeded)
		switch late := !time.Now().Before(d.Expiry) || ended && time.Until(d.Expiry) < time.Second; {
		case ctx.Err() != nil:
			return nil, time.Time{}, context.Cause(ctx)
		case late && (ended && heard.json || e.Code == "expired_token"):
			return nil, time.Time{}, c.tooLate(nil)
		case late && ended:
			return nil, time.Time{}, c.tooLate(fault)
		case e.Class != Temporary:
			return nil, time.Time{}, e
		case late:
			return nil, time.Time{}, c.tooLate(e)
		case !told:
			note(e.Error() + ". popsync goes on asking until the code ends at " + d.Expiry.Format("15:04") + ".")
		}
		fault, told = e, true
		d.Interval = min(d.Interval+usualInterval, mostInterval)
	}
}

// listener tells whether the last answer was one as RFC 6749, section 5.2, has it, such as that the person has not typed the code yet.
type listener struct {
	base http.RoundTripper
	json bool
}

func (l *listener) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := l.base.RoundTrip(r)
	kind := ""
	if err == nil {
		kind, _, _ = mime.ParseMediaType(res.Header.Get("Content-Type"))
	}
	l.json = kind == "application/json" && res.StatusCode/100 == 4
	return res, err
}

// tooLate is the end of a code: nobody has typed it, or the provider could not say, which began with a fault.
func (c *Client) tooLate(fault *Error) *Error {
	const begin = "begin again: popsync login ACCOUNT"
	if fault == nil {
		return &Error{Class: NeedLogin, Grant: c.grant.Name, What: "the code was not typed in time", Code: "expired_token", Hint: begin}
	}
	e := *fault
	e.What, e.Hint = "the code has ended, and until then nobody could say whether it was typed: "+fault.What, "once the provider answers again, "+begin
	return &e
}
