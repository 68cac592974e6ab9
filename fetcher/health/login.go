package health

import (
	"cmp"
	"fmt"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/sasl"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
)

// LogIn logs in by way of login, and keeps what that teaches. A client that did not get in is closed.
func (a *Account) LogIn(c *pop3.Client, login func() error) error {
	return a.TryLogin(func() error {
		err := login()
		a.Quirks.learn(c, a.Login, err, a.Now())
		if err == nil {
			a.noteMethod(c.LastLogin())
		}
		if delay := c.Capabilities().LoginDelay; delay > 0 {
			a.LoginDelay = int64(delay / time.Second)
		}
		if err != nil {
			c.Close()
		}
		return err
	})
}

// noteMethod remembers what logged in, where nobody said how. What follows an AUTH that is not known is a quirk, which ends.
func (a *Account) noteMethod(out sasl.Outcome) {
	if !automatic(a.Login) {
		return
	}
	if out.Weaker != "" {
		a.Weaker = sasl.WeakerText(out)
	}
	if !out.AuthUnknown && a.Quirks.NoAuthUntil == 0 {
		a.Method = out.Method
	}
}

// TryLogin counts what became of a login.
func (a *Account) TryLogin(login func() error) error {
	a.loginAt = a.Now()
	err := login()
	if err != nil {
		return a.refuse(err)
	}
	a.LoggedInAt, a.Refused = a.Now().Unix(), nil
	return nil
}

// refuse counts a refused login; other errors pass.
func (a *Account) refuse(err error) error {
	text, coded, ok := verdict.LoginRefused(err)
	if !ok && verdict.HungUpAtLogin(err) && a.LoginHint != "" {
		return &hungUpError{err, a.LoginHint}
	}
	if !ok {
		return err
	}
	var r Refusals
	if a.Refused != nil {
		r = *a.Refused
	}
	worked, now := a.LoggedInAt, a.Now()
	r.Add(coded, text, now.Unix(), worked)
	a.Refused = &r
	hint := cmp.Or(sasl.Read(text).Hint(), a.LoginHint)
	e := &RefusedError{err: err, hint: hint}
	switch {
	case r.Ended(worked):
		e.stopped = fmt.Sprintf("refused %s, so it is not tried again: %s", words.Times(r.Coded+r.Plain), hintOfStopped(a.Name, hint))
	case !r.stands(worked):
		e.worked = max(now.Sub(time.Unix(worked, 0)), time.Second)
	case r.proven(worked):
		e.slow = hintOfSlow(&r, a.Name, hint)
	}
	return e
}

// Reconfigure forgets what a changed configuration makes meaningless: whose login it was, and what the server said.
func (a *Account) Reconfigure() (changed bool) {
	f := &a.Facts
	if a.Identity == "" || a.Identity == f.Setting {
		return false
	}
	changed = f.Setting != ""
	if f.Setting = a.Identity; changed {
		f.LoggedInAt, f.LoginDelay, f.Refused, f.Hold, f.Quirks, f.Method = 0, 0, nil, nil, Quirks{}, ""
	}
	return changed
}

// Diagnoses tells whether this pass looks into a greeting that does not come: not in each, since a server that is down is then
// asked twice as often. One that was found to expect TLS is looked at each time.
func (a *Account) Diagnoses() bool {
	h := a.Hold
	return h == nil || h.Why != WaitBackoff || h.N&(h.N+1) == 0 // the next one's number is a power of two
}
