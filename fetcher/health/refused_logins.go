package health

import (
	"cmp"
	"fmt"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/sasl"
	"github.com/popsync/popsync/internal/words"
)

// The login breaker: whoever goes on with a wrong password is locked out, and takes others behind the same address
// along. Refusals are counted over passes and restarts; a login that succeeds, a changed configuration or Wake forgets
// them. Refusals whose text tells of a passing state are none: see fetcher/verdict.
const (
	codedMost   = 2                // refusals with [AUTH] (RFC 3206) until no login is tried any more
	plainMost   = 3                // refusals without a code, refusedApart from each other
	suspectSpan = 6 * 3600         // seconds that those of a login that worked before must span until it is believed to be wrong
	suspectWait = 15 * time.Minute // after the first, then twice as long each time
	suspectMost = 4 * time.Hour
	provenWait  = 24 * time.Hour // once it is believed to be wrong
)

// Refusals is what the ledger remembers of refused logins since the last one that succeeded. Times are Unix seconds.
type Refusals struct {
	Coded   int    `json:"coded,omitempty"`
	Plain   int    `json:"plain,omitempty"`
	First   int64  `json:"first"`
	Last    int64  `json:"last"` // that counted
	Text    string `json:"text"` // what the server said last
	Stopped bool   `json:"stopped,omitempty"`
}

// Add counts a refusal.
func (r *Refusals) Add(coded bool, text string, now, worked int64) {
	if r.First == 0 {
		r.First = now
	}
	switch {
	case coded:
		r.Coded++
		r.Last = now
	case r.Last == 0 || now-r.Last >= int64(RefusedApart/time.Second):
		r.Plain++
		r.Last = now
	case now < r.Last: // the clock was set back: nobody knows how long ago the last one was
		r.First, r.Last = min(r.First, now), now
	}
	r.Text = words.Clip(text)
	r.Stopped = r.Stopped || r.Coded >= codedMost || r.Plain >= plainMost && !r.proven(worked)
}

// Proven tells of a login that worked before, and that no code says to be wrong: a server that cannot ask whoever knows the
// passwords refuses all of them in the same words. It is never given up.
func (r *Refusals) proven(worked int64) bool { return worked != 0 && r.Coded == 0 }

// Stands tells that a login is believed to be refused for what it is.
func (r *Refusals) stands(worked int64) bool {
	return !r.proven(worked) || r.Plain >= plainMost && r.Last-r.First >= suspectSpan
}

// Ended tells that no login is tried any more. A ledger may say so of a proven one: older versions gave those up, too.
func (r *Refusals) Ended(worked int64) bool { return r != nil && r.Stopped && !r.proven(worked) }

// Next is the time before which no login should follow; zero when the schedule alone decides.
func (r *Refusals) Next(worked int64) time.Time {
	if r == nil || r.Ended(worked) || r.Plain == 0 {
		return time.Time{}
	}
	last := time.Unix(r.Last, 0)
	switch {
	case !r.proven(worked):
		return last.Add(RefusedApart)
	case r.stands(worked):
		return last.Add(provenWait)
	}
	next := last.Add(min(suspectWait<<min(r.Plain-1, 8), suspectMost))
	if span := time.Unix(r.First+suspectSpan, 0); r.Plain >= plainMost-1 && span.After(last) && next.After(span) {
		return span // so that a person is told in time
	}
	return next
}

// Refusal is the verdict while no login is tried.
func (r *Refusals) Refusal(account, hint string) verdict.Verdict {
	return verdict.Verdict{Class: verdict.Login,
		Message: words.Clip(fmt.Sprintf("login refused %s, last at %s (%s); not tried again", words.Times(r.Coded+r.Plain), words.Stamp(r.Last), r.Text)),
		Hint:    hintOfStopped(account, cmp.Or(sasl.Read(r.Text).Hint(), hint))}
}

// hintOfStopped is the next step once no login is tried any more; hint is of the provider, "": none.
func hintOfStopped(account, hint string) string {
	return fmt.Sprintf("%s; then change the configuration or say: popsync run %s, which tries at once", cmp.Or(hint, verdict.LoginHint), account)
}

// hintOfSlow is the next step for a login that worked before and is now believed to be refused.
func hintOfSlow(r *Refusals, account, hint string) string {
	return fmt.Sprintf("refused %s over more than six hours, so it is tried only once a day: %s", words.Times(r.Plain), hintOfStopped(account, hint))
}

// RefusedError is a refused login with what the account's history says of it.
type RefusedError struct {
	err     error
	hint    string        // of the provider; "": none
	worked  time.Duration // how long ago a login was let in, of one that is suspected of being throttled; 0: it is not
	stopped string        // next step, once no login is tried any more; "": not yet
	slow    string        // next step, once a login that worked before is tried only seldom; "": not yet
}

func (e *RefusedError) Error() string { return e.err.Error() }

func (e *RefusedError) Unwrap() error { return e.err }

func (e *RefusedError) Judge(v verdict.Verdict) verdict.Verdict {
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
