package imap

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/popsync/popsync/internal/foreign"
)

// login logs in, once and in one way. A method that the server refuses is not followed by another one with the same secret. What
// was learned of the server before is dropped: it may be able to do more, or less, for this user.
func (c *session) login(ctx context.Context) error {
	if c.tls == nil && !c.o.AllowPlain {
		return errPlain
	}
	plain := c.o.Auth == "plain"
	if c.o.Auth == "" || c.o.Auth == "auto" {
		if plain = c.caps["AUTH=PLAIN"]; !plain && c.caps["LOGINDISABLED"] {
			return errNoLogin
		}
	}
	secret, err := c.o.Password(ctx)
	if err == nil && (secret == "" || strings.ContainsAny(secret, "\x00\r\n")) {
		err = errSecret
	}
	if err != nil {
		return &secretError{err}
	}
	c.secrets = foreign.NewSecrets(c.o.Username, secret)
	c.w.log.Hide(c.secrets)
	early := c.caps["SASL-IR"]
	c.caps = nil
	if plain {
		return c.authenticate(early, secret)
	}
	_, err = c.command("LOGIN", nil, "LOGIN ", text(c.o.Username), " ", text(secret))
	return err
}

// authenticate is AUTHENTICATE PLAIN (RFC 4616), with the response in the command where the server takes it there (RFC 4959).
// One challenge too many is answered by "*", which ends the exchange.
func (c *session) authenticate(early bool, secret string) error {
	response := base64.StdEncoding.EncodeToString([]byte("\x00" + c.o.Username + "\x00" + secret))
	const verb = "AUTHENTICATE"
	tag, line := c.tag(), "AUTHENTICATE PLAIN"
	if early {
		line += " " + response
	}
	err := c.send(verb, tag+" "+line)
	for sent := early; err == nil; {
		a, e := c.receive(verb, tag, nil, c.o.Timeouts.Reply)
		switch {
		case e != nil:
			return e
		case a.tag != "+":
			return c.judge(verb, &a)
		case sent:
			if err := c.send(verb, "*"); err != nil {
				return err
			}
			a, err := c.receive(verb, tag, nil, c.o.Timeouts.Reply)
			if err == nil && a.tag != "+" {
				err = c.judge(verb, &a)
			}
			if err == nil { // it took what was no answer for a login
				err = c.fail(verb, errOdd)
			}
			return err
		default:
			sent, err = true, c.send(verb, response)
		}
	}
	return err
}
