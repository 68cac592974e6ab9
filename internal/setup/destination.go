package setup

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/popsync/popsync/internal/discovery"
)

// gmail is where Gmail takes mail by IMAP, with an app password.
const gmail = "imap.gmail.com:993"

// destination asks where the mail shall go.
func (s *setup) destination(ctx context.Context) error {
	p := &s.account.place
	switch {
	case s.Maildir != "":
		p.kind, p.path = "maildir", s.expand(s.Maildir)
	case s.IMAP != "":
		p.kind, p.address, p.user = "imap", s.IMAP, s.To
	case s.Gmail != "":
		p.kind, p.address, p.user = "imap", gmail, s.Gmail
	case s.SMTP != "":
		p.kind, p.address, p.to = "smtp", s.SMTP, s.To
	case s.NonInteractive:
		p.kind, p.path = "maildir", s.usualMaildir()
	default:
		n, err := s.choose(ctx, "Where shall the mail go?", "a Maildir on this machine", "another mailbox of mine, by IMAP", "my Gmail, by IMAP with an app password", "a mail server, by SMTP")
		if err != nil {
			return err
		}
		p.kind = []string{"maildir", "imap", "imap", "smtp"}[n]
		if n == 2 {
			p.address = gmail
		}
	}
	if s.interactive() {
		if err := s.details(ctx, p); err != nil {
			return err
		}
	}
	if s.ToPasswordFile != "" {
		p.secret.file = s.expand(s.ToPasswordFile)
	}
	return s.placeFits(p)
}

// details asks for what is not said of the place.
func (s *setup) details(ctx context.Context, p *place) (err error) {
	isAddress := func(said string) error {
		_, err := discovery.ParseAddress(said)
		return err
	}
	if p.kind == "maildir" && p.path == "" {
		p.path, err = s.must(ctx, "Maildir", s.usualMaildir(), func(said string) error {
			if !filepath.IsAbs(s.expand(said)) {
				return errors.New("an absolute path, or one that begins with ~/")
			}
			return nil
		})
		p.path = s.expand(p.path)
	}
	if p.kind != "maildir" && p.address == "" {
		p.address, err = s.must(ctx, "Its server, as HOST or HOST:PORT", "", func(said string) error {
			if !isServer(said) {
				return errors.New("for example imap.example.org, or mail.example.org:587")
			}
			return nil
		})
	}
	if err == nil && p.kind == "imap" && p.user == "" {
		p.user, err = s.must(ctx, "User name there", "", func(said string) error {
			if said == "" {
				return errors.New("as a rule the address of that mailbox")
			}
			return nil
		})
	}
	if err == nil && p.kind == "smtp" && p.to == "" {
		p.to, err = s.must(ctx, "Address that the mail is sent to", "", isAddress)
	}
	if err == nil && p.kind == "smtp" && s.SMTP == "" {
		p.user, err = s.ask(ctx, "User name there; Enter: no login", "")
	}
	return err
}

// isServer tells whether a text is HOST or HOST:PORT.
func isServer(text string) bool {
	host := text
	if h, port, err := net.SplitHostPort(text); err == nil {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return false
		}
		host = h
	} else if strings.Count(text, ":") == 1 {
		return false
	}
	return host != "" && !strings.ContainsAny(host, " /\\@\"'")
}

// placeFits looks whether all is there.
func (s *setup) placeFits(p *place) error {
	switch {
	case p.kind == "imap" && p.user == "":
		return usageError("--imap needs the user name there: say --to NAME")
	case p.kind == "smtp" && p.to == "":
		return usageError("--smtp needs the address that the mail is sent to: say --to ADDRESS")
	case p.kind == "maildir" && !filepath.IsAbs(p.path):
		return usageError("--maildir takes an absolute path, or one that begins with ~/")
	case p.kind == "smtp" && p.user == "" && p.secret.file != "":
		p.user = p.to
	}
	if p.kind == "smtp" && p.user != "" { // most servers that want a login refuse other senders than its own
		p.from = p.to
		if _, err := discovery.ParseAddress(p.user); err == nil {
			p.from = p.user
		}
	}
	return nil
}

// usualMaildir is where mail goes that nobody said anything of.
func (s *setup) usualMaildir() string { return filepath.Join(s.Home, "Mail", s.account.name) }

// expand puts the home directory in place of ~.
func (s *setup) expand(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(s.Home, rest)
	}
	return filepath.Clean(path)
}

// mail asks what becomes of the mail that is on the server.
func (s *setup) mail(ctx context.Context) error {
	s.account.onlyNew, s.account.delete = s.Fetch == "new", s.Delete
	if s.NonInteractive || s.Print {
		return nil
	}
	if s.Fetch == "" {
		n, err := s.choose(ctx, "The mail that is there already:", "fetch all of it", "leave it, and fetch only what comes from now on")
		if err != nil {
			return err
		}
		s.account.onlyNew = n == 1
	}
	if s.Delete == "" {
		n, err := s.choose(ctx, "The originals on the server, once they are delivered:", "keep them", "delete them after 30 days", "delete them after delivery")
		if err != nil {
			return err
		}
		s.account.delete = []string{"never", "30d", "after-delivery"}[n]
	}
	return nil
}
