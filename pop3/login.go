package pop3

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/popsync/popsync/internal/foreign"
)

// Login logs in, once and in one way. The capabilities are asked for again, since some are announced only then (RFC 2449,
// section 5): at once, or with the next command where the server takes several at a time, which saves a round trip. A
// method that the server refuses is not followed by another one with the same secret, unless it says that it does not know
// the command: then nobody has looked at the secret.
//
// Errors: *SecretError (nothing was sent), *LoginError (the server refused; see its Code), *ConnError, *ProtocolError,
// *LimitError.
func (c *Client) Login(ctx context.Context, l Login) error {
	if err := c.begin(ctx, "login"); err != nil {
		return err
	}
	defer c.end()
	secret, err := l.Password(ctx)
	if err != nil {
		return &SecretError{err}
	}
	if strings.ContainsAny(secret, "\r\n\x00") {
		return &SecretError{fmt.Errorf("password: %w", errForbidden)}
	}
	if strings.ContainsAny(l.Username, "\r\n\x00") {
		return fmt.Errorf("pop3: login: username: %w", errForbidden)
	}
	plain, err := c.choosePlain(l.Auth)
	if err != nil {
		return err
	}
	c.hide(l.Username, secret)
	if plain {
		err = c.authPlain(l.Username, secret)
		if c.noAuth = errors.Is(err, errNoAuth); c.noAuth && (l.Auth == "" || l.Auth == "auto") {
			err = c.userPass(l.Username, secret)
		}
	} else {
		err = c.userPass(l.Username, secret)
	}
	var refused *ResponseError
	switch {
	case errors.As(err, &refused):
		return &LoginError{err}
	case errors.Is(err, errLongCommand):
		return &SecretError{fmt.Errorf("password: %w", err)}
	case err != nil:
		return err
	}
	if c.mayPipeline() {
		c.capaDue = true
		return nil
	}
	return c.askCapabilities()
}

func (c *Client) choosePlain(auth string) (bool, error) {
	switch auth {
	case "", "auto":
		return c.caps.hasSASL("PLAIN"), nil
	case "plain":
		return true, nil
	case "user":
		return false, nil
	}
	return false, fmt.Errorf("pop3: login: unknown auth %q", auth)
}

// userPass logs in by USER and PASS (RFC 1939, section 7). They are not sent together: a server that refuses the user
// need not be told the password.
func (c *Client) userPass(user, secret string) error {
	if err := c.exchange("USER", []byte(user), c.opt.Timeouts.Reply); err != nil {
		return err
	}
	return c.exchange("PASS", []byte(secret), c.opt.Timeouts.Reply)
}

// authPlain logs in by SASL PLAIN (RFC 4616), with the response in the command where it fits (RFC 5034, section 4).
func (c *Client) authPlain(user, secret string) error {
	response := []byte(plainResponse(user, secret))
	if len("AUTH PLAIN ")+len(response)+2 > maxCommand {
		if err := c.send("AUTH", []byte("PLAIN"), c.opt.Timeouts.Reply); err != nil {
			return err
		}
		return c.answerChallenge(response, true)
	}
	if err := c.send("AUTH", append([]byte("PLAIN "), response...), c.opt.Timeouts.Reply); err != nil {
		return err
	}
	return c.answerChallenge(response, false)
}

// answerChallenge reads the reply to AUTH. A continuation gets the response: it must come when the command had none, and it
// does come from servers that overlook an initial response. errNoAuth is around a refusal that is about the command.
func (c *Client) answerChallenge(response []byte, must bool) error {
	line, err := c.replyLine("AUTH", 0, c.patience())
	if err != nil {
		return err
	}
	known := isContinuation(line)
	if known {
		if err := c.send("", response, c.opt.Timeouts.Reply); err != nil {
			return err
		}
		if line, err = c.replyLine("AUTH", 0, c.patience()); err != nil {
			return err
		}
		must = false
	}
	ok, text, err := parseStatus(line)
	switch {
	case err != nil:
		return c.fail("AUTH", 0, line, err)
	case !ok:
		refused := c.refusal("AUTH", 0, text)
		if !known && commandUnknown(refused) {
			return fmt.Errorf("%w: %w", errNoAuth, refused)
		}
		return refused
	case must:
		return c.fail("AUTH", 0, line, errUnsolicited) // logged in before we said who we are
	}
	return nil
}

// isContinuation tells whether a server waits for the next part (RFC 5034, section 4): "+", alone or with a space and whatever
// text. PLAIN has no challenge that could mean anything.
func isContinuation(line []byte) bool {
	return len(line) > 0 && line[0] == '+' && (len(line) == 1 || line[1] == ' ' || line[1] == '\t')
}

// plainResponse is the message of RFC 4616, section 2, without authorization identity.
func plainResponse(user, secret string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + secret))
}

// hide notes what a server might echo and nothing must show.
func (c *Client) hide(user, secret string) {
	c.secrets = foreign.NewSecrets(user, secret)
	c.w.log.Hide(c.secrets)
}
