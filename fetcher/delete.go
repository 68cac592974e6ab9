package fetcher

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// asked takes out of the plan what an earlier session of this pass has told the server to delete: it is listed still, so
// to ask again at once would go on for ever. The next pass does.
func (s *session) asked() {
	pl := s.plan
	before := len(pl.Due)
	pl.Due = slices.DeleteFunc(pl.Due, func(k plan.KnownStep) bool { return s.deleted[k.Key] })
	n := before - len(pl.Due)
	pl.Kept, pl.Asked = pl.Kept+n, pl.Asked+n
	if pl.Asked > 0 {
		s.rec.Reason(plan.ReasonUndeleted)
	}
}

// deleteDue deletes what earlier sessions delivered and recognise let through.
func (s *session) deleteDue(ctx context.Context) error {
	var again []uidl.Key
	for _, k := range s.plan.Due {
		if k.Row.State == uidl.DeleteSent {
			again = append(again, k.Key)
			s.redo(k.Key)
		}
	}
	s.inVain(again)
	var due []plan.Entry
	for _, k := range s.plan.Due {
		if !s.leftInVain(k.Key) {
			due = append(due, k.Entry)
		}
	}
	if left := len(s.plan.Due) - len(due); left > 0 {
		s.partial = true
		s.rec.Count(func(r *report.Report) { r.Kept += left })
		due = s.wholly(due)
	}
	if len(due) > s.o.SessionMessages {
		due, s.cut = s.wholly(due[:s.o.SessionMessages]), true
	}
	if s.deletesNothing() {
		s.rec.Count(func(r *report.Report) { r.Kept += len(due) })
		s.partial = s.partial || len(due) > 0
		return nil
	}
	if len(due) == 0 {
		return nil
	}
	if err := s.LeaseLost(); err != nil {
		return err
	}
	err := s.c.Delete(ctx, numbers(due), s.deletion(due, func(e plan.Entry, accepted bool) {
		if accepted {
			s.marks = append(s.marks, uidl.Mark{Key: e.Key, State: uidl.DeleteSent})
		}
	}))
	s.steps.Stumbled(ctx, "DELE", err)
	if err == nil {
		err = s.steps.Lives(ctx)
	}
	return s.pipelined(err)
}

// toDelete is what this session delivered and the policy wants deleted at once.
func (s *session) toDelete() []plan.Entry {
	due := s.haul.deletable()
	var again []uidl.Key
	for _, e := range s.same {
		if s.twice[e.Key] {
			again = append(again, e.Key)
		}
	}
	s.inVain(again)
	resting := s.deletesNothing()
	s.partial = s.partial || resting
	if resting {
		s.rec.Count(func(r *report.Report) { r.Kept += len(s.same) })
		s.same = nil
	}
	// What is wrong with deleting must not take back what else the session did: where it broke one, it has a session of its own.
	if s.a.NeverDelete || s.a.Policy.Delete != plan.DeleteAfterDelivery || s.epoch.proven || resting || s.turns.Purpose == health.NewMail {
		s.rec.Count(func(r *report.Report) { r.Kept += len(due) })
		due = nil
	}
	due = slices.DeleteFunc(due, func(e plan.Entry) bool {
		came := s.Health.Wire.Reading(e.Key)
		s.rec.Count(func(r *report.Report) { r.Kept += b2i(came != nil) })
		return came != nil // it is looked at again on another day
	})
	due = slices.DeleteFunc(append(due, s.same...), s.leftThere)
	due = s.wholly(due)
	slices.SortFunc(due, func(a, b plan.Entry) int { return cmp.Compare(a.Num, b.Num) })
	return due
}

// leftThere tells whether a message that is to be deleted broke a session and is left alone. It goes by its place while it has no
// unique-id.
func (s *session) leftThere(e plan.Entry) bool {
	if len(s.Health.Stumbles.Marks) == 0 {
		return false
	}
	k, ok := s.steps.Marked()[e.Num]
	if !ok {
		return false
	}
	m := s.Health.Stumbles.Mark(k)
	left := m.Alone(s.now()) || s.turns.Charged[k]
	if !left && m.Step != health.StepQuit && s.turns.Purpose != health.OldTrouble {
		s.turns.Retry, left = append(s.turns.Retry, k), true
	}
	s.partial = s.partial || left
	s.rec.Count(func(r *report.Report) { r.Kept += b2i(left) })
	return left
}

