package main

import (
	"fmt"
	"path/filepath"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/command"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/deliver/smtp"
	"github.com/popsync/popsync/deliver/spool"
	"github.com/popsync/popsync/fetcher"
)

// target is a destination that can also be looked at without changing anything.
type target interface {
	deliver.Target
	deliver.Checker
}

// targetOf turns a destination's configuration into what the fetcher takes. It reads the CA file and nothing else.
func (a *app) targetOf(cfg *config.Config, account string, d config.Deliver) (target, error) {
	var sender deliver.Sender
	var where string
	var err error
	switch d.Type {
	case "maildir":
		return maildir.New(maildir.Options{Path: d.Path, Trace: d.Trace, Outer: outerOf(cfg, d.Path)}), nil
	case "smtp", "lmtp":
		sender, where, err = mailServer(cfg, d, nil)
	case "command":
		// The copy that the program reads lies, without a name, beside the folders of those that wait.
		o := command.Options{
			Args: d.Command.Args, Timeout: d.Command.Timeout, LineEnds: d.Command.LineEnds,
			Parallel: d.Connections, Trace: d.Trace, TempDir: spoolRoot(cfg),
		}
		where = o.Where()
		sender, err = command.New(a.running(o))
	default:
		err = fmt.Errorf("deliver type %q is not known", d.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("destination %s: %w", d.Name, err)
	}
	return spoolOf(cfg, account, d, sender, where), nil
}

// withoutCheck is a Sender that is not looked at.
type withoutCheck struct{ deliver.Sender }

// unaskedOf is targetOf for whoever asks no mail server: its Check looks only at what is on this machine.
func (a *app) unaskedOf(cfg *config.Config, account string, d config.Deliver) (target, error) {
	if d.SMTP == nil {
		return a.targetOf(cfg, account, d)
	}
	sender, where, err := mailServer(cfg, d, nil)
	if err != nil {
		return nil, fmt.Errorf("destination %s: %w", d.Name, err)
	}
	return spoolOf(cfg, account, d, withoutCheck{sender}, where), nil
}

// spoolOf is the Target around a Sender, which sends to where.
func spoolOf(cfg *config.Config, account string, d config.Deliver, sender deliver.Sender, where string) *spool.Target {
	return spool.New(spool.Options{
		Root: spoolRoot(cfg), Where: where, Max: d.SpoolMax, Floor: cfg.Limits.FreeSpace, Account: account, Destination: d.Name, Sender: sender,
	})
}

// outerOf is the Maildir of a configuration that a path lies in, right below it; "": in none.
func outerOf(cfg *config.Config, path string) string {
	above := filepath.Dir(filepath.Clean(path))
	for _, c := range cfg.Accounts {
		for _, d := range c.Deliver {
			if d.Type == "maildir" && filepath.Clean(d.Path) == above {
				return above
			}
		}
	}
	return ""
}

// spoolRoot is where copies wait for remote destinations, each in a folder of its own.
func spoolRoot(cfg *config.Config) string { return filepath.Join(cfg.StateDir, "spool") }

// leftover opens what waits for a remote destination that is not configured any more.
func leftover(cfg *config.Config) func(identity string) (fetcher.Leftover, error) {
	return func(identity string) (fetcher.Leftover, error) {
		folder, err := spool.OpenFolder(spoolRoot(cfg), identity)
		if err != nil {
			return nil, err
		}
		return folder, nil
	}
}

// mailServer is the Sender of type smtp or lmtp, and where it sends. heard is told of the password at each login; nil: nobody is.
func mailServer(cfg *config.Config, d config.Deliver, heard func(secret string)) (_ *smtp.Sender, where string, err error) {
	s := d.SMTP
	o := smtp.Options{
		LMTP: d.Type == "lmtp", Address: s.Address, Helo: s.Helo,
		Username: s.Username, Auth: string(s.Auth), AllowPlain: s.TLS == config.TLSNone, // config has judged that
		From: s.From, To: s.To, EnvelopeHeader: s.EnvelopeHeader, EnvelopeSkip: s.EnvelopeSkip,
		EnvelopePrefix: s.EnvelopePrefix, AllowDomains: s.AllowDomains,
		Connections: d.Connections, PerConnection: s.MessagesPerConnection,
		Trace: d.Trace, AddMessageID: s.AddMessageID, BareCR: s.BareCR, LongLines: s.LongLines, NUL: s.NUL,
	}
	if s.Username != "" {
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
	if o.TLSConfig, err = trust(s.CAFile); err != nil {
		return nil, "", err
	}
	sender, err := smtp.New(o)
	if err != nil {
		return nil, "", err
	}
	return sender, o.Where(), nil
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
