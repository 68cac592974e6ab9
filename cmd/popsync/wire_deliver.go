package main

import (
	"fmt"
	"path/filepath"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/command"
	"github.com/popsync/popsync/deliver/smtp"
)

// target is a destination that can also be looked at without changing anything.
type target interface {
	deliver.Target
	deliver.Checker
}

// targetOf turns a destination's configuration into what the fetcher takes. It reads the CA file and nothing else.
func (a *app) targetOf(cfg *config.Config, account string, d config.Deliver) (target, error) {
	var sender deliver.Sender
	var err error
	switch d.Type {
	case "maildir":
		return deliver.OpenMaildir(deliver.MaildirOptions{Path: d.Path, Trace: d.Trace}), nil
	case "smtp", "lmtp":
		sender, err = mailServer(cfg, d)
	case "command":
		// The copy that the program reads lies, without a name, beside those that wait.
		sender, err = command.New(command.Options{
			Args: d.Command.Args, Timeout: d.Command.Timeout, LineEnds: d.Command.LineEnds,
			Parallel: d.Connections, Trace: d.Trace, TempDir: spoolDir(cfg, account, d.Name),
		})
	default:
		err = fmt.Errorf("deliver type %q is not known", d.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("destination %s: %w", d.Name, err)
	}
	return deliver.OpenSpool(deliver.SpoolOptions{
		Dir: spoolDir(cfg, account, d.Name), Max: d.SpoolMax, Floor: cfg.Limits.FreeSpace, Account: account, Destination: d.Name, Sender: sender,
	}), nil
}

// spoolDir is where copies wait for a remote destination. Names of accounts and destinations are safe in paths.
func spoolDir(cfg *config.Config, account, destination string) string {
	return filepath.Join(cfg.StateDir, "spool", account, destination)
}

// mailServer is the Sender of type smtp or lmtp.
func mailServer(cfg *config.Config, d config.Deliver) (deliver.Sender, error) {
	s := d.SMTP
	o := smtp.Options{
		LMTP: d.Type == "lmtp", Address: s.Address, Helo: s.Helo,
		Username: s.Username, Auth: string(s.Auth), AllowPlain: s.TLS == config.TLSNone, // config has judged that
		From: s.From, To: s.To, EnvelopeHeader: s.EnvelopeHeader, EnvelopeSkip: s.EnvelopeSkip, AllowDomains: s.AllowDomains,
		Connections: d.Connections, PerConnection: s.MessagesPerConnection,
		Trace: d.Trace, AddMessageID: s.AddMessageID, BareCR: s.BareCR, LongLines: s.LongLines, NUL: s.NUL,
	}
	if s.Username != "" {
		o.Password = password(secretSource(cfg, s.Secret, nil))
	}
	switch s.TLS {
	case config.TLSImplicit:
		o.TLS = smtp.ImplicitTLS
	case config.TLSStartTLS:
		o.TLS = smtp.StartTLS
	case config.TLSNone:
		o.TLS = smtp.NoTLS
	default:
		return nil, fmt.Errorf("tls %q is not known", s.TLS)
	}
	var err error
	if o.TLSConfig, err = trust(s.CAFile); err != nil {
		return nil, err
	}
	return smtp.New(o)
}

// place names a destination's place, for people.
func place(d config.Deliver) string {
	switch {
	case d.SMTP != nil:
		return d.SMTP.Address
	case d.Command != nil:
		return d.Command.Args[0]
	}
	return d.Path
}
