package fetcher

import (
	"fmt"
	"maps"
	"slices"

	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/verdict"
)

// noteHeld tells of messages that wait for a person's word.
func (s *session) noteHeld() {
	n := s.on.Plan.Back.Len()
	if n == 0 {
		return
	}
	s.desk.Rec.Befell(verdict.Verdict{
		Class:   verdict.Config,
		Message: heldMessage(n),
		Hint: fmt.Sprintf("look at them with: popsync run --dry-run %[1]s; to have them delivered say: popsync accept %[1]s; if all of them were seen before, say: popsync baseline %[1]s",
			s.desk.Account.Name),
	})
}

func heldMessage(n int) string {
	if n == 1 {
		return "1 message is held back: the ledger was lost or is an older copy, and nobody knows whether it was delivered before"
	}
	return fmt.Sprintf("%d messages are held back: the ledger was lost or is an older copy, and nobody knows whether they were delivered before", n)
}

// noteWithheld tells of messages that policy would delete, and why they stay all the same.
func (s *session) noteWithheld() {
	for _, why := range slices.Sorted(maps.Keys(s.on.Plan.Withheld)) {
		n := s.on.Plan.Withheld[why]
		s.desk.Rec.Count(func(r *report.Report) { r.Withheld += n })
		s.desk.Rec.Reasons(why, n)
		if step := s.wayOn(why); step != "" {
			s.desk.Rec.Mention(fmt.Sprintf("%d %s; %s", n, why, step))
		}
	}
}

// wayOn is what a person can say about messages that are kept for a reason.
func (s *session) wayOn(why string) string {
	switch why {
	case facts.ReasonUnsure, facts.ReasonBefore:
		return fmt.Sprintf("if you know that they are safe, say: popsync vouch %s", s.desk.Account.Name)
	case facts.ReasonYounger:
		return fmt.Sprintf("to send them there say: popsync backfill %[1]s DESTINATION; to let them go without: popsync backfill --without %[1]s DESTINATION", s.desk.Account.Name)
	case facts.ReasonFormer:
		return fmt.Sprintf("configure that destination again, or fetch them for another one: popsync backfill %s DESTINATION", s.desk.Account.Name)
	}
	return ""
}
