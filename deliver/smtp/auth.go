package smtp

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/popsync/popsync/internal/foreign"
)

// login logs in, once and in one way (RFC 4954). A method that the server refuses is not followed by another one with
// the same secret.
func (c *session) login(ctx context.Context) error {
	if c.tls == nil && !c.o.AllowPlain {
		return errPlain
	}
	plain := c.o.Auth == "plain"
	if c.o.Auth == "" || c.o.Auth == "auto" {
		if plain = c.mechanism("PLAIN"); !plain && !c.mechanism("LOGIN") {
			return errNoAuth
		}
	}
	secret, err := c.o.Password(ctx)
	if err == nil && (secret == "" || strings.Contains(secret, "\x00")) {
		err = errSecret
	}
	if err != nil {
		return &secretError{err}
	}
	encode := base64.StdEncoding.EncodeToString
	response := encode([]byte("\x00" + c.o.Username + "\x00" + secret)) // RFC 4616, section 2
	c.secrets = foreign.NewSecrets(c.o.Username, secret)
	c.w.log.Hide(c.secrets)
	if plain {
		return c.authenticate("AUTH PLAIN "+response, response)
	}
	return c.authenticate("AUTH LOGIN", encode([]byte(c.o.Username)), encode([]byte(secret)))
}

func (c *session) mechanism(name string) bool {
	for word := range strings.FieldsSeq(c.caps["AUTH"]) {
		if strings.EqualFold(word, name) {
			return true
		}
	}
	return false
}

// authenticate sends the command and answers each challenge with the next response, whatever the challenge says:
// prompts of LOGIN differ, and some servers overlook the initial response of PLAIN. One challenge too many is answered
// by "*", which ends the exchange (RFC 4954, section 4).
func (c *session) authenticate(first string, responses ...string) error {
	r, err := c.command("AUTH", first)
	for _, response := range responses {
		if err != nil || r.code != 334 {
			break
		}
		r, err = c.command("AUTH", response)
	}
	if err == nil && r.code == 334 {
		if r, err = c.command("AUTH", "*"); err == nil && r.positive() {
			return c.odd("AUTH", r)
		}
	}
	switch {
	case err != nil:
		return err
	case r.code != 235:
		return c.unexpected("AUTH", r)
	}
	return nil
}
