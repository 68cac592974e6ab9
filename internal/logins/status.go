package logins

import (
	"errors"
	"fmt"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/signin"
	"github.com/popsync/popsync/internal/oauth/tokens"
	"github.com/popsync/popsync/internal/screen"
)

// Status shows how logins are: those that args name, or all. It asks nobody. Its exit code is that of the worst: of a refused login if a
// person has to log in, of the configuration if something there has to be changed, else that of something that passes if there is no
// token now.
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
	now, worst := time.Now(), verdict.OK
	for _, h := range holders {
		text, next, class := h.standing(now)
		line := fmt.Sprintf("%s (%s): %s", h.Name(), h.Grant, text)
		if next != "" {
			next = "Next step: " + next
		}
		if d.OutTerm && d.OutSize != nil {
			if width, _ := d.OutSize(); width > 0 {
				line, next = screen.Wrap(line, "  ", width), screen.Wrap(next, "    ", width-2)
			}
		}
		fmt.Fprintln(d.Out, line)
		if next != "" {
			fmt.Fprintln(d.Out, "  "+next)
		}
		if verdict.Worse(class, worst) {
			worst = class
		}
	}
	if worst != verdict.OK {
		return exit.With(exit.Of(worst), exit.ErrReported)
	}
	return nil
}

// standing is how a login is, what a person has to do about it ("": nothing), and what that makes of the exit code.
func (h Holder) standing(now time.Time) (text, next string, class verdict.Class) {
	st, err := h.status()
	if err != nil {
		if e, ok := errors.AsType[*oauth.Error](err); ok {
			e.Account = h.Name()
		}
		v := verdict.Of(err)
		return v.Message, v.Hint, v.Class
	}
	text = signin.Standing(st, now)
	over, ended := st.Over(now)
	switch {
	case st.Dead, st.Fault != nil && st.Fault.Class == oauth.Configuration:
		v := verdict.Of(st.Fault)
		return text, v.Hint, v.Class
	case !st.LoggedIn:
		return text, "popsync login " + h.Name(), verdict.Login
	case ended:
		_, next = signin.Warning(over, h.Grant, h.Name(), now)
		if class = verdict.Login; over.Why == tokens.EndSecret {
			class = verdict.Config
		}
		return text, next, class
	case st.Refused:
		return text, refusedNext + "; see what the mail server says: popsync check " + h.Account, verdict.Login
	case st.Fault != nil && !st.Expires.IsZero() && now.After(st.Expires): // nothing can be fetched now
		return text, "", verdict.Temporary
	}
	return text, "", verdict.OK
}

// refusedNext is the next step where the mail server refuses a login that the provider gave.
const refusedNext = "check username, and whether the mailbox allows this protocol"

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
	text := what + "OAuth " + h.Grant + ": " + signin.Standing(st, now)
	if st.Refused {
		s.Note(checkup.PartPassword, text, refusedNext)
	} else {
		s.OK(checkup.PartPassword, text)
	}
	if e, due := st.Due(now); due {
		text, next := signin.Warning(e, h.Grant, h.Name(), now)
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
			what, next = signin.Warning(e, h.Grant, h.Name(), now)
		}
	}
	return what, next, false
}
