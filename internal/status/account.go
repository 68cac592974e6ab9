package status

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// Of words a ledger summary as it is at a time; the zero Summary is an account that never ran.
func Of(name string, s uidl.Summary, now time.Time) Account {
	st := Account{Account: name, Kept: s.Kept, Parked: s.Parked, PutOff: s.PutOff, Skipped: s.Skipped, Pending: s.Pending,
		Held: s.Held, Unsure: s.Unsure, GivenUp: s.GivenUp,
		Failures: int64(s.Failures), Trouble: s.Verdict, Waiting: waitingOf(name, s, now)}
	standing := health.Standing(s)
	st.CameShort, st.Slow = shortOf(standing.Short), standing.Slow
	st.leaveAlone(standing, now)
	st.miss(standing, now)
	st.Paused = !standing.Paused.IsZero()
	if st.NotBefore = standing.Barred(now); !st.NotBefore.IsZero() {
		st.Reason = standing.Hold
	}
	if s.SucceededAt != 0 {
		st.LastSuccess = time.Unix(s.SucceededAt, 0)
	}
	st.begun = s.Listings > 0 && !standing.OnlyMarked()
	if s.Last == nil {
		st.NextStep = "popsync run " + name
		return st
	}
	st.LastPass = time.Unix(s.Last.Ended, 0)
	var rep fetcher.Report
	if err := json.Unmarshal(s.Last.Totals, &rep); err == nil {
		st.New, st.onlyShort, st.PassTime = rep.New, rep.OnlyShort, rep.PassTime
		if s.Verdict != "" {
			st.Trouble, st.NextStep, st.Class = rep.Verdict.Message, rep.Verdict.Hint, string(rep.Verdict.Class)
		}
	}
	switch {
	case st.NextStep != "":
	case s.Verdict != "" && rep.Verdict.Class == verdict.Temporary:
		st.NextStep = "none: the next pass tries again"
	case s.Verdict != "":
		st.NextStep = "see below"
	case s.Parked > 0:
		st.NextStep = "popsync parked " + name
	case s.Skipped > 0:
		st.NextStep = fmt.Sprintf("none: %s larger than max_size left on the server", words.Number(s.Skipped, "message"))
	default:
		st.NextStep = "none"
	}
	return st
}

// Join adds what the daemon knows, which is newer.
func (st *Account) Join(l control.Account) {
	st.Daemon, st.queued = true, l.Waiting
	st.NextRun, st.RunningSince, st.Progress = l.NextRun, l.RunningSince, l.Progress
	st.Paused, st.NotBefore, st.Reason, st.Slow = l.Paused, l.NotBefore, l.Reason, l.Slow
	st.TroubleSince, st.Alarmed = l.TroubleSince, l.Alarmed
}

// stateAt is how the account is, in a word: what happens now comes before what a person wants and what was.
func (st *Account) stateAt(now time.Time) State {
	switch {
	case !st.RunningSince.IsZero(), st.working:
		return StateRunning
	case st.Paused:
		return StatePaused
	case st.Trouble != "":
		return StateTrouble
	case st.queued, st.NotBefore.After(now):
		return StateWaiting
	case st.LastPass.IsZero() && st.begun:
		return StateUnfinished
	case st.LastPass.IsZero():
		return StateNew
	case st.Parked > 0:
		return StateParked
	}
	return StateOK
}

// Settle decides how the account is, once all that is known is in. missing: there is a daemon, and it does not have the account.
// working: somebody works on it.
func (st *Account) Settle(missing, working bool, now time.Time) {
	st.missing, st.working = missing, working
	st.State = st.stateAt(now)
}

// NeedsAttention tells whether something is to be done about the account, or to be looked at.
func (st *Account) NeedsAttention() bool { return st.rank() <= rankParked }

// rank orders what is told of accounts: what needs a person first. Up to rankParked it needs attention.
type rank int

const (
	rankPerson  rank = iota // a person must act
	rankTrouble             // the last pass failed, the next may not
	rankMissing             // the daemon does not have it
	rankParked              // messages failed too often
	rankPending             // deliveries are on the way
	rankWaiting             // it is paused, or waits
	rankSkipped             // messages are left on the server
	rankNothing             // nothing is to be told
)

func (st *Account) rank() rank {
	switch {
	case st.Trouble != "" && (st.Class != string(verdict.Temporary) || st.Alarmed):
		return rankPerson
	case st.Trouble != "":
		return rankTrouble
	case st.Held > 0:
		return rankPerson
	case st.missing:
		return rankMissing
	case st.Parked > 0:
		return rankParked
	case st.Pending > 0, st.CameShort.waits():
		return rankPending
	case st.Paused, st.State == StateWaiting && st.Reason != "", st.Slow, st.PassTime:
		return rankWaiting
	case st.Skipped > 0, st.Unsure > 0, st.GivenUp > 0, st.LeftOut > 0, st.CameShort != nil, len(st.LeftAlone)+len(st.Resting)+len(st.Missed)+len(st.Without)+len(st.Diverted)+len(st.Risks) > 0:
		return rankSkipped
	}
	return rankNothing
}
