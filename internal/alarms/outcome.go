package alarms

import (
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/notify"
)

// outcomeOf is a pass in the words of alarms; a pass that could not be made says nothing about the account.
func outcomeOf(rep fetcher.Report) (o notify.Outcome, ok bool) {
	waits := rep.Untried && (rep.Verdict.Class == verdict.OK || rep.Waiting != "" || rep.Busy)
	if rep.Stopped || rep.Yielded || waits {
		return o, false
	}
	o = notify.Outcome{
		Account: rep.Account, At: rep.Started.Add(rep.Duration), Cause: string(rep.Verdict.Class),
		What: rep.Verdict.Message, Next: rep.Verdict.Hint, Parked: rep.Parked, ParkedWhy: rep.ParkedWhy, Skipped: rep.Skipped,
	}
	switch rep.Verdict.Class {
	case verdict.OK:
		o.Kind, o.Cause = notify.Fine, ""
	case verdict.Temporary:
		o.Kind = notify.Temporary
	default:
		o.Kind = notify.Person
	}
	if !rep.Counted {
		o.Parked = -1
	}
	if rep.Verdict.Class != verdict.OK {
		o.Skipped = -1 // such a pass may not have counted them
	}
	return o, true
}
