package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/probe"
	"github.com/popsync/popsync/internal/secret"
	"github.com/popsync/popsync/pop3"
)

// secret looks at the password of an account as far as that asks nobody and runs nothing.
func (l *looker) secret(ctx context.Context, s *checkup.Sheet, acc config.Account) {
	err := l.secretOf(ctx, s, acc.Secret, "", true)
	if acc.Secret.Kind == config.SecretOAuth {
		err = l.loginBy(l.cfg, accountHolder(acc)).Check(s, "")
	}
	if err != nil && ctx.Err() == nil {
		s.Judged(checkup.PartPassword, verdict.Of(&pop3.SecretError{Err: err, Token: acc.Secret.Kind == config.SecretOAuth}))
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
		if !l.offline {
			break
		}
		source := secretSource(l.cfg, from, nil)
		if err := source.CheckCommand(); err != nil {
			return withHint(err)
		}
		s.Info(checkup.PartPassword, what+"password_command was not run (--offline)")
	case config.SecretPrompt:
		if l.offline && used {
			s.Info(checkup.PartPassword, what+"no password is configured: a run asks for it on the terminal")
		}
	}
	return nil
}

// secretHint is the next step of an error about a secret's source.
func secretHint(err error) (hint string, ok bool) {
	e, ok := errors.AsType[*secret.Error](err)
	if !ok {
		return "", false
	}
	return e.Hint, true
}

// withHint puts that step into the text, as it is at a login.
func withHint(err error) error {
	if hint, _ := secretHint(err); hint != "" {
		return fmt.Errorf("%w (%s)", err, hint)
	}
	return err
}

// overheard looks at a password that is used; what names it in a text.
func (l *looker) overheard(s *checkup.Sheet, what string) func(string) {
	return func(v string) { probe.Overheard(s, what, "the password", v) }
}

// overhearing tells heard of each secret that get gives; heard may be nil.
func overhearing(get func(context.Context) (string, error), heard func(string)) func(context.Context) (string, error) {
	return secret.Overheard(get, heard)
}

// askPasswords asks for those that are not configured, one after the other, before anything else is printed.
func (l *looker) askPasswords(ctx context.Context) map[string]func(context.Context) (string, error) {
	given := map[string]func(context.Context) (string, error){}
	if l.offline {
		return given
	}
	for _, acc := range l.accounts {
		if acc.Secret.Kind != config.SecretPrompt || ctx.Err() != nil {
			continue
		}
		v, err := l.prompt(acc)(ctx)
		given[acc.Name] = func(context.Context) (string, error) { return v, err }
	}
	return given
}
