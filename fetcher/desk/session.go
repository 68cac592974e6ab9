package desk

import (
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/steps"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// Session is what those share who work on one session of a pass: the connection, the listing and the plan. It is built before
// there is a connection; C, List, Rows, Plan and Clock are there once there is a listing.
type Session struct {
	Desk    *Desk
	Steps   steps.Session
	C       *pop3.Client
	Plan    *plan.Plan
	List    plan.Listing // with the names that messages without a unique-id go by
	Rows    *plan.Rows   // the ledger's, as of the session's beginning
	Clock   uidl.Clock   // as it is after the listing
	Started time.Time
	Number  int // of the session in its pass
	Listed  int // messages in the listing

	Fetched map[int]bool      // numbers of messages whose RETR was sent and not refused, for retr_hides
	Same    []plan.Entry      // retrieved again, recognised, and due
	Twice   map[uidl.Key]bool // messages to delete that were deleted before
	Removed map[int]bool      // numbers of messages whose DELE was answered +OK

	Cut       bool // the plan was longer than one session may be
	Redone    bool // something is deleted that was deleted before
	Partial   bool // something was left alone that is to be done
	LeftOut   bool // messages that nothing is known of were left out of the listing: see headers.Tops.Name
	NoCompare bool // nothing is read to compare it, as RETR broke sessions
}

// DeletesNothing tells whether DELE rests.
func (s *Session) DeletesNothing() bool {
	t := &s.Desk.Health.Stumbles
	return s.LeftOut || t.Rests("DELE", s.Desk.Now()) != nil || t.Rests(health.StepQuit, s.Desk.Now()) != nil
}

// GoesAtOnce tells whether policy wants a message deleted as soon as it is delivered.
func (s *Session) GoesAtOnce(e plan.Entry) bool {
	return !s.Desk.Account.NeverDelete && s.Desk.Account.Policy.AtOnce(e.Size) && !s.Plan.Newest(e.Num)
}

// NumbersOf finds messages in the listing: their keys, by number.
func (s *Session) NumbersOf(want map[uidl.Key]bool) map[int]uidl.Key {
	found := map[int]uidl.Key{}
	if len(want) == 0 {
		return found
	}
	uids := map[string]bool{}
	for k := range want {
		uids[k.UID] = true
	}
	dups := map[string]int{}
	for i := range s.List.Len() {
		e := s.List.At(i)
		if !e.HasUID || !uids[e.UID] {
			continue
		}
		k := uidl.Key{UID: e.UID, Dup: dups[e.UID]} // a listing is in the order of its numbers
		if dups[k.UID]++; want[k] {
			found[e.Num] = k
		}
	}
	return found
}

// Pipelined is the error of a conversation, with what it is in this one: see verdict.InSession.
func (s *Session) Pipelined(err error) error { return verdict.InSession(s.C, err) }

// Show is the listing that the session goes by from now on.
func (s *Session) Show(list plan.Listing) {
	s.List, s.Steps.List, s.Steps.Sore = list, list, nil
}

// Redo notes that a message is to be deleted that was before.
func (s *Session) Redo(k uidl.Key) {
	if s.Twice == nil {
		s.Twice = map[uidl.Key]bool{}
	}
	s.Twice[k], s.Redone = true, true
}
