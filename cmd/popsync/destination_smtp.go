package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/smtp"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/probe"
	"github.com/popsync/popsync/internal/transcript"
	"github.com/popsync/popsync/internal/trust"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
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
	way, err := a.dialerOf(cfg, s.Network)
	if err != nil {
		return nil, "", err
	}
	o := smtp.Options{
		LMTP: d.Type == "lmtp", Address: s.Address, Helo: s.Helo,
		Username: s.Username, Auth: string(s.Auth), AllowPlain: s.TLS == config.TLSNone, // config has judged that
		From: s.From, To: s.To, EnvelopeHeader: s.EnvelopeHeader, EnvelopeSkip: s.EnvelopeSkip,
		EnvelopePrefix: s.EnvelopePrefix, AllowDomains: s.AllowDomains,
		Connections: d.Connections, PerConnection: s.MessagesPerConnection,
		Trace: d.Trace, AddMessageID: s.AddMessageID, BareCR: s.BareCR, LongLines: s.LongLines, NUL: s.NUL,
		Dial: way.Mail, Transcript: a.transcript.Of(account+"/"+d.Name, transcript.SMTP, way.Way(s.Address)),
	}
	switch {
	case token != nil:
		o.Token = token
	case s.Username != "":
		o.Password = overhearing(password(secretSource(cfg, s.Secret, nil)), heard)
	}
	switch s.TLS {
	case config.TLSImplicit:
		o.TLS = smtp.ImplicitTLS
	case config.TLSStartTLS:
		o.TLS = smtp.StartTLS
	case config.TLSNone:
		o.TLS = smtp.NoTLS
	default:
		return nil, "", fmt.Errorf("tls %q is not known", s.TLS)
	}
	if o.TLSConfig, err = trustOf(s.Trust).Config(); err != nil {
		return nil, "", err
	}
	sender, err := smtp.New(o)
	if err != nil {
		return nil, "", err
	}
	return sender, o.Where(), nil
}

// checkMailServer looks first where copies wait, then at the server itself.
func checkMailServer(ctx context.Context, l *looker, look checking) error {
	d, s := look.Deliver, look.sheet
	sender, where, err := l.mailServer(l.cfg, look.account, d, l.overheard(s, d.Name+": "))
	if err != nil {
		return fmt.Errorf("destination %s: %w", d.Name, err)
	}
	way, err := l.dialerOf(l.cfg, d.SMTP.Network)
	if err != nil {
		return fmt.Errorf("destination %s: %w", d.Name, err)
	}
	defer sender.Close()
	what, worked := l.known.Taught(look.account, d.Name, deliverSetting(l.cfg, d))
	deliver.Recall(sender, what, worked)
	copies := spoolOf(l.cfg, look.account, d, withoutCheck{sender}, where)
	if err := copies.Check(ctx, look.known); err != nil {
		return err
	}
	err = l.secretOf(ctx, s, d.SMTP.Secret, d.Name+": ", false)
	if d.SMTP.Secret.Kind == config.SecretOAuth {
		err = l.loginBy(l.cfg, relayHolder(look.account, d)).Check(s, d.Name+": ")
	}
	if err != nil {
		look.say(checkup.Info, fmt.Sprintf("%s %s was not asked: there is no password or token for it", label(d), place(d)))
		return &pop3.SecretError{Err: err, Token: d.SMTP.Secret.Kind == config.SecretOAuth}
	}
	if l.offline {
		look.say(checkup.Info, fmt.Sprintf("%s %s was not asked (--offline)", label(d), place(d)))
		return nil
	}
	leave, err := l.relays.Enter(ctx, place(d))
	if err != nil {
		return err
	}
	saw, err := sender.Look(ctx)
	leave()
	if saw.Connected {
		look.say(checkup.OK, fmt.Sprintf("%s %s: %s", label(d), place(d), sightText(saw, d.SMTP, way.Way(d.SMTP.Address), err)))
	}
	if saw.TLS != nil {
		for _, r := range trustOf(d.SMTP.Trust).Remarks(*saw.TLS, time.Now()) {
			s.Add(checkup.Finding{Level: checkup.Note, Part: checkup.PartDestination, Destination: d.Name, Text: d.Name + ": " + r.Text, Next: r.Next})
		}
	}
	return err
}

// sightText says what was seen of a mail server, by which way, and what was not asked.
func sightText(saw smtp.Sight, c *config.SMTP, way string, err error) string {
	text := strings.TrimSpace("connected " + way)
	switch {
	case saw.TLS == nil:
		text += ", NOT encrypted"
	case c.TLS == config.TLSStartTLS:
		text += ", " + trust.Describe(*saw.TLS, "STARTTLS")
	default:
		text += ", " + trust.Describe(*saw.TLS, "")
	}
	if saw.LoggedIn {
		text += ", logged in as " + c.Username + probe.ByMethod(saw.Method)
	}
	switch {
	case err != nil:
		return text
	case !saw.Asked:
		return text + "; sender and recipients were not tried, as each message names its own"
	case c.From == "original":
		text += "; it accepts the sender <>, where each message will have its own,"
	default:
		text += "; it accepts the sender <" + saw.From + ">"
	}
	return text + " and " + words.Number(len(c.To), "recipient") + "; no message was sent"
}
