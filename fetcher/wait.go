package fetcher

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
)

// Why a pass is not to be made before Status.NextTry. They are stored: never rename one.
const (
	waitLogins  = "login-delay" // the server wants time between logins, or the provider is known to
	waitInUse   = "in-use"      // another client has the mailbox
	waitRefused = "refused"     // a login was refused, and the next must not come soon: see refusals
	waitHungUp  = "hung-up"     // the server closed the connection instead of answering a login, which may be a refusal
	waitServer  = "server"      // the server says that it cannot serve the account until somebody acts
	waitFault   = "fault"       // the server's certificate, or what it says, is wrong: it may be mended any day
	waitMemory  = "memory"      // other accounts had all the memory that there is for listings
	waitBackoff = "back-off"    // the network, the server or this machine failed
)

const (
	inUseLeast   = 2 * time.Minute  // [IN-USE]: 2 to 5 minutes, so that two clients do not meet again
	inUseSpread  = 3 * time.Minute  //
	loginDelay   = 15 * time.Minute // [LOGIN-DELAY] of a server that does not announce how long; said in words, then twice as long each time
	delayMost    = 4 * time.Hour    // at most
	loginMost    = 24 * time.Hour   // nobody is believed who wants more between logins
	farthestTry  = 25 * time.Hour   // a stored time beyond is the work of a clock that was wrong
	aMoment      = time.Minute      // a pass that comes so much too early waits
	refusedApart = 10 * time.Minute // between refused logins that count
)

// hold is why and how long the account waits; stored with its facts.
type hold struct {
	Why   string `json:"why"`
	N     int    `json:"n"`               // passes in a row that ended so
	Until int64  `json:"until,omitempty"` // no login before this unless a person asks (Unix seconds); 0: only the daemon waits
	// Verdict is the last pass's: what is told while nothing is tried.
	Verdict verdict.Verdict `json:"verdict"`
}

// ahead is a stored time, if it is yet to come and not so far off that only a wrong clock can have made it.
func ahead(at int64, now time.Time) (time.Time, bool) {
	t := time.Unix(at, 0)
	return t, at != 0 && t.After(now) && t.Sub(now) <= farthestTry
}

