package main

import (
	"context"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/secret"
	"github.com/popsync/popsync/pop3"
)

// secret looks at the password of an account as far as that asks nobody and runs nothing.
func (l *looker) secret(ctx context.Context, s *checkup.Sheet, acc config.Account) {
	err := l.secretOf(ctx, s, acc.Secret, "", true)
	if err != nil && ctx.Err() == nil {
		s.Judged(checkup.PartPassword, verdict.Of(&pop3.SecretError{Err: err}))
		s.SetLogin(checkup.StepFailed)
	}
}

// secretOf looks at a secret that stands in a file; what names it in a text. One that a program prints is looked at when it is
// needed for a login: see overheard. With the error it could not be read.
func (l *looker) secretOf(ctx context.Context, s *checkup.Sheet, from config.SecretSource, what string, used bool) error {
	switch from.Kind {
	case config.SecretLiteral, config.SecretFile, config.SecretCredential:
		v, err := password(secretSource(l.cfg, from, nil))(ctx)
		if err != nil {
			return err
		}
		l.overheard(s, what)(v)
	case config.SecretCommand:
		if l.offline {
			s.Info(checkup.PartPassword, what+"password_command was not run (--offline)")
		}
	case config.SecretPrompt:
		if l.offline && used {
			s.Info(checkup.PartPassword, what+"no password is configured: a run asks for it on the terminal")
		}
	}
	return nil
}

// overheard looks at a password for what is hardly meant. Nothing of it is said, nor how long it is.
func (l *looker) overheard(s *checkup.Sheet, what string) func(string) {
	return func(v string) {
		for _, d := range secret.Doubts(v) {
			t := doubts[d]
			s.Note(checkup.PartPassword, what+t.text, t.next)
		}
	}
}

// doubts are the words for what is odd about a password.
var doubts = map[secret.Doubt]struct{ text, next string }{
	secret.Marked: {"the password begins with a byte order mark, and is sent with it",
		"save the file without one: as UTF-8, without BOM"},
	secret.Leading: {"the password begins with a blank, and is sent with it",
		"if it is not part of the password, remove it"},
	secret.Trailing: {"the password ends with a blank, and is sent with it",
		"if it is not part of the password, remove it; a line end after it does not count"},
	secret.Control: {"a control character is in the password, and is sent",
		`if the password has a backslash, write it in single quotes: in "..." a backslash begins an escape`},
	secret.Unseen: {"a character that nobody sees is in the password, as copying from a page may bring along, and is sent",
		"type the password anew"},
	secret.Variable: {"the password looks like a variable, which nobody expands",
		"use password_command, password_file or a systemd credential; popsync expands no variables"},
}

// overhearing tells heard of each secret that get gives; heard may be nil.
func overhearing(get func(context.Context) (string, error), heard func(string)) func(context.Context) (string, error) {
	if heard == nil {
		return get
	}
	return func(ctx context.Context) (string, error) {
		v, err := get(ctx)
		if err == nil {
			heard(v)
		}
		return v, err
	}
}

// passwords asks for those that are not configured, one after the other, before anything else is printed.
func (l *looker) passwords(ctx context.Context) map[string]func(context.Context) (string, error) {
	asked := map[string]func(context.Context) (string, error){}
	if l.offline {
		return asked
	}
	for _, acc := range l.accounts {
		if acc.Secret.Kind != config.SecretPrompt || ctx.Err() != nil {
			continue
		}
		v, err := l.prompt(acc)(ctx)
		asked[acc.Name] = func(context.Context) (string, error) { return v, err }
	}
	return asked
}
