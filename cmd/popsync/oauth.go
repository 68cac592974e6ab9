package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/tokens"
	"github.com/popsync/popsync/pop3"
)

// tokenDir is where tokens are kept, and what is known of them.
func tokenDir(cfg *config.Config) string { return filepath.Join(cfg.StateDir, "oauth") }

// holder is who logs in by OAuth: an account, or a destination of one.
type holder struct {
	name     string // ACCOUNT, or ACCOUNT/DESTINATION
	account  string
	username string
	use      oauth.Use
	grant    string // the name of the grant
	network  config.Network
}

// holdersOf are all of a configuration's that log in by OAuth.
func holdersOf(cfg *config.Config) (all []holder) {
	for _, c := range cfg.Accounts {
		if c.Secret.Kind == config.SecretOAuth {
			all = append(all, accountHolder(c))
		}
		for _, d := range c.Deliver {
			if d.SMTP != nil && d.SMTP.Secret.Kind == config.SecretOAuth {
				all = append(all, relayHolder(c.Name, d))
			}
			if d.IMAP != nil && d.IMAP.Secret.Kind == config.SecretOAuth {
				all = append(all, boxHolder(c.Name, d))
			}
			if d.Gmail != nil {
				all = append(all, gmailHolder(c.Name, d))
			}
		}
	}
	return all
}

func accountHolder(c config.Account) holder {
	return holder{name: c.Name, account: c.Name, username: c.Username, use: oauth.POP, grant: c.Secret.OAuth, network: c.Network}
}

func relayHolder(account string, d config.Deliver) holder {
	return holder{name: account + "/" + d.Name, account: account, username: d.SMTP.Username, use: oauth.SMTP, grant: d.SMTP.Secret.OAuth, network: d.SMTP.Network}
}

func boxHolder(account string, d config.Deliver) holder {
	return holder{name: account + "/" + d.Name, account: account, username: d.IMAP.Username, use: oauth.IMAP, grant: d.IMAP.Secret.OAuth, network: d.IMAP.Network}
}

func gmailHolder(account string, d config.Deliver) holder {
	return holder{name: account + "/" + d.Name, account: account, username: d.Gmail.Username, use: oauth.Gmail, grant: d.Gmail.Secret.OAuth, network: d.Gmail.Network}
}

// tokenOf is a holder's token. flow replaces the configured one; "": it does not.
func (a *app) tokenOf(cfg *config.Config, h holder, flow oauth.Flow) (*tokens.Source, *oauth.Client, error) {
	i := slices.IndexFunc(cfg.OAuth, func(o config.OAuth) bool { return o.Name == h.grant })
	if i < 0 {
		return nil, nil, fmt.Errorf("there is no [oauth.%s]", h.grant) // the configuration lets no such pass
	}
	g := grantOf(cfg, cfg.OAuth[i])
	if flow != "" {
		g.Flow = flow
	}
	c, err := oauth.New(g, a.wayTo(cfg, h.network), h.use)
	if err != nil {
		return nil, nil, err
	}
	s, err := a.tokens.Of(tokens.Options{Dir: tokenDir(cfg), Command: cfg.OAuth[i].TokenCommand}).Source(c, h.name, h.username)
	return s, c, err
}

// wayTo is how providers are reached: as the mail is, but for connect_command.
func (a *app) wayTo(cfg *config.Config, n config.Network) oauth.Options {
	d, _ := a.wayOf(cfg, n, config.Trust{})
	return oauth.Options{Transport: a.providers, Dial: d.DialContext, Via: strings.Join(networkSetting(cfg, n), " ")}
}

// grantOf turns [oauth.NAME] into what internal/oauth takes.
func grantOf(cfg *config.Config, o config.OAuth) oauth.Grant {
	g := oauth.Grant{
		Name: o.Name, Provider: o.Provider, Issuer: o.Issuer, AuthURL: o.AuthURL, TokenURL: o.TokenURL, DeviceURL: o.DeviceURL, RevokeURL: o.RevokeURL,
		Tenant: o.Tenant, ClientID: o.ClientID, Scopes: o.Scopes, SecretEnds: o.SecretEnds, Flow: oauth.Flow(o.Flow), Redirect: o.Redirect,
		KeyFile: o.KeyFile, Testing: o.Testing,
	}
	if o.Secret.Kind != "" {
		source := secretSource(cfg, o.Secret, nil)
		source.Key = "client_secret"
		g.Secret = password(source)
	}
	return g
}

// checkOAuth tells what keeps a grant from being used: see config.Options.
func checkOAuth(o config.OAuth, use string) (key, text, hint string) {
	_, err := oauth.New(grantOf(&config.Config{}, o), oauth.Options{}, oauth.Use(use))
	if e, ok := errors.AsType[*oauth.Error](err); ok {
		return e.Key, e.What, e.Next()
	}
	return "", "", ""
}

// loginOf is how an account logs in: by a password, or by tokens.
func (a *app) loginOf(cfg *config.Config, c config.Account, prompt func(context.Context) (string, error)) (pop3.Login, error) {
	l := pop3.Login{Username: c.Username, Auth: string(c.Auth)}
	if c.Secret.Kind != config.SecretOAuth {
		l.Password = password(secretSource(cfg, c.Secret, prompt))
		return l, nil
	}
	s, _, err := a.tokenOf(cfg, accountHolder(c), "")
	if err != nil {
		return l, err
	}
	l.Token = s.Token
	return l, nil
}
