package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/uidl"
)

// statusOf words a ledger summary as it is at a time; the zero Summary is an account that never ran.
func statusOf(name string, s uidl.Summary, now time.Time) accountStatus {
	st := accountStatus{Account: name, Kept: s.Kept, Parked: s.Parked, PutOff: s.PutOff, Skipped: s.Skipped, Pending: s.Pending,
		Held: s.Held, Unsure: s.Unsure, GivenUp: s.GivenUp,
		Failures: int64(s.Failures), Trouble: s.Verdict, Waiting: waitingOf(name, s, now)}
	standing := fetcher.Standing(s)
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
	st.begun = s.Listings > 0
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
	case s.Verdict != "" && rep.Verdict.Class == fetcher.Temporary:
		st.NextStep = "none: the next pass tries again"
	case s.Verdict != "":
		st.NextStep = "see below"
	case s.Parked > 0:
		st.NextStep = "popsync parked " + name
	case s.Skipped > 0:
		st.NextStep = fmt.Sprintf("none: %s larger than max_size left on the server", screen.Count(s.Skipped, "message"))
	default:
		st.NextStep = "none"
	}
	return st
}

// join adds what the daemon knows, which is newer.
func (st *accountStatus) join(l control.Account) {
	st.Daemon, st.queued = true, l.Waiting
	st.NextRun, st.RunningSince, st.Progress = l.NextRun, l.RunningSince, l.Progress
	st.Paused, st.NotBefore, st.Reason, st.Slow = l.Paused, l.NotBefore, l.Reason, l.Slow
	st.TroubleSince, st.Alarmed = l.TroubleSince, l.Alarmed
}

// stateAt is how the account is, in a word: what happens now comes before what a person wants and what was.
func (st *accountStatus) stateAt(now time.Time) state {
	switch {
	case !st.RunningSince.IsZero(), st.working:
		return stateRunning
	case st.Paused:
		return statePaused
	case st.Trouble != "":
		return stateTrouble
	case st.queued, st.NotBefore.After(now):
		return stateWaiting
	case st.LastPass.IsZero() && st.begun:
		return stateUnfinished
	case st.LastPass.IsZero():
		return stateNew
	case st.Parked > 0:
		return stateParked
	}
	return stateOK
}

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

func (st *accountStatus) rank() rank {
	switch {
	case st.Trouble != "" && (st.Class != string(fetcher.Temporary) || st.Alarmed):
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
	case st.Paused, st.State == stateWaiting && st.Reason != "", st.Slow, st.PassTime:
		return rankWaiting
	case st.Skipped > 0, st.Unsure > 0, st.GivenUp > 0, st.CameShort != nil, len(st.LeftAlone)+len(st.Resting)+len(st.Missed)+len(st.Without) > 0:
		return rankSkipped
	}
	return rankNothing
}

// story is all that is to be told of the account: sentences, and the next step or "".
func (st *accountStatus) story(now time.Time) (what []string, step string) {
	if st.Trouble != "" {
		if what = append(what, st.Trouble); !st.LastPass.IsZero() {
			what = append(what, st.since(now))
		}
		if step = strings.TrimPrefix(st.NextStep, "none: "); step == "see below" {
			step = ""
		}
	}
	if st.missing {
		what = append(what, "the running daemon does not have this account yet")
		step = cmp.Or(step, "make it read the configuration again: popsync reload")
	}
	if st.Held > 0 {
		what = append(what, heldText(st.Account, st.Held))
	}
	if st.Parked > 0 {
		what = append(what, fmt.Sprintf("%s parked: failed too often or refused for good, tried again seldom; to see why say: popsync parked %s",
			screen.Count(st.Parked, "message"), st.Account))
	}
	for _, w := range st.Waiting {
		if w.DownReason != "" && strings.HasPrefix(st.Trouble, w.DownReason) {
			w.DownReason, w.told = "", st.Trouble
		}
		if w.Gone && st.Trouble == fetcher.AwayText(w.Destination, w.Deliveries) {
			continue // it is told already
		}
		what = append(what, w.words(now)...)
	}
	what = append(what, st.CameShort.words(now, st.onlyShort)...)
	what = append(append(what, st.aloneWords...), st.missedWords...)
	switch {
	case st.Paused:
		what = append(what, "paused, until you say: popsync resume "+st.Account)
	case st.NotBefore.After(now):
		text := "not tried before " + st.NotBefore.Local().Format(time.DateTime)
		if st.Reason != "" && st.Reason != st.Trouble {
			text += ": " + st.Reason
		}
		what = append(what, text)
	}
	if st.PassTime && st.Trouble == "" {
		what = append(what, "the last pass was ended after the longest time that a pass may take (limits.pass_time); the next one goes on")
	}
	if st.Slow {
		what = append(what, "in the slow lane: its passes were slow, or took long, while others waited; after one that goes well and fast it is among the others again")
	}
	if st.Skipped > 0 {
		what = append(what, fmt.Sprintf("%s left on the server: larger than max_size", screen.Count(st.Skipped, "message")))
	}
	if st.Unsure > 0 {
		what = append(what, unsureText(st.Account, st.Unsure))
	}
	if st.GivenUp > 0 {
		what = append(what, givenUpText(st.Account, st.GivenUp))
	}
	return what, step
}

// heldText is about messages that wait for a person's word.
func heldText(account string, n int) string {
	return fmt.Sprintf("%s held back: to have them delivered say: popsync accept %s; if all were seen before: popsync baseline %[2]s", screen.Count(n, "message"), account)
}

// unsureText is about messages that policy may not delete before a person has said that they are safe.
func unsureText(account string, n int) string {
	return fmt.Sprintf("%s kept because nobody saw them safe at their destination: if you know that they are, say: popsync vouch %s", screen.Count(n, "message"), account)
}

// since tells how long it has been failing.
func (st *accountStatus) since(now time.Time) string {
	text := "the last pass failed"
	if st.Failures > 1 {
		text = fmt.Sprintf("%d passes in a row failed", st.Failures)
	}
	if !st.TroubleSince.IsZero() {
		text += ", since " + st.TroubleSince.Local().Format(time.DateTime)
	}
	if st.LastSuccess.IsZero() {
		return text + "; none ever succeeded"
	}
	return text + "; the last success was " + screen.Ago(st.LastSuccess.Unix(), now)
}