// holdAfter sets how long the account waits after a pass that ended with err, and returns Status.NextTry.
func (p *pass) holdAfter(err error, v verdict.Verdict) time.Time {
	now := p.now()
	h := hold{Why: waitFor(err), N: 1, Verdict: v}
	was := p.facts.Hold
	if was != nil && was.Why == h.Why {
		h.N = was.N + 1
	}
	var next, login time.Time // login: what the server wants
	switch h.Why {
	case waitBackoff:
		if p.o.Backoff != nil {
			next = now.Add(p.o.Backoff(h.N))
		}
	case waitFault:
		next = now.Add(retryAfter(maxAttempts + h.N - 1))
	case waitServer:
		login = now.Add(retryAfter(maxAttempts + h.N - 1))
	case waitInUse:
		login = now.Add(inUseLeast + rand.N(inUseSpread))
	case waitLogins:
		wait := loginDelay
		if verdict.SaidInWords(err) { // which may mean anything
			wait = growing(h.N)
		}
		login = now.Add(orElse(p.apart(), wait))
	case waitHungUp:
		if p.o.Backoff != nil {
			next = now.Add(p.o.Backoff(h.N))
		}
		if h.N > 1 { // once may be chance
			login = now.Add(growing(h.N - 1))
		}
	case waitRefused:
		login = p.facts.Refused.next(p.facts.LoggedInAt)
	}
	if free := p.loginAt.Add(p.apart()); !p.loginAt.IsZero() && free.After(now) && free.After(login) {
		login = free
		if h.Why == "" {
			h.Why = waitLogins
		}
	}
	if was != nil && p.loginAt.IsZero() { // no login was tried: what the last one led to still holds
		if until, ok := ahead(was.Until, now); ok && until.After(login) {
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
		h.Until = ceil(login)
	}
	if p.facts.Hold = &h; h.Why == "" {
		p.facts.Hold = nil
	}
	return next
}

// growing is how long to wait after the n-th time in a row, where the server does not say.
func growing(n int) time.Duration { return min(loginDelay<<min(n-1, 8), delayMost) }

// ceil is a time as it is stored: not before it.
func ceil(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Add(time.Second - 1).Unix()
}

func orElse(d, other time.Duration) time.Duration {
	if d == 0 {
		return other
	}
	return d
}

// apart is the time that must lie between two logins (RFC 2449, sections 6.5 and 8); 0: none.
func (p *pass) apart() time.Duration {
	announced := time.Duration(min(p.facts.LoginDelay, int64(loginMost/time.Second))) * time.Second
	return max(announced, p.a.MinInterval)
}

// tooSoon tells that the server does not want another session of this pass yet.
func (p *pass) tooSoon() bool {
	return !p.loginAt.IsZero() && p.now().Before(p.loginAt.Add(p.apart()))
}

// heldError means that nothing was asked of the server, as decided before. What was on its way to a destination went on
// unless the account is paused.
type heldError struct {
	verdict verdict.Verdict
	note    string // for people, when nothing is wrong
	cause   error  // or nil
}

func (e *heldError) Unwrap() error { return e.cause }

func (e *heldError) Judge(verdict.Verdict) verdict.Verdict { return e.verdict }

func (e *heldError) Error() string {
	if e.note != "" {
		return e.note
	}
	return e.verdict.Message
}

// untried tells that an error is a heldError.
func untried(err error) bool {
	var held *heldError
	return errors.As(err, &held)
}

// paused is the error of an account that a person told to rest. Whoever names it gets one pass all the same.
func (p *pass) paused() error {
	if p.facts.Paused == 0 || p.o.Named || p.facts.Called {
		return nil
	}
	p.rep.Paused = true
	return &heldError{verdict: verdict.Verdict{Class: verdict.OK}, note: PausedNote(p.a.Name, time.Unix(p.facts.Paused, 0))}
}

// PausedNote tells of an account that was left alone because it is paused, and what to do. since is zero where it is not known.
func PausedNote(account string, since time.Time) string {
	text := "paused"
	if !since.IsZero() {
		text += " since " + words.Stamp(since.Unix())
	}
	return text + fmt.Sprintf("; popsync run %[1]s fetches it once, popsync resume %[1]s ends the pause", account)
}

// busy is the error of an account that another popsync works on: that is no failure, unless a person wanted this one.
func (p *pass) busy(err error) error {
	p.rep.Busy = true
	const text = "busy: another popsync works on it"
	if p.o.Named {
		return &heldError{verdict: verdict.Verdict{Class: verdict.Temporary, Message: text, Hint: "wait for its end, then try again: popsync status shows it as running until then"}, cause: err}
	}
	return &heldError{verdict: verdict.Verdict{Class: verdict.OK}, note: text, cause: err}
}

// barred is why the server is not asked now, nil if it is.
func (p *pass) barred(ctx context.Context) error {
	if p.o.Asked {
		return nil
	}
	if r := p.facts.Refused; r.ended(p.facts.LoggedInAt) {
		return &heldError{verdict: r.stopped(p.a)}
	}
	h := p.facts.Hold
	if h == nil {
		return nil
	}
	until, ok := ahead(h.Until, p.now())
	if !ok {
		return nil
	}
	if left := until.Sub(p.now()); h.Why == waitLogins && left < aMoment {
		return sleep(ctx, left) // else every other run of a schedule as slow as the server wants it would be in vain
	}
	e := &heldError{verdict: h.Verdict, note: fmt.Sprintf("%s: not tried before %s", whyText(h.Why), words.Stamp(until.Unix()))}
	if h.Verdict.Class == "" {
		e.verdict.Class = verdict.OK
	}
	return e
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// whyText words why an account waits.
func whyText(why string) string {
	switch why {
	case waitLogins:
		return "the server wants more time between logins"
	case waitInUse:
		return "another client had the mailbox open"
	case waitRefused:
		return "a login was refused, and the next must not come soon"
	case waitHungUp:
		return "the server closed the connection at the login, which may be a refusal"
	case waitServer:
		return "the server said that a person must act"
	case waitMemory:
		return "waiting for memory: the mailboxes of other accounts took all that there is for listings"
	case waitFault:
		return "the server is not as it should be"
	}
	return "the last pass failed"
}
