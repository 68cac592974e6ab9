// Package health is what is remembered of an account and of its server from pass to pass: how the server speaks, what it
// refused and when it wants to be left in peace, which destinations are down, what a person decided, and how much mail is usual.
//
// Facts are stored with the account, as JSON; no field is ever given another meaning. Account adds what this pass knows, and
// decides by both whether and when the server is asked. State and the types around it tell people. It asks nobody and writes
// nothing: the pass loads and stores Facts.
package health

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
)

// Account is what is remembered of an account and of its server, while a pass is made. The pass loads Facts from the ledger,
// and stores them when it ends. Only one goroutine may change it.
type Account struct {
	Facts
	Config
	Weaker  string    // the login of this pass is weaker than the one before, in words for people; "": it is not
	loginAt time.Time // when a login was last tried in this pass; zero: not yet
}

// Config is what the configuration, and whoever wants the pass, say of an account.
type Config struct {
	Name        string
	Identity    string                  // opaque identity of all that decides whether a login can work; "": it is never taken for changed
	Login       pop3.Login              // for what its refusal teaches
	LoginHint   string                  // what a person must do at this provider for a login to work; "": the general advice
	MinInterval time.Duration           // least time between two logins; 0: what the server announces
	Asked       bool                    // a person wants this pass now
	Named       bool                    // and named the account
	Backoff     func(int) time.Duration // how long to wait after so many failures in a row; nil: not at all
	Now         func() time.Time
}

// HoldAfter sets how long the account waits after a pass that ended for this reason (one of the Wait words; "": none), and
// returns uidl.Status.NextTry. inWords: the server said so in words alone, which may mean anything.
func (a *Account) HoldAfter(why string, inWords bool, v verdict.Verdict) time.Time {
	now := a.Now()
	h := Hold{Why: why, N: 1, Verdict: v}
	was := a.Hold
	if was != nil && was.Why == h.Why {
		h.N = was.N + 1
	}
	next, login := a.waitAfter(&h, inWords, now)
	if free := a.loginAt.Add(a.Apart()); !a.loginAt.IsZero() && free.After(now) && free.After(login) {
		login = free
		if h.Why == "" {
			h.Why = WaitLogins
		}
	}
	if was != nil && a.loginAt.IsZero() { // no login was tried: what the last one led to still holds
		if until, ok := Ahead(was.Until, now); ok && until.After(login) {
			login = until
			if h.Why == "" {
				h.Why = was.Why
			}
		}
	}
	if login.After(next) {
		next = login
	}
	if !login.IsZero() {
		h.Until = Ceil(login)
	}
	if a.Hold = &h; h.Why == "" {
		a.Hold = nil
	}
	return next
}

// waitAfter is when the next pass is due by its reason alone: next for the daemon, login for everybody.
func (a *Account) waitAfter(h *Hold, inWords bool, now time.Time) (next, login time.Time) {
	switch h.Why {
	case WaitBackoff:
		if a.Backoff != nil {
			next = now.Add(a.Backoff(h.N))
		}
	case WaitFault:
		next = now.Add(RetryAfter(MaxAttempts + h.N - 1))
	case WaitServer:
		login = now.Add(RetryAfter(MaxAttempts + h.N - 1))
	case WaitInUse:
		login = now.Add(inUseLeast + rand.N(inUseSpread))
	case WaitLogins:
		wait := a.Apart()
		switch {
		case wait != 0:
		case inWords:
			wait = growing(h.N)
		default:
			wait = loginDelay
		}
		login = now.Add(wait)
	case WaitHungUp:
		if a.Backoff != nil {
			next = now.Add(a.Backoff(h.N))
		}
		if h.N > 1 { // once may be chance
			login = now.Add(growing(h.N - 1))
		}
	case WaitRefused:
		login = a.Refused.Next(a.LoggedInAt)
	}
	return next, login
}

// Apart is the time that must lie between two logins (RFC 2449, sections 6.5 and 8); 0: none.
func (a *Account) Apart() time.Duration {
	announced := time.Duration(min(a.LoginDelay, int64(loginMost/time.Second))) * time.Second
	return max(announced, a.MinInterval)
}

// TooSoon tells that the server does not want another session of this pass yet.
func (a *Account) TooSoon() bool {
	return !a.loginAt.IsZero() && a.Now().Before(a.loginAt.Add(a.Apart()))
}

// Waits tells whether something is to be left alone until a stored time. A person who asks is obeyed at once, and a time
// farther ahead than anything ever waits is the work of a clock that was wrong.
func (a *Account) Waits(until int64) bool {
	if a.Asked || a.Woken {
		return false
	}
	_, ok := Ahead(until, a.Now())
	return ok
}

// Pausing is the error of an account that a person told to rest, nil if it is not. Whoever names it gets one pass all the same.
func (a *Account) Pausing() error {
	if a.Paused == 0 || a.Named || a.Called {
		return nil
	}
	return &HeldError{Verdict: verdict.Verdict{Class: verdict.OK}, Note: PausedNote(a.Name, time.Unix(a.Paused, 0))}
}

// Busy is the error of an account that another popsync works on: that is no failure, unless a person wanted this one.
func (a *Account) Busy(err error) error {
	const text = "busy: another popsync works on it"
	if a.Named {
		return &HeldError{Verdict: verdict.Verdict{Class: verdict.Temporary, Message: text, Hint: "wait for its end, then try again: popsync status shows it as running until then"}, Cause: err}
	}
	return &HeldError{Verdict: verdict.Verdict{Class: verdict.OK}, Note: text, Cause: err}
}

// Barred is why the server is not asked now, nil if it is. A server that wants a moment more between logins is waited for.
func (a *Account) Barred(ctx context.Context) error {
	if a.Asked {
		return nil
	}
	if r := a.Refused; r.Ended(a.LoggedInAt) {
		return &HeldError{Verdict: r.Refusal(a.Name, a.LoginHint)}
	}
	h := a.Hold
	if h == nil {
		return nil
	}
	until, ok := Ahead(h.Until, a.Now())
	if !ok {
		return nil
	}
	if left := until.Sub(a.Now()); h.Why == WaitLogins && left < aMoment {
		return sleep(ctx, left) // else every other run of a schedule as slow as the server wants it would be in vain
	}
	e := &HeldError{Verdict: h.Verdict, Note: fmt.Sprintf("%s: not tried before %s", whyText(h.Why), words.Stamp(until.Unix()))}
	if h.Verdict.Class == "" {
		e.Verdict.Class = verdict.OK
	}
	return e
}
