package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/imap"
	"github.com/popsync/popsync/internal/dialer"
	"github.com/popsync/popsync/internal/probe"
	"github.com/popsync/popsync/internal/transcript"
)

// imapType is a folder of a mailbox elsewhere.
func imapType() destinationType {
	return remoteType(destinationType{
		name: "imap",
		asks: true,
		setting: func(cfg *config.Config, d config.Deliver) string {
			s := d.IMAP
			parts := []string{d.Type, s.Address, string(s.TLS), s.CAFile, s.Username, string(s.Auth), s.Folder, fmt.Sprint(s.Create), sourceIdentity(cfg, s.Secret)}
			return digest(slices.Concat(parts, networkSetting(cfg, s.Network), trustSetting(s.Trust))...)
		},
		place: func(d config.Deliver) string { return d.IMAP.Address + " (" + d.IMAP.Folder + ")" },
		same: func(d config.Deliver) string {
			return strings.Join([]string{d.Type, imap.Options{Address: d.IMAP.Address, Username: d.IMAP.Username, Folder: d.IMAP.Folder}.Where()}, "\x00")
		},
		check: checkIMAP,
	}, func(a *app, cfg *config.Config, account string, d config.Deliver) (deliver.Sender, string, error) {
		sender, where, err := a.imapSender(cfg, account, d, nil)
		if err != nil {
			return nil, "", err // no Sender, not one that is nil
		}
		return sender, where, nil
	})
}

// imapSender is the Sender of type imap, and where it sends. heard is told of the password at each login; nil: nobody is.
func (a *app) imapSender(cfg *config.Config, account string, d config.Deliver, heard func(secret string)) (_ *imap.Sender, where string, err error) {
	if d.IMAP.Secret.Kind != config.SecretOAuth {
		return a.imapSenderWith(cfg, account, d, heard, nil)
	}
	token, _, err := a.tokenOf(cfg, boxHolder(account, d), "")
	if err != nil {
		return nil, "", err
	}
	return a.imapSenderWith(cfg, account, d, heard, token.Token)
}

// imapSenderWith is imapSender with access tokens; nil: it logs in by a password.
func (a *app) imapSenderWith(cfg *config.Config, account string, d config.Deliver, heard func(secret string), token func(ctx context.Context, refused string) (string, error)) (_ *imap.Sender, where string, err error) {
	s := d.IMAP
	way, tls := a.wayOf(cfg, s.Network, s.Trust)
	o := imap.Options{
		Address: s.Address, Username: s.Username, Auth: string(s.Auth),
		Token: token, AllowPlain: s.TLS == config.TLSNone, // config has judged that
		Folder: s.Folder, Create: s.Create, Seen: s.Seen,
		Trace: d.Trace, Connections: d.Connections, InFlight: s.InFlight, Dial: way.Mail, TLSConfig: tls,
		Transcript: a.transcript.Of(account+"/"+d.Name, transcript.IMAP, way.Way(s.Address)),
	}
	if token == nil && s.Secret.Kind != "" {
		o.Password = overhearing(password(secretSource(cfg, s.Secret, nil)), heard)
	}
	if o.TLS, err = modeOf(s.TLS, imap.ImplicitTLS, imap.StartTLS, imap.NoTLS); err != nil {
		return nil, "", err
	}
	sender, err := imap.New(o)
	if err != nil {
		return nil, "", err
	}
	return sender, o.Where(), nil
}

// checkIMAP looks at the mailbox itself once its server may be asked.
func checkIMAP(ctx context.Context, l *looker, look checking) error {
	d, s := look.Deliver, look.Deliver.IMAP
	sender, where, err := l.imapSender(l.cfg, look.account, d, l.overheard(look.sheet, d.Name+": "))
	if err != nil {
		return err
	}
	defer sender.Close()
	return l.ask(ctx, look, asked{sender, where, s.Network, s.Trust, s.Secret, boxHolder(look.account, d)}, func(way *dialer.Dialer) error {
		return probe.Mailbox{
			Name: d.Name, Label: label(d), Place: place(d), Address: s.Address, Way: way.Way(s.Address), Username: s.Username,
			StartTLS: s.TLS == config.TLSStartTLS, Trust: trustOf(s.Trust), Turns: &l.relays, Sender: sender,
		}.Look(ctx, look.sheet)
	})
}
