package main

import (
	"time"

	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/signin"
)

// grant looks at a login by OAuth, as far as that asks nobody; what names it in a text. With the error nobody can log in.
func (l *looker) grant(s *checkup.Sheet, h holder, what string) error {
	source, _, err := l.tokenOf(l.cfg, h, "")
	if err != nil {
		return err
	}
	st, err := source.Status()
	if err != nil {
		return err
	}
	now := time.Now()
	switch {
	case st.Dead:
		return st.Fault
	case !st.LoggedIn:
		return &oauth.Error{Class: oauth.NeedLogin, Grant: h.grant, Account: h.name, What: "nobody has logged in yet", Hint: "log in: popsync login ACCOUNT"}
	}
	s.OK(checkup.PartPassword, what+"OAuth "+h.grant+": "+signin.Standing(st, now))
	if e, due := st.Due(now); due {
		text, next := signin.Warning(e, h.grant, h.name)
		s.Note(checkup.PartPassword, what+text, next)
	}
	return nil
}
