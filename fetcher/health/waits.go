package health

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// MaxAttempts is how many failures a message may be charged with before it is parked.
const MaxAttempts = uidl.ParkedAfter

// RetryAfter is how long a message waits after its n-th failure: not at all before it is parked, then 1 h, 6 h, a day.
func RetryAfter(n int) time.Duration {
	switch {
	case n < MaxAttempts:
		return 0
	case n == MaxAttempts:
		return time.Hour
	case n == MaxAttempts+1:
		return 6 * time.Hour
	}
	return 24 * time.Hour
}

// Why a pass is not to be made before Status.NextTry. They are stored: never rename one.
const (
	WaitLogins  = "login-delay" // the server wants time between logins, or the provider is known to
	WaitInUse   = "in-use"      // another client has the mailbox
	WaitRefused = "refused"     // a login was refused, and the next must not come soon: see refusals
	WaitHungUp  = "hung-up"     // the server closed the connection instead of answering a login, which may be a refusal
	WaitServer  = "server"      // the server says that it cannot serve the account until somebody acts
	WaitFault   = "fault"       // the server's certificate, or what it says, is wrong: it may be mended any day
	WaitMemory  = "memory"      // other accounts had all the memory that there is for listings
	WaitBackoff = "back-off"    // the network, the server or this machine failed
)

const (
	inUseLeast   = 2 * time.Minute  // [IN-USE]: 2 to 5 minutes, so that two clients do not meet again
	inUseSpread  = 3 * time.Minute  //
	loginDelay   = 15 * time.Minute // [LOGIN-DELAY] of a server that does not announce how long; said in words, then twice as long each time
	delayMost    = 4 * time.Hour    // at most
	loginMost    = 24 * time.Hour   // nobody is believed who wants more between logins
	farthestTry  = 25 * time.Hour   // a stored time beyond is the work of a clock that was wrong
	aMoment      = time.Minute      // a pass that comes so much too early waits
	RefusedApart = 10 * time.Minute // between refused logins that count
)

// Hold is why and how long the account waits; stored with its facts.
type Hold struct {
	Why   string `json:"why"`
	N     int    `json:"n"`               // passes in a row that ended so
	Until int64  `json:"until,omitempty"` // no login before this unless a person asks (Unix seconds); 0: only the daemon waits
	// Verdict is the last pass's: what is told while nothing is tried.
	Verdict verdict.Verdict `json:"verdict"`
}

// Ahead is a stored time, if it is yet to come and not so far off that only a wrong clock can have made it.
func Ahead(at int64, now time.Time) (time.Time, bool) {
	t := time.Unix(at, 0)
	return t, at != 0 && t.After(now) && t.Sub(now) <= farthestTry
}

// growing is how long to wait after the n-th time in a row, where the server does not say.
func growing(n int) time.Duration { return min(loginDelay<<min(n-1, 8), delayMost) }

// Ceil is a time as it is stored: not before it.
func Ceil(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Add(time.Second - 1).Unix()
}

// HeldError means that nothing was asked of the server, as decided before. What was on its way to a destination went on
// unless the account is paused.
type HeldError struct {
	Verdict verdict.Verdict
	Note    string // for people, when nothing is wrong
	Cause   error  // or nil
}

func (e *HeldError) Unwrap() error { return e.Cause }

func (e *HeldError) Judge(verdict.Verdict) verdict.Verdict { return e.Verdict }

func (e *HeldError) Error() string {
	if e.Note != "" {
		return e.Note
	}
	return e.Verdict.Message
}

// Untried tells that an error is a heldError.
func Untried(err error) bool {
	var held *HeldError
	return errors.As(err, &held)
}

// PausedNote tells of an account that was left alone because it is paused, and what to do. since is zero where it is not known.
func PausedNote(account string, since time.Time) string {
	text := "paused"
	if !since.IsZero() {
		text += " since " + words.Stamp(since.Unix())
	}
	return text + fmt.Sprintf("; popsync run %[1]s fetches it once, popsync resume %[1]s ends the pause", account)
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
	case WaitLogins:
		return "the server wants more time between logins"
	case WaitInUse:
		return "another client had the mailbox open"
	case WaitRefused:
		return "a login was refused, and the next must not come soon"
	case WaitHungUp:
		return "the server closed the connection at the login, which may be a refusal"
	case WaitServer:
		return "the server said that a person must act"
	case WaitMemory:
		return "waiting for memory: the mailboxes of other accounts took all that there is for listings"
	case WaitFault:
		return "the server is not as it should be"
	}
	return "the last pass failed"
}
