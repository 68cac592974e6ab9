package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"

	"github.com/popsync/popsync/internal/secret"
)

// serviceKey is what is read of a service account's key file, as Google hands it out.
type serviceKey struct {
	Type     string `json:"type"`
	Email    string `json:"client_email"`
	Key      string `json:"private_key"`
	KeyID    string `json:"private_key_id"`
	TokenURL string `json:"token_uri"`
}

var errKeyFile = errors.New("it is no key of a service account that can be used")

// readKey reads a key file. Nobody else may be able to change it, or to read it; step is how to mend that.
func readKey(path string) (k serviceKey, step string, err error) {
	text, step, err := secret.PrivateFile(path)
	if err != nil {
		return k, step, err
	}
	defer clear(text)
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // which some editors put there
	if json.Unmarshal(text, &k) != nil || k.Type != "service_account" || k.Email == "" || k.Key == "" || keyUnusable(k.Key) {
		return serviceKey{}, "download its key from the provider, as JSON", errKeyFile // json's error may show a piece of it
	}
	return k, "", nil
}

// CheckKey looks whether the key file of a service account can be used, and asks nobody; nil, where the flow needs none.
func (c *Client) CheckKey() error {
	if c.grant.Flow != FlowService {
		return nil
	}
	_, err := c.key()
	return err
}

// key reads the key file. An error is an *Error.
func (c *Client) key() (serviceKey, error) {
	k, step, err := readKey(c.grant.KeyFile)
	if err != nil {
		if step == "" {
			step = "name in key_file the key of the service account, as JSON, in a file that this user may read"
		}
		return serviceKey{}, &Error{Class: Configuration, Grant: c.grant.Name, Key: "key_file", What: "key_file " + strconv.Quote(c.grant.KeyFile), Hint: step, Err: err}
	}
	return k, nil
}

// service asks for a token as a service account that stands for a user (RFC 7523; domain-wide delegation). The key says at which
// endpoint it is good, but only the configured one is asked: a key file must not send tokens elsewhere.
func (c *Client) service(ctx context.Context, user, tokenURL string) (*oauth2.Token, error) {
	k, err := c.key()
	if err != nil {
		return nil, err
	}
	cfg := jwt.Config{Email: k.Email, PrivateKey: []byte(k.Key), PrivateKeyID: k.KeyID, Subject: user, Scopes: c.scopes, TokenURL: tokenURL}
	return cfg.TokenSource(ctx).Token()
}
