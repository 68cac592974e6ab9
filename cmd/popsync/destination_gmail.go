package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/gmail"
	"github.com/popsync/popsync/internal/dialer"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/tokens"
	"github.com/popsync/popsync/internal/probe"
	"github.com/popsync/popsync/internal/transcript"
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
	way, tls := a.wayOf(cfg, s.Network, s.Trust)
	o := gmail.Options{
		Address: s.Address, Username: s.Username, Token: token, Whose: whose,
		Labels: s.Labels, NeverSpam: s.NeverSpam, Received: s.DateSource == config.DateReceived,
		Trace: d.Trace, Connections: d.Connections, Dial: way.DialContext, TLSConfig: tls, Pacers: &a.pacers,
		Transcript: a.transcript.Of(account+"/"+d.Name, transcript.HTTP, way.Way(s.Address)),
	}
	sender, err := gmail.New(o)
	if err != nil {
		return nil, "", err
	}
	return sender, o.Where(), nil
}

// checkGmail looks at the mailbox itself once it may be asked. Where there is no login, it tells the steps to one.
func checkGmail(ctx context.Context, l *looker, look checking) error {
	d, s := look.Deliver, look.Deliver.Gmail
	sender, where, err := l.gmailSender(l.cfg, look.account, d)
	if err != nil {
		return err
	}
	defer sender.Close()
	h := gmailHolder(look.account, d)
	source, client, err := l.tokenOf(l.cfg, h, "")
	if err != nil {
		return err
	}
	st, _ := source.Status() // an error comes with the login
	box := probe.Gmail{
		Name: d.Name, Label: label(d), Place: place(d), Address: s.Address, Who: cmp.Or(st.Email, s.Username), Labels: s.Labels,
		Steps: gmailSteps(h, client, st), Trust: trustOf(s.Trust), Turns: &l.relays, Sender: sender,
	}
	err = l.ask(ctx, look, asked{sender, where, s.Network, s.Trust, s.Secret, h}, func(way *dialer.Dialer) error {
		box.Way = way.Way(s.Address)
		return box.Look(ctx, look.sheet)
	})
	if errors.As(err, new(*pop3.SecretError)) {
		box.Tell(look.sheet)
	}
	return err
}

// gmailSteps are those that a login at Gmail takes.
func gmailSteps(h holder, client *oauth.Client, st tokens.Status) []string {
	if client.Grant().Flow == oauth.FlowService {
		return []string{
			"Switch on the Gmail API in the service account's project (APIs & Services, Library).",
			"In the Google Workspace Admin console, under Security, API controls, Domain-wide delegation, allow the service account's client id the scopes " + strings.Join(client.Scopes(), ", ") + ".",
			"username is a user of that Workspace, who has Gmail.",
		}
	}
	state := "not done, for all that is known here"
	if st.LoggedIn && !st.Dead {
		state = "done"
	}
	return append(slices.Clone(client.Provider().Prepare),
		fmt.Sprintf("Log in as %s, and leave all boxes ticked that Google shows: popsync login %s (%s).", h.username, h.name, state))
}
