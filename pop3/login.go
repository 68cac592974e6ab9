package pop3

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/sasl"
)

// Login logs in as internal/sasl says. The capabilities are asked for again, since some are announced only then (RFC 2449,
// section 5): at once, or with the next command where the server takes several at a time, which saves a round trip.
//
// Errors: *SecretError (nothing was sent), *LoginError (the server refused; see its Code), *ConnError, *ProtocolError,
// *LimitError, *sasl.OfferError, *sasl.DowngradeError.
func (c *Client) Login(ctx context.Context, l Login) error {
	if err := c.begin(ctx, "login"); err != nil {
		return err
	}
	defer c.end()
	var err error
	c.login, err = sasl.Run(ctx, sasl.Login{Username: l.Username, Password: l.Password, Token: l.Token, Auth: l.Auth,
		Worked: l.Worked, TwoSteps: l.TwoSteps, Host: c.opt.Host, Port: c.opt.Port}, login{c}.offer(), login{c})
	if err != nil {
		return login{c}.error(err)
	}
	if c.mayPipeline() {
		c.capaDue = true
		return nil
	}
	return c.askCapabilities()
}

// LastLogin is what the last Login showed, also one that failed.
func (c *Client) LastLogin() sasl.Outcome { return c.login }

// login is a Client as the sasl.Wire of its login.
type login struct{ c *Client }

// offer is what the server offers.
func (l login) offer() sasl.Offer {
	c := l.c
	o := sasl.Offer{Known: c.caps.Known, Mechanisms: c.caps.SASL, User: true, NoUser: c.caps.Known && !c.caps.User,
		Timestamp: c.timestamp, Line: maxCommand, TokenApart: true}
	if state, ok := c.ConnectionState(); ok {
		o.TLS = &state
	}
	return o
}

// Begin sends AUTH (RFC 5034, section 4).
func (l login) Begin(mechanism string, initial []byte) (sasl.Step, error) {
	arg := []byte(mechanism)
	if initial != nil {
		arg = append(append(arg, ' '), inBase64(initial)...)
		if len(initial) == 0 {
			arg = append(arg, '=')
		}
	}
	if err := l.c.t.send("AUTH", arg, l.c.opt.Timeouts.Reply); err != nil {
		return sasl.Step{}, err
	}
	return l.step()
}

// Answer sends a response.
func (l login) Answer(response []byte) (sasl.Step, error) {
	if err := l.c.t.send("", inBase64(response), l.c.opt.Timeouts.Reply); err != nil {
		return sasl.Step{}, err
	}
	return l.step()
}

// Cancel gives up (RFC 5034, section 4). A server that says +OK to that is out of step.
func (l login) Cancel() error {
	if err := l.c.t.send("", []byte("*"), l.c.opt.Timeouts.Reply); err != nil {
		return err
	}
	line, err := l.c.t.replyLine("AUTH", 0, l.c.t.patience())
	if err != nil {
		return err
	}
	ok, text, err := parseStatus(line)
	switch {
	case err != nil:
		return l.c.t.fail("AUTH", 0, line, err)
	case ok:
		return l.c.t.fail("AUTH", 0, line, errUnsolicited)
	}
	return l.c.t.refusal("AUTH", 0, text)
}

// step reads the reply to a part of an exchange.
func (l login) step() (sasl.Step, error) {
	line, err := l.c.t.replyLine("AUTH", 0, l.c.t.patience())
	if err != nil {
		return sasl.Step{}, err
	}
	if isContinuation(line) {
		return sasl.Step{Text: append([]byte{}, line[1:]...)}, nil
	}
	ok, text, err := parseStatus(line)
	switch {
	case err != nil:
		return sasl.Step{}, l.c.t.fail("AUTH", 0, line, err)
	case !ok:
		return sasl.Step{}, l.c.t.refusal("AUTH", 0, text)
	}
	return sasl.Step{Done: true, Text: append([]byte{}, text...)}, nil
}

// isContinuation tells whether a server waits for the next part (RFC 5034, section 4): "+", alone or with a space and whatever
// text.
func isContinuation(line []byte) bool {
	return len(line) > 0 && line[0] == '+' && (len(line) == 1 || line[1] == ' ' || line[1] == '\t')
}

func inBase64(b []byte) []byte { return base64.StdEncoding.AppendEncode(nil, b) }

// Plainly logs in by USER and PASS, or by APOP (RFC 1939, section 7). The former are not sent together: a server that refuses
// the user need not be told the password.
func (l login) Plainly(method, user, secret string) error {
	if method == "apop" {
		return l.c.t.exchange("APOP", []byte(user+" "+secret), l.c.opt.Timeouts.Reply)
	}
	if err := l.c.t.exchange("USER", []byte(user), l.c.opt.Timeouts.Reply); err != nil {
		return err
	}
	return l.c.t.exchange("PASS", []byte(secret), l.c.opt.Timeouts.Reply)
}

// Hide notes what a server might echo and nothing must show.
func (l login) Hide(s *foreign.Secrets) {
	l.c.t.secrets = s
	l.c.t.w.log.Hide(s)
}

// Means tells what a refusal is about. A response code says that the server knew what it was asked (RFC 2449, section 8).
func (l login) Means(err error) sasl.Refusal {
	var refused *ResponseError
	switch {
	case !errors.As(err, &refused):
		return sasl.NoRefusal
	case refused.Code != "" && refused.Code != "AUTH":
		return sasl.RefusedForNow
	case refused.Command == "AUTH" && commandUnknown(refused):
		return sasl.UnknownMethod
	case refused.Command == "AUTH" && refused.Code == "" && noInitial(refused):
		return sasl.NoInitial
	}
	return sasl.Refused
}

// error makes one of ours of an error of sasl.Run.
func (l login) error(err error) error {
	var (
		refused  *ResponseError
		secret   *sasl.SecretError
		nonsense *sasl.ChallengeError
	)
	switch {
	case errors.As(err, &secret):
		return &SecretError{Err: secret.Err, Token: secret.Token}
	case errors.As(err, &nonsense):
		l.c.t.broken = &ProtocolError{"AUTH", 0, "", err} // it may even take us for logged in
		return l.c.t.broken
	case errors.As(err, &refused):
		return &LoginError{Err: err, Method: l.c.login.Method}
	case errors.Is(err, errLongCommand):
		return &SecretError{Err: fmt.Errorf("it cannot be sent: %w", err), Token: sasl.IsToken(l.c.login.Method)}
	}
	return err
}
