package logins

import (
	"fmt"
	"time"

	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/signin"
	"github.com/popsync/popsync/internal/oauth/tokens"
	"github.com/popsync/popsync/internal/screen"
)

// Status shows how logins are: those that args name, or all. It asks nobody. Its exit code is that of a refused login if one of them
// needs a person.
func (d *Desk) Status(args []string) error {
	holders := d.Holders
	if len(args) > 0 {
		holders = nil
		for _, arg := range args {
			h, err := d.holder(arg)
			if err != nil {
				return err
			}
			holders = append(holders, h)
		}
	}
	if len(holders) == 0 {
		fmt.Fprintln(d.Out, "no account logs in by OAuth")
		return nil
	}
	needed := false
	for _, h := range holders {
		st, err := h.status()
		if err != nil {
			return h.failed(err)
		}
		needed = needed || st.Dead || !st.LoggedIn
		line := fmt.Sprintf("%s (%s): %s", h.Name(), h.Grant, signin.Standing(st, time.Now()))
		if d.OutTerm && d.OutSize != nil {
			if width, _ := d.OutSize(); width > 0 {
				line = screen.Wrap(line, "  ", width)
			}
		}
		fmt.Fprintln(d.Out, line)
		if st.Dead || !st.LoggedIn {
			fmt.Fprintf(d.Out, "  Next step: popsync login %s\n", h.Name())
		}
	}
	if needed {
		return exit.With(exit.Login, exit.ErrReported)
	}
	return nil
}

// status is how a login is, as far as that asks nobody.
func (h Holder) status() (tokens.Status, error) {
	source, _, err := h.Source("")
	if err != nil {
		return tokens.Status{}, err
	}
	return source.Status()
}

// Check says on a sheet how the login is, as far as that asks nobody; what begins the text. With the error nobody can log in.
func (h Holder) Check(s *checkup.Sheet, what string) error {
	st, err := h.status()
	if err != nil {
		return err
	}
	now := time.Now()
	switch {
	case st.Dead:
		return st.Fault
	case !st.LoggedIn:
		return &oauth.Error{Class: oauth.NeedLogin, Grant: h.Grant, Account: h.Name(), What: "nobody has logged in yet", Hint: "log in: popsync login ACCOUNT"}
	}
	s.OK(checkup.PartPassword, what+"OAuth "+h.Grant+": "+signin.Standing(st, now))
	if e, due := st.Due(now); due {
		text, next := signin.Warning(e, h.Grant, h.Name())
		s.Note(checkup.PartPassword, what+text, next)
	}
	return nil
}

// Ending tells what of an account's logins will end soon, and what to do. unknown: nobody is logged in, or it cannot be read.
func (all Holders) Ending(account string, now time.Time) (what, next string, unknown bool) {
	var nearest tokens.End
	for _, h := range all {
		if h.Account != account {
			continue
		}
		st, err := h.status()
		if err != nil || !st.LoggedIn || st.Dead {
			return "", "", true
		}
		if e, due := st.Due(now); due && (what == "" || e.At.Before(nearest.At)) {
			nearest = e
			what, next = signin.Warning(e, h.Grant, h.Name())
		}
	}
	return what, next, false
}
