package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"

	"github.com/popsync/popsync/internal/safepath"
)

// serviceKey is what is read of a service account's key file, as Google hands it out.
type serviceKey struct {
	Type     string `json:"type"`
	Email    string `json:"client_email"`
	Key      string `json:"private_key"`
	KeyID    string `json:"private_key_id"`
	TokenURL string `json:"token_uri"`
}

var errKeyFile = errors.New("it is no key of a service account")

// readKey reads a key file. Nobody else may be able to change it, or to read it.
func readKey(path string) (k serviceKey, err error) {
	f, err := safepath.File(path)
	if err != nil {
		return k, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return k, err
	case !info.Mode().IsRegular():
		return k, errors.New("not a regular file")
	case info.Mode().Perm()&0o077 != 0:
		return k, errors.New("others may read it: chmod 600 " + safepath.Quote(path))
	}
	text, err := io.ReadAll(io.LimitReader(f, maxToken))
	if err != nil {
		return k, err
	}
	if json.Unmarshal(text, &k) != nil || k.Type != "service_account" || k.Email == "" || k.Key == "" {
		return serviceKey{}, errKeyFile // json's error may show a piece of it
	}
	return k, nil
}

// service asks for a token as a service account that stands for a user (RFC 7523; domain-wide delegation). The key says at which
// endpoint it is good, but only the configured one is asked: a key file must not send tokens elsewhere.
func (c *Client) service(ctx context.Context, user, tokenURL string) (*oauth2.Token, error) {
	k, err := readKey(c.grant.KeyFile)
	if err != nil {
		return nil, &Error{Class: Configuration, Grant: c.grant.Name, What: "the key file of the service account can't be used", Err: safepath.WithNextStep(err)}
	}
	cfg := jwt.Config{Email: k.Email, PrivateKey: []byte(k.Key), PrivateKeyID: k.KeyID, Subject: user, Scopes: c.scopes, TokenURL: tokenURL}
	t, err := cfg.TokenSource(ctx).Token()
	if err != nil && keyUnusable(k.Key) {
		return nil, &Error{Class: Configuration, Grant: c.grant.Name, What: "the key of the service account can't be used"}
	}
	return t, err
}
