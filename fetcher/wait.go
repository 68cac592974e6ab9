package fetcher

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
)

// holdAfter sets how long the account waits after a pass that ended with err, and returns Status.NextTry.
func (p *pass) holdAfter(err error, v verdict.Verdict) time.Time {
	now := p.now()
	h := health.Hold{Why: waitFor(err), N: 1, Verdict: v}
	was := p.facts.Hold
	if was != nil && was.Why == h.Why {
		h.N = was.N + 1
	}
	var next, login time.Time // login: what the server wants
	switch h.Why {
	case health.WaitBackoff:
		if p.o.Backoff != nil {
			next = now.Add(p.o.Backoff(h.N))
		}
	case health.WaitFault:
		next = now.Add(health.RetryAfter(health.MaxAttempts + h.N - 1))
	case health.WaitServer:
		login = now.Add(health.RetryAfter(health.MaxAttempts + h.N - 1))
	case health.WaitInUse:
		login = now.Add(health.InUseLeast + rand.N(health.InUseSpread))
	case health.WaitLogins:
		wait := health.LoginDelay
		if verdict.SaidInWords(err) { // which may mean anything
			wait = health.Growing(h.N)
		}
		login = now.Add(health.OrElse(p.apart(), wait))
	case health.WaitHungUp:
		if p.o.Backoff != nil {
			next = now.Add(p.o.Backoff(h.N))
		}
		if h.N > 1 { // once may be chance
			login = now.Add(health.Growing(h.N - 1))
		}
	case health.WaitRefused:
		login = p.facts.Refused.Next(p.facts.LoggedInAt)
	}
	if free := p.loginAt.Add(p.apart()); !p.loginAt.IsZero() && free.After(now) && free.After(login) {
		login = free
		if h.Why == "" {
			h.Why = health.WaitLogins
		}
	}
	if was != nil && p.loginAt.IsZero() { // no login was tried: what the last one led to still holds
		if until, ok := health.Ahead(was.Until, now); ok && until.After(login) {
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
		h.Until = health.Ceil(login)
	}
	if p.facts.Hold = &h; h.Why == "" {
		p.facts.Hold = nil
	}
	return next
}

// apart is the time that must lie between two logins (RFC 2449, sections 6.5 and 8); 0: none.
func (p *pass) apart() time.Duration {
	announced := time.Duration(min(p.facts.LoginDelay, int64(health.LoginMost/time.Second))) * time.Second
	return max(announced, p.a.MinInterval)
}

// tooSoon tells that the server does not want another session of this pass yet.
func (p *pass) tooSoon() bool {
	return !p.loginAt.IsZero() && p.now().Before(p.loginAt.Add(p.apart()))
}

// paused is the error of an account that a person told to rest. Whoever names it gets one pass all the same.
func (p *pass) paused() error {
	if p.facts.Paused == 0 || p.o.Named || p.facts.Called {
		return nil
	}
	p.rep.Paused = true
	return &health.HeldError{Verdict: verdict.Verdict{Class: verdict.OK}, Note: health.PausedNote(p.a.Name, time.Unix(p.facts.Paused, 0))}
}

// busy is the error of an account that another popsync works on: that is no failure, unless a person wanted this one.
func (p *pass) busy(err error) error {
	p.rep.Busy = true
	const text = "busy: another popsync works on it"
	if p.o.Named {
		return &health.HeldError{Verdict: verdict.Verdict{Class: verdict.Temporary, Message: text, Hint: "wait for its end, then try again: popsync status shows it as running until then"}, Cause: err}
	}
	return &health.HeldError{Verdict: verdict.Verdict{Class: verdict.OK}, Note: text, Cause: err}
}

// barred is why the server is not asked now, nil if it is.
func (p *pass) barred(ctx context.Context) error {
	if p.o.Asked {
		return nil
	}
	if r := p.facts.Refused; r.Ended(p.facts.LoggedInAt) {
		return &health.HeldError{Verdict: r.Refusal(p.a.Name, p.a.LoginHint)}
	}
	h := p.facts.Hold
	if h == nil {
		return nil
	}
	until, ok := health.Ahead(h.Until, p.now())
	if !ok {
		return nil
	}
	if left := until.Sub(p.now()); h.Why == health.WaitLogins && left < health.AMoment {
		return health.Sleep(ctx, left) // else every other run of a schedule as slow as the server wants it would be in vain
	}
	e := &health.HeldError{Verdict: h.Verdict, Note: fmt.Sprintf("%s: not tried before %s", health.WhyText(h.Why), words.Stamp(until.Unix()))}
	if h.Verdict.Class == "" {
		e.Verdict.Class = verdict.OK
	}
	return e
}
