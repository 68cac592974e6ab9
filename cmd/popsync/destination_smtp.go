package main

import (
	"context"
	"slices"
	"strings"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/smtp"
	"github.com/popsync/popsync/internal/dialer"
	"github.com/popsync/popsync/internal/probe"
	"github.com/popsync/popsync/internal/transcript"
)

// mailServerType is a mail server, by SMTP or LMTP.
func mailServerType(name string) destinationType {
	return remoteType(destinationType{
		name:    name,
		asks:    true,
		setting: mailServerSetting,
		place:   func(d config.Deliver) string { return d.SMTP.Address },
		same: func(d config.Deliver) string {
			return strings.Join(append([]string{d.Type, strings.ToLower(d.SMTP.Address), d.SMTP.EnvelopeHeader}, d.SMTP.To...), "\x00")
		},
		check: checkMailServer,
	}, func(a *app, cfg *config.Config, account string, d config.Deliver) (deliver.Sender, string, error) {
		sender, where, err := a.mailServer(cfg, account, d, nil)
		if err != nil {
			return nil, "", err // no Sender, not one that is nil
		}
		return sender, where, nil
	})
}

func mailServerSetting(cfg *config.Config, d config.Deliver) string {
	s := d.SMTP
	parts := []string{d.Type, s.Address, string(s.TLS), s.CAFile, s.Helo, s.Username, string(s.Auth), s.From, strings.Join(s.To, ","),
		s.EnvelopeHeader, s.EnvelopePrefix, sourceIdentity(cfg, s.Secret)}
	return digest(slices.Concat(parts, networkSetting(cfg, s.Network), trustSetting(s.Trust))...)
}

// mailServer is the Sender of type smtp or lmtp, and where it sends. heard is told of the password at each login; nil: nobody is.
func (a *app) mailServer(cfg *config.Config, account string, d config.Deliver, heard func(secret string)) (_ *smtp.Sender, where string, err error) {
	if d.SMTP.Secret.Kind != config.SecretOAuth {
		return a.mailServerWith(cfg, account, d, heard, nil)
	}
	token, _, err := a.tokenOf(cfg, relayHolder(account, d), "")
	if err != nil {
		return nil, "", err
	}
	return a.mailServerWith(cfg, account, d, heard, token.Token)
}

// mailServerWith is mailServer with access tokens; nil: it logs in by a password, if at all.
func (a *app) mailServerWith(cfg *config.Config, account string, d config.Deliver, heard func(secret string), token func(ctx context.Context, refused string) (string, error)) (_ *smtp.Sender, where string, err error) {
	s := d.SMTP
	way, tls := a.wayOf(cfg, s.Network, s.Trust)
	o := smtp.Options{
		LMTP: d.Type == "lmtp", Address: s.Address, Helo: s.Helo,
		Username: s.Username, Auth: string(s.Auth), AllowPlain: s.TLS == config.TLSNone, // config has judged that
		From: s.From, To: s.To, EnvelopeHeader: s.EnvelopeHeader, EnvelopeSkip: s.EnvelopeSkip,
		EnvelopePrefix: s.EnvelopePrefix, AllowDomains: s.AllowDomains,
		Connections: d.Connections, PerConnection: s.MessagesPerConnection,
		Trace: d.Trace, AddMessageID: s.AddMessageID, BareCR: s.BareCR, LongLines: s.LongLines, NUL: s.NUL,
		Dial: way.Mail, TLSConfig: tls, Transcript: a.transcript.Of(account+"/"+d.Name, transcript.SMTP, way.Way(s.Address)),
	}
	switch {
	case token != nil:
		o.Token = token
	case s.Username != "":
		o.Password = overhearing(password(secretSource(cfg, s.Secret, nil)), heard)
	}
	if o.TLS, err = modeOf(s.TLS, smtp.ImplicitTLS, smtp.StartTLS, smtp.NoTLS); err != nil {
		return nil, "", err
	}
	sender, err := smtp.New(o)
	if err != nil {
		return nil, "", err
	}
	return sender, o.Where(), nil
}

// checkMailServer looks at the server itself once it may be asked.
func checkMailServer(ctx context.Context, l *looker, look checking) error {
	d, s := look.Deliver, look.Deliver.SMTP
	sender, where, err := l.mailServer(l.cfg, look.account, d, l.overheard(look.sheet, d.Name+": "))
	if err != nil {
		return err
	}
	defer sender.Close()
	return l.ask(ctx, look, asked{sender, where, s.Network, s.Trust, s.Secret, relayHolder(look.account, d)}, func(way *dialer.Dialer) error {
		return probe.MailServer{
			Name: d.Name, Label: label(d), Place: place(d), Way: way.Way(s.Address), Username: s.Username, Plain: s.TLS == config.TLSNone, StartTLS: s.TLS == config.TLSStartTLS,
			Original: s.From == "original", Recipients: len(s.To), Trust: trustOf(s.Trust), Turns: &l.relays, Sender: sender,
		}.Look(ctx, look.sheet)
	})
}
