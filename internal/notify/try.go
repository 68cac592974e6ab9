package notify

import (
	"errors"
	"time"
)

// What try.State may be.
const (
	due   = "due"      // to be sent
	begun = "begun"    // an attempt was begun, and its end is not known
	sent  = "sent"     // taken by the channel, or twice in doubt
	ended = "given up" // never to be sent
)

const (
	sendTime  = time.Minute     // for one attempt
	lostAfter = 2 * time.Minute // an attempt without an end is no longer going on, in another process
	maxWait   = 6 * time.Hour   // whatever a receiver asks for
	giveUp    = 24 * time.Hour  // for all attempts
	fewest    = 4               // attempts before giving up: for a clock that jumps, and for a timer that fires daily
	maxDoubt  = 2               // attempts with an unknown end
)

// try is how far one notice got on one channel.
type try struct {
	State string    `json:"state"`
	Tries int       `json:"tries,omitempty"` // attempts that failed
	Doubt int       `json:"doubt,omitempty"` // attempts that a crash ended
	First time.Time `json:"first,omitzero"`  // the first attempt
	Begun time.Time `json:"begun,omitzero"`  // the last one
	Next  time.Time `json:"next,omitzero"`   // not before
}

// waits tells whether there is still something to do.
func (t *try) waits() bool { return t.State == due || t.State == begun }

// ready tells whether an attempt may be made now. An attempt whose end nobody noted was cut short by a crash, once it
// is too old to be going on in another process; a second one counts as sent.
func (t *try) ready(now time.Time) (ok, changed bool) {
	if t.State == begun {
		if age := now.Sub(t.Begun); age >= 0 && age < lostAfter {
			return false, false
		}
		t.Doubt++
		t.State, changed = due, true
		if t.Doubt >= maxDoubt {
			t.State = sent
		}
	}
	wait := t.Next.Sub(now)
	return t.State == due && (wait <= 0 || wait > maxWait), changed // more than that: the clock went back
}

func (t *try) begin(now time.Time) {
	t.State, t.Begun = begun, now
	if t.First.IsZero() || t.First.After(now) {
		t.First = now
	}
}

// end notes the result of an attempt and gives the time until the next one; 0: there is none.
func (t *try) end(now time.Time, err error) time.Duration {
	if err == nil {
		t.State = sent
		return 0
	}
	t.Tries++
	var e *SendError
	known := errors.As(err, &e)
	if known && e.Permanent || t.Tries >= fewest && now.Sub(t.First) >= giveUp {
		t.State = ended
		return 0
	}
	wait := time.Hour
	switch t.Tries {
	case 1:
		wait = time.Minute
	case 2:
		wait = 5 * time.Minute
	}
	if known {
		wait = max(wait, min(e.After, maxWait))
	}
	t.State, t.Next = due, now.Add(wait)
	return wait
}
