package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/gmail"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/tokens"
	"github.com/popsync/popsync/internal/transcript"
	"github.com/popsync/popsync/internal/trust"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
)

// gmailType is a mailbox at Gmail, by Google's own interface.
func gmailType() destinationType {
	return remoteType(destinationType{
		name: "gmail",
		asks: true,
		setting: func(cfg *config.Config, d config.Deliver) string {
			s := d.Gmail
			parts := []string{d.Type, s.Address, s.CAFile, s.Username, strings.Join(s.Labels, "\x00"), sourceIdentity(cfg, s.Secret)}
			return digest(slices.Concat(parts, networkSetting(cfg, s.Network), trustSetting(s.Trust))...)
		},
		place: func(d config.Deliver) string { return "Gmail (" + d.Gmail.Username + ")" },
		same: func(d config.Deliver) string {
			return d.Type + "\x00" + gmail.Options{Username: d.Gmail.Username}.Where()
		},
		check: checkGmail,
	}, func(a *app, cfg *config.Config, account string, d config.Deliver) (deliver.Sender, string, error) {
		sender, where, err := a.gmailSender(cfg, account, d)
		if err != nil {
			return nil, "", err // no Sender, not one that is nil
		}
		return sender, where, nil
	})
}

// gmailSender is the Sender of type gmail, and where it sends.
func (a *app) gmailSender(cfg *config.Config, account string, d config.Deliver) (_ *gmail.Sender, where string, err error) {
	source, _, err := a.tokenOf(cfg, gmailHolder(account, d), "")
	if err != nil {
		return nil, "", err
	}
	return a.gmailSenderWith(cfg, account, d, source.Token, func() (subject, email string) {
		st, err := source.Status()
		if err != nil || st.Alone { // what can't be read, Token tells
			return "", ""
		}
		return st.Subject, st.Email
	})
}

// gmailSenderWith is gmailSender with access tokens, and who they are of; nil: that is not known.
func (a *app) gmailSenderWith(cfg *config.Config, account string, d config.Deliver, token func(ctx context.Context, refused string) (string, error),
	whose func() (subject, email string)) (_ *gmail.Sender, where string, err error) {
	s := d.Gmail
	way, err := a.dialerOf(cfg, s.Network)
	if err != nil {
		return nil, "", err
	}
	o := gmail.Options{
		Address: s.Address, Username: s.Username, Token: token, Whose: whose,
		Labels: s.Labels, NeverSpam: s.NeverSpam, Received: s.DateSource == config.DateReceived,
		Trace: d.Trace, Connections: d.Connections, Dial: way.DialContext, Pacers: &a.pacers,
		Transcript: a.transcript.Of(account+"/"+d.Name, transcript.HTTP, way.Way(s.Address)),
	}
	if o.TLSConfig, err = trustOf(s.Trust).Config(); err != nil {
		return nil, "", err
	}
	sender, err := gmail.New(o)
	if err != nil {
		return nil, "", err
	}
	return sender, o.Where(), nil
}

// checkGmail looks first where copies wait, then at the login, then at the mailbox. Of what is missing it tells the steps.
func checkGmail(ctx context.Context, l *looker, look checking) error {
	d, s := look.Deliver, look.sheet
	sender, where, err := l.gmailSender(l.cfg, look.account, d)
	if err != nil {
		return fmt.Errorf("destination %s: %w", d.Name, err)
	}
	defer sender.Close()
	way, err := l.dialerOf(l.cfg, d.Gmail.Network)
	if err != nil {
		return fmt.Errorf("destination %s: %w", d.Name, err)
	}
	copies := spoolOf(l.cfg, look.account, d, withoutCheck{sender}, where)
	if err := copies.Check(ctx, look.known); err != nil {
		return err
	}
	h := gmailHolder(look.account, d)
	source, client, err := l.tokenOf(l.cfg, h, "")
	if err != nil {
		return fmt.Errorf("destination %s: %w", d.Name, err)
	}
	st, err := source.Status()
	if err == nil {
		err = l.loginBy(l.cfg, h).Check(s, d.Name+": ")
	}
	if err != nil {
		look.say(checkup.Info, fmt.Sprintf("%s %s was not asked: there is no token for it", label(d), place(d)))
		look.gmailSteps(client, st)
		return &pop3.SecretError{Err: err, Token: true}
	}
	if l.offline {
		look.say(checkup.Info, fmt.Sprintf("%s %s was not asked (--offline)", label(d), place(d)))
		return nil
	}
	leave, err := l.relays.Enter(ctx, d.Gmail.Address)
	if err != nil {
		return err
	}
	saw, err := sender.Look(ctx)
	leave()
	if saw.Connected {
		look.say(checkup.OK, fmt.Sprintf("%s %s: %s", label(d), place(d), gmailText(saw, d.Gmail, st, way.Way(d.Gmail.Address), err)))
	}
	if saw.TLS != nil {
		for _, r := range trustOf(d.Gmail.Trust).Remarks(*saw.TLS, time.Now()) {
			s.Add(checkup.Finding{Level: checkup.Note, Part: checkup.PartDestination, Destination: d.Name, Text: d.Name + ": " + r.Text, Next: r.Next})
		}
	}
	if err != nil {
		if saw.Connected {
			look.gmailSteps(client, st)
		}
		return err
	}
	look.say(checkup.Info, d.Name+": Gmail takes about 230 messages a minute, and none over 150 MB, by its interface; by IMAP none over 34 MB, and where people send, 25 MB of attachments")
	return nil
}

// gmailSteps tells what a login at Gmail takes, step by step, and which of it is done for all that is known here.
func (c checking) gmailSteps(client *oauth.Client, st tokens.Status) {
	steps := client.Provider().Prepare
	if client.Grant().Flow == oauth.FlowService {
		steps = []string{
			"Switch on the Gmail API in the service account's project (APIs & Services, Library).",
			"In the Google Workspace Admin console, under Security, API controls, Domain-wide delegation, allow the service account's client id the scopes " + strings.Join(client.Scopes(), ", ") + ".",
			"username is a user of that Workspace, who has Gmail.",
		}
	} else {
		state := "not done, for all that is known here"
		if st.LoggedIn && !st.Dead {
			state = "done"
		}
		steps = append(slices.Clone(steps), fmt.Sprintf("Log in as %s, and leave all boxes ticked that Google shows: popsync login %s/%s (%s).", c.Deliver.Gmail.Username, c.account, c.Deliver.Name, state))
	}
	for i, step := range steps {
		c.say(checkup.Info, fmt.Sprintf("%s: step %d: %s", c.Deliver.Name, i+1, step))
	}
}

// gmailText says what was seen of a mailbox, and by which way.
func gmailText(saw gmail.Sight, c *config.Gmail, st tokens.Status, way string, err error) string {
	text := strings.TrimSpace("connected " + way)
	if saw.TLS != nil {
		text += ", " + trust.Describe(*saw.TLS, "")
	}
	if saw.LoggedIn {
		who := c.Username
		if st.Email != "" {
			who = words.Clip(st.Email)
		}
		text += ", logged in as " + who
	}
	switch {
	case err != nil:
		return text
	case len(c.Labels) == 0:
		text += "; messages get no label, and are in All Mail only"
	case len(saw.Missing) > 0:
		text += "; labels " + strings.Join(c.Labels, ", ") + ", of which the first message makes " + strings.Join(saw.Missing, ", ")
	default:
		text += "; labels " + strings.Join(c.Labels, ", ") + " are there"
	}
	return text + "; no message was sent"
}