// deletesNothing tells whether DELE rests.
func (s *session) deletesNothing() bool {
	t := &s.Health.Stumbles
	return s.leftOut || t.Rests("DELE", s.now()) != nil || t.Rests(health.StepQuit, s.now()) != nil
}

// rollBack takes back what a session deleted that ended without QUIT: nothing of it counts (RFC 1939, section 6), and it is to
// be done again.
func (s *session) rollBack() {
	for _, k := range s.told {
		delete(s.deleted, k)
	}
	s.rec.Count(func(r *report.Report) { r.Deleted -= s.claimed })
	s.told, s.claimed = nil, 0
}

// wholly leaves out messages that share their UID with a listed one that is not to go now: the others would move up in
// its place, and nothing but their content could tell which was delivered.
func (s *session) wholly(due []plan.Entry) []plan.Entry {
	if len(s.plan.Shared) == 0 {
		return due
	}
	going := map[string]int{}
	for _, e := range due {
		going[e.Key.UID]++
	}
	return slices.DeleteFunc(due, func(e plan.Entry) bool {
		stays := going[e.Key.UID] < s.plan.Shared[e.Key.UID]
		if stays {
			s.rec.Reason(plan.ReasonDuplicate)
			s.rec.Count(func(r *report.Report) { r.Kept++ })
		}
		return stays
	})
}

// numbers are the messages to delete. Until QUIT nothing has happened to them.
func numbers(due []plan.Entry) iter.Seq[pop3.Item] {
	return func(yield func(pop3.Item) bool) {
		for _, e := range due {
			if !yield(pop3.Item{Num: e.Num}) {
				return
			}
		}
	}
}

// deletion takes the replies to DELE for messages that the ledger has as delivered, and hands each on.
func (s *session) deletion(due []plan.Entry, then func(e plan.Entry, accepted bool)) func(pop3.Response) error {
	n := 0
	return func(r pop3.Response) error {
		e := due[n]
		n++
		if r.Err != nil {
			s.steps.WasRefused("DELE", e.Num, r.Err)
			if verdict.SaysGone(r.Err) && !s.vanishedUnnoted() { // what was to be done is done; the next listing tells
				s.rec.Reason(reasonVanished)
				then(e, false)
				return nil
			}
			s.rec.Fails("server refused DELE: " + r.Err.Error())
			s.rec.Count(func(rep *report.Report) { rep.Kept++ })
			s.Log.Warn("not deleted", zap.String("uid", words.Quote(e.Key.UID)), zap.String("error", r.Err.Error()))
			then(e, false)
			return nil
		}
		s.steps.WentWell("DELE", e.Num)
		s.deleted[uidl.Key{UID: strings.Clone(e.Key.UID), Dup: e.Key.Dup}] = true // a part of it would keep much of this listing
		s.told = append(s.told, e.Key)
		if s.removed == nil {
			s.removed = map[int]bool{}
		}
		s.removed[e.Num] = true
		claims := b2i(s.claims(e.Key))
		s.claimed += claims
		s.rec.Count(func(rep *report.Report) { rep.Deleted += claims; rep.Kept += 1 - claims })
		then(e, true)
		return nil
	}
}

// unconfirmed tells of a QUIT that was not answered with +OK, after so many DELEs (RFC 1939, section 6), if what was deleted the
// last time is listed still. Once it means little: another client may have deleted a message meanwhile.
func (s *session) unconfirmed(err error, deleted int) {
	if err == nil {
		s.answered()
	}
	if err == nil || deleted == 0 || !s.redone {
		return
	}
	s.rec.Count(func(r *report.Report) { r.Deleted -= s.claimed; r.Kept += s.claimed })
	s.rec.Befell(verdict.Verdict{Class: verdict.Temporary, Message: words.Clip("the server did not confirm that it deletes anything: " + err.Error()),
		Hint: "nothing is lost: what it still lists is deleted again; if it goes on, ask the provider"})
}
