package health

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// State is how an account stands between passes, for status and for whoever decides when to run it next. Zero times
// mean: not so.
type State struct {
	Paused   time.Time // since when a person wants it to rest
	Stopped  time.Time // when its login was last refused, now that none is tried any more
	Refusal  string    // with Stopped: what the server said; printable
	Hold     string    // why nothing is tried before NextTry, for people; "": no reason but the schedule
	NextTry  time.Time // not before; see Due
	LoggedIn time.Time // the last login that succeeded
	Flood    *Flood    // new mail that is held back; nil: none
	barred   time.Time // no login before this unless a person asks: see Barred
	Setting  string    // Account.Setting that all of this is true of; with another one only Paused and Flood count
	Down     []Outage  // destinations that are, by name
	Short    Short     // messages that came shorter than listed
	facts    Facts     // see Missed
	stumbles Stumbles  // see LeftAlone
	Slow     bool      // its last pass was slow, or took long while others waited: see Options.Slow
}

// Outage is a remote destination that is down.
type Outage struct {
	Destination string
	Since       time.Time
	NextTry     time.Time       // zero: in the next pass
	Failures    int             // passes in a row that could not send to it
	Verdict     verdict.Verdict // of the last one
}

// Standing decodes what the ledger has of an account.
func Standing(s uidl.Summary) State {
	f := Decode(s.Facts)
	st := State{Paused: timeOf(f.Paused), LoggedIn: timeOf(f.LoggedInAt), NextTry: timeOf(s.NextTry), Flood: f.Flood, Setting: f.Setting,
		Short: f.Wire.cameShort(), facts: f, stumbles: f.Stumbles, Slow: f.Slow}
	if r := f.Refused; r.Ended(f.LoggedInAt) {
		st.Stopped, st.Refusal = timeOf(r.Last), r.Text
	}
	if h := f.Hold; h != nil && s.NextTry != 0 {
		st.Hold, st.barred = whyText(h.Why), timeOf(h.Until)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Down)) {
		if o := f.Down[name]; o != nil {
			st.Down = append(st.Down, Outage{Destination: name, Since: timeOf(o.Since), NextTry: timeOf(o.NextTry),
				Failures: o.Failures, Verdict: o.Verdict})
		}
	}
	return st
}

// NextSend is when the first destination that is down is to be tried again, if that is yet to come; else zero.
func (s State) NextSend(now time.Time) (first time.Time) {
	for _, d := range s.Down {
		if d.NextTry.After(now) && d.NextTry.Sub(now) <= farthestTry && (first.IsZero() || d.NextTry.Before(first)) {
			first = d.NextTry
		}
	}
	return first
}

// LeftAlone are the known messages that broke connections, at a time; none: nil.
func (s State) LeftAlone(now time.Time) []LeftAlone { return s.stumbles.leftAlone(now) }

// Resting are the steps that rest, at a time; none: nil.
func (s State) Resting(now time.Time) []Resting { return s.stumbles.resting(now) }

// Missed is mail that left the server of late before destinations had it, at a time; none: nil.
func (s State) Missed(now time.Time) []Missed { return s.facts.missedMails(now) }

// Due is NextTry if it is yet to come, and not so far ahead that only a wrong clock can have set it; else zero: the next pass
// tries.
func (o Outage) Due(now time.Time) time.Time {
	if at, ok := Ahead(o.NextTry.Unix(), now); ok && !o.NextTry.IsZero() {
		return at
	}
	return time.Time{}
}

// Due is NextTry if it is yet to come; zero when nothing speaks against a pass now. A time more than 25 hours ahead is
// the work of a clock that was wrong and does not count.
func (s State) Due(now time.Time) time.Time {
	if s.NextTry.After(now) && s.NextTry.Sub(now) <= farthestTry {
		return s.NextTry
	}
	return time.Time{}
}

// Barred is when the next login may be tried by whoever is no person, if that is yet to come. It is never later than Due,
// which a daemon waits for: a failure of the network, say, holds up no timer.
func (s State) Barred(now time.Time) time.Time {
	if s.barred.After(now) && s.barred.Sub(now) <= farthestTry {
		return s.barred
	}
	return time.Time{}
}

func timeOf(unix int64) time.Time {
	if unix == 0 {
		return time.Time{}
	}
	return time.Unix(unix, 0)
}

// Pause makes passes leave an account alone until it is called with false, unless a person asks for one. Paused again,
// it is paused since the first time. uidl.ErrBusy while a pass runs.
func Pause(ctx context.Context, ledger uidl.Ledger, account string, paused bool) error {
	return Amend(ctx, ledger, account, func(st *uidl.Status, f *Facts, now time.Time) bool {
		switch {
		case !paused:
			f.Paused, f.Called = 0, false
		case f.Paused == 0:
			f.Paused, f.Called = now.Unix(), false
		}
		return paused
	})
}

// WithPause makes stored facts of those of an account and of one that only a pause was noted of, under the name that the
// first one gets. It fits uidl.Renaming.
func WithPause(own, empty []byte) []byte {
	f := Decode(own)
	if paused := Decode(empty).Paused; paused != 0 && f.Paused == 0 {
		f.Paused = paused
	}
	return f.Encode()
}

// OwnerOf is the Account.Owner that stored facts name; "" when that is not known.
func OwnerOf(stored []byte) string { return Decode(stored).Owner }

// Wake forgets all that keeps an account or its destinations waiting: NextTry, refused logins, outages; and in its next pass
// what was put off or parked is tried whatever its time. named: a person named the account; if it is paused, one pass is made
// all the same, and it stays paused. uidl.ErrBusy while a pass runs.
func Wake(ctx context.Context, ledger uidl.Ledger, account string, named bool) error {
	return Amend(ctx, ledger, account, func(st *uidl.Status, f *Facts, _ time.Time) bool {
		st.NextTry = 0
		f.Called = f.Called || named && f.Paused != 0
		f.Hold, f.Refused, f.Down, f.Woken = nil, nil, nil, true
		return false
	})
}

// Amend changes what is stored of an account that no pass is at work on. change tells whether that is worth a row of an
// account that the ledger does not know.
func Amend(ctx context.Context, ledger uidl.Ledger, account string, change func(*uidl.Status, *Facts, time.Time) bool) error {
	l, err := ledger.Acquire(ctx, account)
	if err != nil {
		return err
	}
	defer l.Close()
	now := time.Now()
	st := l.Info().Status
	f := Decode(st.Facts)
	if create := change(&st, &f, now); !create && l.Info().Epoch == 0 {
		return nil
	}
	st.Facts = f.Encode()
	return l.Commit(context.WithoutCancel(ctx), uidl.Change{At: now.Unix(), Status: &st})
}
