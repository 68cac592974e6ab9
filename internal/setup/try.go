package setup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/safepath"
)

// try logs in, with the next user name if the first is refused, and not more often. Where only new mail is wanted, the login that marks
// what is there is the same one: some providers would refuse a second one so soon.
func (s *setup) try(ctx context.Context) error {
	if err := s.roomForMail(); err != nil {
		return err
	}
	names := s.found.Usernames
	for i, name := range names {
		if s.logins >= mostLogins {
			break
		}
		s.account.username = name
		saw, err := s.once(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return err
		case saw.Worst == verdict.OK:
			return nil
		case !saw.Refused:
			return exit.With(exit.Of(saw.Worst), errors.New("nothing was written: see above what is wrong"))
		}
		if s.account.oauth != "" || i == len(names)-1 || s.logins >= mostLogins {
			break
		}
		fmt.Fprintln(s.Err)
		s.say("Refused. Trying once more, with the user name %s.", names[i+1])
	}
	step := "see that user name and password are right"
	if s.hint != "" {
		step += "; " + s.hint
	}
	if s.found.Interval > 0 {
		step += "; then say it again, not before " + s.soonest()
	} else {
		step += ", and say it again; many providers lock a mailbox after three refusals"
	}
	return exit.With(exit.Login, nextstep.With(fmt.Errorf("the server refused the login; nothing was written"), step))
}

// once tries one login. What else could be wrong is looked at before it, as far as it can be.
func (s *setup) once(ctx context.Context) (Saw, error) {
	t := Trial{File: s.file(), Name: s.account.name, Text: s.text(true)}
	good := Saw{Worst: verdict.OK}
	if s.account.oauth != "" { // nobody has logged in yet
		return good, nil
	}
	unable := s.account.secret.later && s.account.secret.value == ""
	depth := Offline // the place that mail goes to is asked once: with the server, or, where that is only marked, now
	if !unable && (s.account.onlyNew || s.account.place.kind == "maildir") {
		depth = Places
	}
	if s.logins == 0 {
		if saw, err := s.Look(ctx, t, depth); err != nil || saw.Worst != verdict.OK || unable {
			return saw, err
		}
	}
	if s.account.onlyNew {
		s.logins++
		if err := s.Baseline(ctx, t); err != nil {
			if exit.CodeOf(err) == exit.Login && ctx.Err() == nil {
				text, _ := exit.Apart(err)
				s.say("%s", text)
				return Saw{verdict.Login, true}, nil
			}
			return good, err
		}
		s.made = append(s.made, func() { _ = s.Unmark(context.WithoutCancel(ctx), t) })
		return good, nil
	}
	s.logins++
	return s.Look(ctx, t, Whole)
}

// roomForMail makes the folder that a Maildir would be in, which a Maildir does not.
func (s *setup) roomForMail() error {
	if s.account.place.kind != "maildir" {
		return nil
	}
	return s.folder(parent(s.account.place.path))
}

// folder makes a folder and those above it, and sees to it that those that were not there are gone again if nothing comes of it.
func (s *setup) folder(path string) error {
	var missing []string
	for p := path; ; p = parent(p) {
		if _, err := os.Lstat(p); err == nil || p == parent(p) {
			break
		}
		missing = append(missing, p)
	}
	if len(missing) == 0 {
		return nil
	}
	d, err := safepath.MakeDirs(path, durable.SyncDir)
	if err != nil {
		return exit.With(exit.Config, safepath.WithNextStep(err))
	}
	d.Close()
	s.made = append(s.made, func() {
		for _, p := range missing { // the deepest first; one that has something in it by now stays
			above, err := safepath.Dir(parent(p))
			if err != nil {
				return
			}
			_ = safepath.RemoveAt(above, filepath.Base(p))
			above.Close()
		}
	})
	return nil
}

// undo takes back what was made, the latest first.
func (s *setup) undo() {
	for i := len(s.made) - 1; i >= 0; i-- {
		s.made[i]()
	}
	s.made = nil
}

// writable tells what keeps files from being made in a folder, which need not be there yet.
func writable(folder string) error {
	there, err := safepath.Check(folder)
	if err != nil {
		return safepath.WithNextStep(err)
	}
	if err := unix.Access(there, unix.W_OK|unix.X_OK); err != nil {
		return &os.PathError{Op: "write to", Path: there, Err: err}
	}
	return nil
}

func parent(path string) string { return filepath.Dir(path) }
