package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/imap"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/probe"
	"github.com/popsync/popsync/internal/transcript"
	"github.com/popsync/popsync/internal/trust"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
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
	way, err := a.dialerOf(cfg, s.Network)
	if err != nil {
		return nil, "", err
	}
	o := imap.Options{
		Address: s.Address, Username: s.Username, Auth: string(s.Auth),
		Token: token, AllowPlain: s.TLS == config.TLSNone, // config has judged that
		Folder: s.Folder, Create: s.Create, Seen: s.Seen,
		Trace: d.Trace, Connections: d.Connections, Dial: way.Mail,
		Transcript: a.transcript.Of(account+"/"+d.Name, transcript.IMAP, way.Way(s.Address)),
	}
	if token == nil && s.Secret.Kind != "" {
		o.Password = overhearing(password(secretSource(cfg, s.Secret, nil)), heard)
	}
	switch s.TLS {
	case config.TLSImplicit:
		o.TLS = imap.ImplicitTLS
	case config.TLSStartTLS:
		o.TLS = imap.StartTLS
	case config.TLSNone:
		o.TLS = imap.NoTLS
	default:
		return nil, "", fmt.Errorf("tls %q is not known", s.TLS)
	}
	if o.TLSConfig, err = trustOf(s.Trust).Config(); err != nil {
		return nil, "", err
	}
	sender, err := imap.New(o)
	if err != nil {
		return nil, "", err
	}
	return sender, o.Where(), nil
}

// checkIMAP looks first where copies wait, then at the mailbox itself.
func checkIMAP(ctx context.Context, l *looker, look checking) error {
	d, s := look.Deliver, look.sheet
	sender, where, err := l.imapSender(l.cfg, look.account, d, l.overheard(s, d.Name+": "))
	if err != nil {
		return fmt.Errorf("destination %s: %w", d.Name, err)
	}
	way, err := l.dialerOf(l.cfg, d.IMAP.Network)
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
	err = l.secretOf(ctx, s, d.IMAP.Secret, d.Name+": ", false)
	if d.IMAP.Secret.Kind == config.SecretOAuth {
		err = l.loginBy(l.cfg, boxHolder(look.account, d)).Check(s, d.Name+": ")
	}
	if err != nil {
		look.say(checkup.Info, fmt.Sprintf("%s %s was not asked: there is no password or token for it", label(d), place(d)))
		return &pop3.SecretError{Err: err, Token: d.IMAP.Secret.Kind == config.SecretOAuth}
	}
	if l.offline {
		look.say(checkup.Info, fmt.Sprintf("%s %s was not asked (--offline)", label(d), place(d)))
		return nil
	}
	leave, err := l.relays.Enter(ctx, d.IMAP.Address)
	if err != nil {
		return err
	}
	saw, err := sender.Look(ctx)
	leave()
	if !saw.Connected {
		return err
	}
	look.say(checkup.OK, fmt.Sprintf("%s %s: %s", label(d), place(d), imapText(saw, d.IMAP, way.Way(d.IMAP.Address), err)))
	if saw.TLS != nil {
		for _, r := range trustOf(d.IMAP.Trust).Remarks(*saw.TLS, time.Now()) {
			s.Add(checkup.Finding{Level: checkup.Note, Part: checkup.PartDestination, Destination: d.Name, Text: d.Name + ": " + r.Text, Next: r.Next})
		}
	}
	if !saw.LoggedIn {
		return err
	}
	look.say(checkup.Info, d.Name+": "+imapServerText(saw))
	if saw.Alert != "" {
		look.say(checkup.Note, d.Name+": the server wants you to know: "+saw.Alert)
	}
	if saw.QuotaSize > 0 {
		lv := checkup.OK
		if saw.Used >= saw.QuotaSize-saw.QuotaSize/20 {
			lv = checkup.Note
		}
		look.say(lv, fmt.Sprintf("%s: %s of %s of the mailbox are used", d.Name, words.Octets(saw.Used), words.Octets(saw.QuotaSize)))
	}
	return err
}

// imapText says what was seen of a mailbox, and by which way.
func imapText(saw imap.Sight, c *config.IMAP, way string, err error) string {
	text := strings.TrimSpace("connected " + way)
	switch {
	case saw.TLS == nil && saw.LoggedIn:
		text += ", NOT encrypted"
	case saw.TLS == nil: // it came to nothing, and the error says why
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
	case saw.Missing:
		return text + "; the folder " + saw.Folder + " is missing, and the first run makes it"
	}
	return text + "; the folder " + saw.Folder + " is there; no message was sent"
}

// imapServerText says what the server can do that is of use, and what it is known to do to messages.
func imapServerText(saw imap.Sight) string {
	text := "the server does not say what it is"
	if saw.Server != "" {
		text = "the server calls itself " + saw.Server
	}
	if len(saw.Can) > 0 {
		text += "; it has " + strings.Join(saw.Can, ", ")
	}
	if saw.Limit > 0 {
		text += "; the largest message that it takes has " + words.Octets(saw.Limit)
	}
	if saw.Alters == "" {
		return text + "; what it changes in messages is not known"
	}
	return text + "; " + saw.Alters
}
