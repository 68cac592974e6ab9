package oauth

import (
	"context"
	"crypto/subtle"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// Prompts are how a login speaks with the person. What they are given comes from the provider in part: it is foreign text.
type Prompts struct {
	Open func(address string) // an address to open in a browser. Not for logs: it holds the state
	// Paste asks for the address of the page where the browser ended; its error ends the login. With FlowLoopback it is asked too,
	// unless it is nil: the browser may be on another machine. It ends at once with ctx.
	Paste func(ctx context.Context) (string, error)
	Code  func(DeviceCode)
	Note  func(text string) // something that ends nothing, such as an answer that was not the right one; may be nil
}

const (
	loginTime = 15 * time.Minute // for one login: codes of providers live for ten
	pastePort = 47215            // where nothing listens as a rule: the page is to fail, and its address to stay
)

// Login gets a token with a person, in the Grant's flow. user is the mailbox's login name; where it is an address, the provider is
// told of it, so that a person with several accounts finds the right one.
//
// The scopes that were granted have been checked, and that there is a refresh token. Whether it is the right mailbox has not: see
// Token.Email. Every error is an *Error, or ctx's.
func (c *Client) Login(ctx context.Context, user string, p Prompts) (Token, error) {
	if p.Note == nil {
		p.Note = func(string) {}
	}
	within, cancel := context.WithTimeoutCause(ctx, loginTime, errTooLate)
	defer cancel()
	cfg, err := c.config(within)
	if err == nil {
		switch c.grant.Flow {
		case FlowDevice:
			return c.device(within, cfg, p)
		case FlowLoopback, FlowPaste:
			return c.browse(within, cfg, user, p)
		}
		err = &Error{Class: Configuration, Grant: c.grant.Name, What: "no login is needed: the flow is " + quoted(string(c.grant.Flow))}
	}
	return Token{}, c.failed(err, "logging in")
}

var errTooLate = &Error{Class: NeedLogin, What: "nobody has logged in in time", Hint: "begin again: popsync login ACCOUNT"}

// attempt is one login by a browser.
type attempt struct {
	c        *Client
	cfg      *oauth2.Config
	state    string // what the answer must hold, so that it is an answer to this attempt (RFC 6749, section 10.12)
	verifier string // RFC 7636
	redirect *url.URL
}

// browse sends the person to the provider, and waits for the browser or for what the person pastes.
func (c *Client) browse(ctx context.Context, cfg *oauth2.Config, user string, p Prompts) (Token, error) {
	if cfg.Endpoint.AuthURL == "" {
		return Token{}, &Error{Class: Configuration, Grant: c.grant.Name, What: "the issuer names no place to log in", Hint: "give auth_url, or use another flow"}
	}
	a := &attempt{c: c, cfg: cfg, state: oauth2.GenerateVerifier(), verifier: oauth2.GenerateVerifier()}
	answers := make(chan answer, 1)
	port := pastePort
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c.grant.Flow == FlowLoopback {
		host, fixed := a.base()
		l, err := listen(ctx, host, fixed)
		if err != nil {
			return Token{}, &Error{Class: Configuration, Grant: c.grant.Name, What: "nothing can listen for the browser", Hint: "paste the address instead: popsync login --flow paste ACCOUNT", Err: err}
		}
		port = l.Addr().(*net.TCPAddr).Port
		a.at(port)
		defer a.serve(l, answers, p.Note)()
	} else {
		a.at(port)
	}
	cfg.RedirectURL = a.redirect.String()
	p.Open(a.address(user))
	if p.Paste != nil {
		asked := make(chan struct{})
		go func() { defer close(asked); a.ask(ctx, answers, p) }()
		defer func() { cancel(); <-asked }() // the terminal is as it was before anything else is shown
	} else if c.grant.Flow == FlowPaste {
		return Token{}, &Error{Class: Configuration, Grant: c.grant.Name, What: "nobody can be asked for the address"}
	}
	var got answer
	select {
	case got = <-answers:
	case <-ctx.Done():
		got.err = context.Cause(ctx)
	}
	if got.err != nil {
		return Token{}, got.err
	}
	began := c.now()
	t, err := cfg.Exchange(c.within(ctx), got.code, oauth2.VerifierOption(a.verifier))
	if err != nil {
		return Token{}, c.failed(err, "logging in")
	}
	return c.granted(t, began)
}

// base is the host of the redirect address, and its port if it is fixed; 0: any.
func (a *attempt) base() (host string, port int) {
	text := a.c.grant.Redirect
	if text == "" {
		text = a.c.provider.Redirect
	}
	if text == "" {
		text = "http://127.0.0.1" // RFC 8252, section 7.3
	}
	u, err := url.Parse(text)
	if err != nil {
		u = &url.URL{Scheme: "http", Host: "127.0.0.1"}
	}
	a.redirect = u
	port, _ = strconv.Atoi(u.Port())
	return u.Hostname(), port
}

// at completes the redirect address with a port, where none is fixed.
func (a *attempt) at(port int) {
	host, fixed := a.base()
	if fixed == 0 && a.redirect.Scheme == "http" {
		a.redirect.Host = net.JoinHostPort(host, strconv.Itoa(port))
	}
}

// address is where the person logs in.
func (a *attempt) address(user string) string {
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(a.verifier)}
	for k, v := range a.c.provider.Params {
		options = append(options, oauth2.SetAuthURLParam(k, v))
	}
	if strings.Contains(user, "@") {
		options = append(options, oauth2.SetAuthURLParam("login_hint", user))
	}
	return a.cfg.AuthCodeURL(a.state, options...)
}

// answer is what the provider said by way of the browser.
type answer struct {
	code string
	err  error
}

// read judges the parameters of an answer. ok is false where it is none to this attempt: anybody can make a browser ask for a page.
func (a *attempt) read(q url.Values) (got answer, ok bool) {
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(a.state)) != 1 || len(q["state"]) != 1 {
		return answer{}, false
	}
	if iss := q.Get("iss"); iss != "" && a.c.grant.Issuer != "" && iss != a.c.grant.Issuer { // RFC 9207
		return answer{}, false
	}
	if code := q.Get("error"); code != "" {
		e := &Error{Grant: a.c.grant.Name, What: "logging in", Code: code, Detail: number(q.Get("error_description"))}
		a.c.judge(e)
		if e.Class == Temporary { // the person is there, and knows better
			e.Class = NeedLogin
		}
		return answer{err: e}, true
	}
	code := q.Get("code")
	if code == "" || len(q["code"]) != 1 || !sendable(code) {
		return answer{}, false
	}
	return answer{code: code}, true
}

// granted checks what was got by a login.
func (c *Client) granted(t *oauth2.Token, began time.Time) (Token, error) {
	got, err := c.token(t, began, Token{})
	if err != nil {
		return Token{}, err
	}
	if missing := c.missing(got.Scopes); len(missing) > 0 {
		return Token{}, &Error{
			Class: NeedLogin, Grant: c.grant.Name, What: "not all was allowed that is needed", Missing: missing,
			Hint: "log in again and tick every box: popsync login ACCOUNT. If there was none to tick, the client's registration lacks it",
		}
	}
	if got.Refresh.Reveal() == "" {
		return Token{}, &Error{
			Class: NeedLogin, Grant: c.grant.Name, What: "the provider gave no refresh token, so the login would end by itself within hours",
			Hint: "take the client's access back in the account's settings at the provider, then log in again: popsync login ACCOUNT. Some providers want the scope offline_access",
		}
	}
	if len(got.Scopes) == 0 {
		got.Scopes = slices.Clone(c.scopes)
	}
	return got, nil
}
