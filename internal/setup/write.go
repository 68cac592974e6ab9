package setup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/internal/words"
)

// mainText is a main configuration that has nothing but accounts elsewhere.
const mainText = `# popsync's configuration. The accounts are in files of their own in the folder accounts.d beside this one, as popsync setup writes
# them. What can stand here, such as [defaults], [alarm] and when mail is fetched, is in config.example.toml.
`

// write writes the passwords, then a main configuration if there is none, then the account: what is there before is no account yet.
func (s *setup) write(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	files := []struct{ path, text string }{
		{s.passwordFile(), s.account.secret.value},
		{s.placePasswordFile(), s.account.place.secret.value},
		{s.Config, ""},
		{s.file(), string(s.text(false))},
	}
	if s.account.secret.later {
		files[0].text = ""
	}
	for i := range files[:2] {
		if files[i].text != "" {
			files[i].text += "\n"
		}
	}
	if s.Missing {
		files[2].text = mainText
	}
	var written []string
	for _, f := range files {
		if f.text == "" {
			continue
		}
		if err := s.create(f.path, f.text); err != nil {
			return err
		}
		written = append(written, f.path)
	}
	s.made = nil
	fmt.Fprintln(s.Err)
	for _, path := range written {
		s.say("wrote %s", path)
	}
	return nil
}

// create writes one file, for this user alone, and over nothing.
func (s *setup) create(path, text string) error {
	if err := s.folder(parent(path)); err != nil {
		return err
	}
	dir, err := safepath.Dir(parent(path))
	if err != nil {
		return exit.With(exit.Config, safepath.WithNextStep(err))
	}
	defer dir.Close()
	switch err := durable.CreateFile(dir, filepath.Base(path), []byte(text), 0o600); {
	case errors.Is(err, os.ErrExist):
		return isThere(path)
	case err != nil:
		return exit.With(exit.Temp, err)
	}
	s.made = append(s.made, func() {
		if dir, err := safepath.Dir(parent(path)); err == nil {
			_ = safepath.RemoveAt(dir, filepath.Base(path))
			dir.Close()
		}
	})
	return nil
}

// next tells a daemon, and says what comes next.
func (s *setup) next(ctx context.Context) error {
	a := s.account
	told, marked := false, s.logins > 0 || !a.onlyNew
	if marked { // else the daemon would fetch all as soon as it can log in
		var err error
		if told, err = s.Reload(ctx); err != nil {
			s.say("The daemon could not be told: %s. Say: %s reload", err, s.Command)
		}
	}
	if a.secret.later {
		s.say("The password is not stored. Give it to systemd, on the machine where the service runs: systemd-creds encrypt --name=popsync.%s - FILE; docs/service.md has the line for the unit.", a.name)
	}
	when := ""
	if s.found.Interval > 0 && s.logins > 0 {
		when = fmt.Sprintf("Not before %s: the provider wants %s between two logins.", s.soonest(), words.Roughly(s.found.Interval))
	}
	if told && a.oauth == "" {
		s.say("The running daemon has it now, and fetches by its schedule. To fetch at once: %s wake %s", s.Command, a.name)
	} else {
		first := "Next"
		for _, step := range []struct {
			want          bool
			command, note string
		}{
			{a.oauth != "", "login", ""},
			{!marked, "baseline", ", as only new mail is wanted; a running daemon is told after that, by: " + s.Command + " reload"},
			{true, "run", ""},
		} {
			if step.want {
				s.say("%s: %s %s %s%s", first, s.Command, step.command, a.name, step.note)
				first = "Then"
			}
		}
	}
	if when != "" {
		s.say("%s", when)
	}
	if a.oauth == "" && !told {
		s.say("To fetch all the time: %s daemon, see docs/service.md", s.Command)
	}
	return nil
}

// soonest is when the provider lets the next login in.
func (s *setup) soonest() string { return s.Now().Add(s.found.Interval + time.Minute).Format("15:04") }
