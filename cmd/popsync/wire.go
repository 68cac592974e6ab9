package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/built"
	"github.com/popsync/popsync/internal/secret"
	"github.com/popsync/popsync/internal/transcript"
	"github.com/popsync/popsync/internal/trust"
	"github.com/popsync/popsync/pop3"
)

// wire turns an account's configuration into what the fetcher takes. It reads the files of TLS (CA, client certificate) and nothing else. prompt is
// asked for a password that is not configured.
func (a *app) wire(cfg *config.Config, c config.Account, prompt func(context.Context) (string, error)) (fetcher.Account, error) {
	server, err := serverOf(cfg.Limits, c)
	if err != nil {
		return fetcher.Account{}, err
	}
	way, tls := a.wayOf(cfg, c.Network, c.Trust)
	server.Dial, server.TLSConfig = way.Mail, tls
	server.Transcript = a.transcript.Of(c.Name, transcript.POP3, way.Way(addressOf(c)))
	login, err := a.loginOf(cfg, c, prompt)
	if err != nil {
		return fetcher.Account{}, err
	}
	provider := health.ProviderOf(c.Host, c.Username)
	acc := fetcher.Account{
		Name:        c.Name,
		Server:      server,
		Login:       login,
		Policy:      policyOf(c),
		RetrHides:   provider.RetrHides,
		NeverDelete: provider.NeverDelete,
		MinInterval: provider.MinInterval,
		LoginHint:   provider.LoginHint,
		Setting:     loginSetting(cfg, c),
		Mailbox:     mailboxOf(c),
		Owner:       ownerOf(cfg),
		Spool:       leftover(cfg),

		DeleteQuarantined: c.DeleteQuarantined,
		IgnoreSizes:       c.Sizes == config.SizesIgnore,
	}
	for _, d := range c.Deliver {
		target, err := a.targetOf(cfg, c.Name, d)
		if err != nil {
			return fetcher.Account{}, err
		}
		acc.Destinations = append(acc.Destinations, fetcher.Destination{
			Name: d.Name, Target: target, Setting: deliverSetting(cfg, d), Optional: !d.Required && !d.Fallback, Fallback: d.Fallback,
		})
	}
	return acc, nil
}

// serverOf is an account's server, but for the way to it and its TLS.
func serverOf(l config.Limits, c config.Account) (pop3.Options, error) {
	o := pop3.Options{
		Host: c.Host, Port: c.Port,
		Timeouts: pop3.Timeouts{Connect: l.Connect, TLS: l.TLSHandshake, Reply: l.Reply, List: l.List, Idle: l.Idle, Quit: l.Quit, Answer: l.Answer},
		Limits:   pop3.Limits{StatusLine: int(l.StatusLine), Listing: l.Listing, Rate: l.LeastRate},

		NoPipelining: !c.Pipelining,
	}
	var err error
	o.TLS, err = modeOf(c.TLS, pop3.ImplicitTLS, pop3.StartTLS, pop3.NoTLS)
	return o, err
}

// modeOf is a way to protect a connection as a protocol calls it.
func modeOf[M any](t config.TLS, implicit, start, none M) (M, error) {
	switch t {
	case config.TLSImplicit:
		return implicit, nil
	case config.TLSStartTLS:
		return start, nil
	case config.TLSNone:
		return none, nil
	}
	return *new(M), fmt.Errorf("tls %q is not known", t)
}

// trustOf is whom a connection by TLS trusts, and how weak it may be.
func trustOf(t config.Trust) trust.Options {
	return trust.Options{
		CAFile: t.CAFile, Pins: t.Pins, ClientCert: t.ClientCert, ClientKey: t.ClientKey,
		ServerName: strings.TrimSuffix(t.ServerName, "."), MinVersion: t.MinVersion, Legacy: t.Legacy,
	}
}

func policyOf(c config.Account) fetcher.Policy {
	p := fetcher.Policy{Newest: c.DeleteKeep, Larger: c.DeleteLarger, MaxSize: c.MaxSize, Limit: c.Limit, LimitSize: c.LimitSize}
	if f := c.FirstFetch; f.Kind != config.FirstFetchAll {
		p.First = fetcher.First{Only: true, Last: f.Last, Age: f.Age}
	}
	switch c.Delete.Kind {
	case config.DeleteAfterDelivery:
		p.Delete = fetcher.DeleteAfterDelivery
	case config.DeleteAge:
		p.Delete, p.Age = fetcher.DeleteAfterAge, c.Delete.Age
	default:
		p.Delete = fetcher.DeleteNever
	}
	return p
}

// options are the fetcher's, from [limits].
func options(l config.Limits) fetcher.Options {
	floor := l.FreeSpace
	if floor == 0 {
		floor = -1
	}
	return fetcher.Options{
		BatchMessages: l.BatchMessages, BatchBytes: l.BatchSize, BatchTime: l.BatchTime,
		SessionMessages: l.SessionMessages, SessionTime: l.SessionTime, PassTime: l.PassTime, FreeFloor: floor, Built: built.At(),
	}
}

// secretSource is where a secret is found. prompt asks a person when nothing else is configured; nil: nobody is asked.
func secretSource(_ *config.Config, from config.SecretSource, prompt func(context.Context) (string, error)) secret.Source {
	switch from.Kind {
	case config.SecretLiteral:
		return secret.Source{Literal: from.Literal.Reveal, Origin: from.Origin}
	case config.SecretFile:
		return secret.Source{File: from.File}
	case config.SecretCredential:
		return secret.Source{Credential: from.File}
	case config.SecretCommand:
		return secret.Source{Command: from.Command}
	}
	return secret.Source{Prompt: prompt}
}

// password gets a secret, at login time. Its errors tell the next step.
func password(source secret.Source) func(context.Context) (string, error) { return source.GetWithHint }
