package fetcher

import (
	"cmp"
	"fmt"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
)

// The login breaker: whoever goes on with a wrong password is locked out, and takes others behind the same address
// along. Refusals are counted over passes and restarts; a login that succeeds, a changed configuration or Wake forgets
// them. Refusals whose text tells of a passing state are none: see passing.go.
const (
	codedMost   = 2                // refusals with [AUTH] (RFC 3206) until no login is tried any more
	plainMost   = 3                // refusals without a code, refusedApart from each other
	suspectSpan = 6 * 3600         // seconds that those of a login that worked before must span until it is believed to be wrong
	suspectWait = 15 * time.Minute // after the first, then twice as long each time
	suspectMost = 4 * time.Hour
	provenWait  = 24 * time.Hour // once it is believed to be wrong
)

// refusals is what the ledger remembers of refused logins since the last one that succeeded. Times are Unix seconds.
type refusals struct {
	Coded   int    `json:"coded,omitempty"`
	Plain   int    `json:"plain,omitempty"`
	First   int64  `json:"first"`
	Last    int64  `json:"last"` // that counted
	Text    string `json:"text"` // what the server said last
	Stopped bool   `json:"stopped,omitempty"`
}

// add counts a refusal.
func (r *refusals) add(coded bool, text string, now, worked int64) {
	if r.First == 0 {
		r.First = now
	}
	switch {
	case coded:
		r.Coded++
		r.Last = now
	case r.Last == 0 || now-r.Last >= int64(refusedApart/time.Second):
		r.Plain++
		r.Last = now
	case now < r.Last: // the clock was set back: nobody knows how long ago the last one was
		r.First, r.Last = min(r.First, now), now
	}
	r.Text = words.Clip(text)
	r.Stopped = r.Stopped || r.Coded >= codedMost || r.Plain >= plainMost && !r.proven(worked)
}

// proven tells of a login that worked before, and that no code says to be wrong: a server that cannot ask whoever knows the
// passwords refuses all of them in the same words. It is never given up.
func (r *refusals) proven(worked int64) bool { return worked != 0 && r.Coded == 0 }

// stands tells that a login is believed to be refused for what it is.
func (r *refusals) stands(worked int64) bool {
	return !r.proven(worked) || r.Plain >= plainMost && r.Last-r.First >= suspectSpan
}

// ended tells that no login is tried any more. A ledger may say so of a proven one: older versions gave those up, too.
func (r *refusals) ended(worked int64) bool { return r != nil && r.Stopped && !r.proven(worked) }

// next is the time before which no login should follow; zero when the schedule alone decides.
func (r *refusals) next(worked int64) time.Time {
	if r == nil || r.ended(worked) || r.Plain == 0 {
		return time.Time{}
	}
	last := time.Unix(r.Last, 0)
	switch {
	case !r.proven(worked):
		return last.Add(refusedApart)
	case r.stands(worked):
		return last.Add(provenWait)
	}
	next := last.Add(min(suspectWait<<min(r.Plain-1, 8), suspectMost))
	if span := time.Unix(r.First+suspectSpan, 0); r.Plain >= plainMost-1 && span.After(last) && next.After(span) {
		return span // so that a person is told in time
	}
	return next
}

// stopped is the verdict while no login is tried.
func (r *refusals) stopped(a Account) verdict.Verdict {
	return verdict.Verdict{Class: verdict.Login,
		Message: words.Clip(fmt.Sprintf("login refused %s, last at %s (%s); not tried again", words.Times(r.Coded+r.Plain), words.Stamp(r.Last), r.Text)),
		Hint:    hintOfStopped(a)}
}

func hintOfStopped(a Account) string {
	return fmt.Sprintf("%s; then change the configuration or say: popsync run %s, which tries at once", cmp.Or(a.LoginHint, verdict.LoginHint), a.Name)
}

// hintOfSlow is the next step for a login that worked before and is now believed to be refused.
func hintOfSlow(r *refusals, a Account) string {
	return fmt.Sprintf("refused %s over more than six hours, so it is tried only once a day: %s", words.Times(r.Plain), hintOfStopped(a))
}

// refusedError is a refused login with what the account's history says of it.
type refusedError struct {
	err     error
	hint    string        // of the provider; "": none
	worked  time.Duration // how long ago a login was let in, of one that is suspected of being throttled; 0: it is not
	stopped string        // next step, once no login is tried any more; "": not yet
	slow    string        // next step, once a login that worked before is tried only seldom; "": not yet
}

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

func (e *refusedError) Judge(v verdict.Verdict) verdict.Verdict {
	switch {
	case e.stopped != "":
		v.Hint = e.stopped
	case e.worked > 0:
		v.Class = verdict.Temporary
		v.Message = words.Clip(fmt.Sprintf("the server refused a login that worked %s ago: perhaps it limits logins (%s)", words.Roughly(e.worked), v.Message))
		v.Hint = "nothing to do yet: it is tried again after a while, and if that goes on for six hours it counts as refused"
	case e.slow != "":
		v.Hint = e.slow
	case e.hint != "":
		v.Hint = e.hint
	}
	return v
}

// hungUpError is a connection that the server closed instead of answering a login, with what the provider is known to want.
type hungUpError struct {
	err  error
	hint string
}

func (e *hungUpError) Error() string { return e.err.Error() }
func (e *hungUpError) Unwrap() error { return e.err }

func (e *hungUpError) Judge(v verdict.Verdict) verdict.Verdict {
	v.Hint += "; " + e.hint
	return v
}

// logIn logs in and keeps what that teaches. A client that did not get in is closed.
func (p *pass) logIn(c *pop3.Client, login func() error) error {
	p.loginAt = p.now()
	err := login()
	p.facts.Quirks.learn(c, p.a.Login, err, p.now())
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
		return &hungUpError{err, p.a.LoginHint}
	}
	if !ok {
		return err
	}
	var r refusals
	if p.facts.Refused != nil {
		r = *p.facts.Refused
	}
	worked, now := p.facts.LoggedInAt, p.now()
	r.add(coded, text, now.Unix(), worked)
	p.facts.Refused = &r
	e := &refusedError{err: err, hint: p.a.LoginHint}
	switch {
	case r.ended(worked):
		e.stopped = fmt.Sprintf("refused %s, so it is not tried again: %s", words.Times(r.Coded+r.Plain), hintOfStopped(p.a))
	case !r.stands(worked):
		e.worked = max(now.Sub(time.Unix(worked, 0)), time.Second)
	case r.proven(worked):
		e.slow = hintOfSlow(&r, p.a)
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
		f.LoggedInAt, f.LoginDelay, f.Refused, f.Hold, f.Quirks = 0, 0, nil, nil, quirks{}
	}
	return changed
}
