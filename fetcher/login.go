package fetcher

import (
	"fmt"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
)

// logIn logs in and keeps what that teaches. A client that did not get in is closed.
func (p *pass) logIn(c *pop3.Client, login func() error) error {
	p.loginAt = p.now()
	err := login()
	p.facts.Quirks.Learn(c, p.a.Login, err, p.now())
	if delay := c.Capabilities().LoginDelay; delay > 0 {
		p.facts.LoginDelay = int64(delay / time.Second)
	}
	if err == nil {
		p.facts.LoggedInAt, p.facts.Refused = p.now().Unix(), nil
		return nil
	}
	c.Close()
	return p.refuse(err)
}

// refuse counts a refused login; other errors pass.
func (p *pass) refuse(err error) error {
	text, coded, ok := verdict.LoginRefused(err)
	if !ok && verdict.HungUpAtLogin(err) && p.a.LoginHint != "" {
		return &health.HungUpError{err, p.a.LoginHint}
	}
	if !ok {
		return err
	}
	var r health.Refusals
	if p.facts.Refused != nil {
		r = *p.facts.Refused
	}
	worked, now := p.facts.LoggedInAt, p.now()
	r.Add(coded, text, now.Unix(), worked)
	p.facts.Refused = &r
	e := &health.RefusedError{Err: err, Hint: p.a.LoginHint}
	switch {
	case r.Ended(worked):
		e.Stopped = fmt.Sprintf("refused %s, so it is not tried again: %s", words.Times(r.Coded+r.Plain), health.HintOfStopped(p.a.Name, p.a.LoginHint))
	case !r.Stands(worked):
		e.Worked = max(now.Sub(time.Unix(worked, 0)), time.Second)
	case r.Proven(worked):
		e.Slow = health.HintOfSlow(&r, p.a.Name, p.a.LoginHint)
	}
	return e
}

// reconfigure forgets what a changed configuration makes meaningless: whose login it was, and what the server said.
func (p *pass) reconfigure() (changed bool) {
	f := &p.facts
	if p.a.Setting == "" || p.a.Setting == f.Setting {
		return false
	}
	changed = f.Setting != ""
	if f.Setting = p.a.Setting; changed {
		f.LoggedInAt, f.LoginDelay, f.Refused, f.Hold, f.Quirks = 0, 0, nil, nil, health.Quirks{}
	}
	return changed
}
