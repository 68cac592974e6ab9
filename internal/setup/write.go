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
	"github.com/popsync/popsync/internal/nextstep"
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
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("%s is there already, and nothing is written over", path), "remove or rename it, or choose another name by --name"))
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
	told := false
	if a.oauth == "" || !a.onlyNew { // else the daemon would fetch all as soon as somebody logs in
		var err error
		if told, err = s.Reload(ctx); err != nil {
			s.say("The daemon could not be told: %s. Say: popsync reload", err)
		}
	}
	if a.secret.later {
		s.say("The password is not stored. Give it to systemd, on the machine where the service runs: systemd-creds encrypt --name=popsync.%s - FILE; docs/service.md has the line for the unit.", a.name)
	}
	when := ""
	if s.found.Interval > 0 && s.logins > 0 {
		when = fmt.Sprintf("Not before %s: the provider wants %s between two logins.", s.Now().Add(s.found.Interval+time.Minute).Format("15:04"), words.Roughly(s.found.Interval))
	}
	switch {
	case a.oauth != "":
		s.say("Next: popsync login %s", a.name)
		s.say("Then: popsync run %s", a.name)
		if a.onlyNew {
			s.say("Between them, as only new mail is wanted: popsync baseline %s", a.name)
		}
	case told:
		s.say("The running daemon has it now, and fetches by its schedule. To fetch at once: popsync wake %s", a.name)
	default:
		s.say("Next: popsync run %s", a.name)
	}
	if when != "" {
		s.say("%s", when)
	}
	if a.oauth == "" && !told {
		s.say("To fetch all the time: popsync daemon, see docs/service.md")
	}
	return nil
}
