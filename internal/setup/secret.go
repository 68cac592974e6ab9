package setup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
)

func usageError(text string) error { return exit.With(exit.Usage, errors.New(text)) }

// secrets finds out where the passwords are. Everything else is known by now, and found sound before anybody is asked.
func (s *setup) secrets(ctx context.Context) error {
	a := &s.account
	a.secret = secret{file: s.PasswordFile, command: strings.Fields(s.PasswordCommand), later: s.Credential}
	if s.PasswordFile != "" {
		a.secret.file = s.expand(s.PasswordFile)
	}
	if err := s.Sound(Trial{File: s.file(), Name: a.name, Text: s.text(false)}); err != nil {
		return err
	}
	if s.Print {
		return s.printed()
	}
	if a.oauth == "" && a.secret.file == "" && len(a.secret.command) == 0 {
		if err := s.own(ctx); err != nil {
			return err
		}
	}
	if p := &a.place; p.user != "" && p.secret.file == "" {
		if s.NonInteractive {
			return usageError("the place that the mail goes to needs a password: say --to-password-file FILE")
		}
		value, err := s.hidden(ctx, fmt.Sprintf("Password for %s at %s", p.user, p.address))
		if err != nil {
			return err
		}
		p.secret.value = value
	}
	for _, k := range []secret{a.secret, a.place.secret} {
		if !utf8.ValidString(k.value) || strings.ContainsRune(k.value, 0) {
			return exit.With(exit.Config, nextstep.With(errors.New("the password is not text in UTF-8, which a configuration has to be"), "write it into a file that only you can read, and say --password-file FILE"))
		}
	}
	return nil
}

// printed tells what has to be done by whoever uses what is printed.
func (s *setup) printed() error {
	a := s.account
	fmt.Fprintln(s.Err)
	s.say("Nothing is written, and nobody logged in. The account can stand in %s, or in any file of accounts.d.", s.file())
	if a.oauth == "" && a.secret.file == "" && len(a.secret.command) == 0 && !a.secret.later {
		s.say("Its password goes into %s, which only you may read: chmod 600.", s.passwordFile())
	}
	if a.place.user != "" && a.place.secret.file == "" {
		s.say("The one for %s goes into %s.", a.place.address, s.placePasswordFile())
	}
	if a.place.kind == "maildir" {
		s.say("The folder that the Maildir lies in must be there: %s", parent(a.place.path))
	}
	if a.onlyNew {
		s.say("Before the first run, as only new mail is wanted: %s baseline %s", s.Command, a.name)
	}
	fmt.Fprintln(s.Err)
	return nil
}

// own gets the password of the account.
func (s *setup) own(ctx context.Context) (err error) {
	k := &s.account.secret
	switch {
	case s.PasswordStdin:
		k.value, err = firstLine(s.In)
		if err == nil && strings.TrimSpace(k.value) == "" {
			err = usageError("standard input has no password")
		}
	case s.NonInteractive && !s.Credential:
		err = usageError("where is the password? Say --password-file, --password-command, --password-stdin or --credential")
	case !s.NonInteractive:
		if s.Credential {
			s.say("The password is only for trying the login, and is not stored.")
		}
		k.value, err = s.hidden(ctx, fmt.Sprintf("Password for %s at %s", s.found.Usernames[0], s.found.Host))
	}
	return err
}

// firstLine is the first line of a text, without its end.
func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 64<<10)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", exit.With(exit.Temp, err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}
