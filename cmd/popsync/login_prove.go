package main

import (
	"context"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/server"
	"github.com/popsync/popsync/pop3"
)

// deliveryLogin connects to a destination. What that says of recipients or folders is check's affair.
func (a *app) deliveryLogin(ctx context.Context, cfg *config.Config, account string, d config.Deliver, token func(context.Context, string) (string, error)) error {
	if d.Gmail != nil {
		sender, _, err := a.gmailSenderWith(cfg, account, d, token, nil)
		if err != nil {
			return err
		}
		defer sender.Close()
		if saw, err := sender.Look(ctx); !saw.LoggedIn {
			return err
		}
		return nil
	}
	if d.IMAP != nil {
		sender, _, err := a.imapSenderWith(cfg, account, d, nil, token)
		if err != nil {
			return err
		}
		defer sender.Close()
		if saw, err := sender.Look(ctx); !saw.LoggedIn {
			return err
		}
		return nil
	}
	sender, _, err := a.mailServerWith(cfg, account, d, nil, token)
	if err != nil {
		return err
	}
	defer sender.Close()
	if saw, err := sender.Look(ctx); !saw.LoggedIn {
		return err
	}
	return nil
}

// logInOnce opens the mailbox, or connects to the destination, of a holder, and does nothing else there.
func (a *app) logInOnce(ctx context.Context, cfg *config.Config, h holder, token func(context.Context, string) (string, error)) error {
	c := accountOf(cfg, h.account)
	for _, d := range c.Deliver {
		if h.name != h.account && h.name == h.account+"/"+d.Name {
			return a.deliveryLogin(ctx, cfg, c.Name, d, token)
		}
	}
	o, err := serverOf(cfg.Limits, c)
	if err != nil {
		return err
	}
	way, tls := a.wayOf(cfg, c.Network, c.Trust)
	o.Dial, o.TLSConfig = way.Mail, tls
	return server.LogInOnce(ctx, o, pop3.Login{Username: c.Username, Auth: string(c.Auth), Token: token})
}
