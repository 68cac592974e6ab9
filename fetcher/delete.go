package fetcher

import (
	"cmp"
	"context"
	"slices"

	"go.uber.org/zap"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// asked takes out of the plan what an earlier session of this pass has told the server to delete: it is listed still, so
// to ask again at once would go on for ever. The next pass does.
func (s *session) asked() {
	pl := s.plan
	before := len(pl.due)
	pl.due = slices.DeleteFunc(pl.due, func(k knownStep) bool { return s.deleted[k.key] })
	if n := before - len(pl.due); n > 0 {
		pl.kept += n
		s.reason(reasonUndeleted)
	}
}

// deleteDue deletes what earlier sessions delivered and recognise let through.
func (s *session) deleteDue(ctx context.Context) error {
	var due []entry
	for _, k := range s.plan.due {
		due = append(due, k.entry)
	}
	if len(due) > s.o.SessionMessages {
		due, s.cut = s.wholly(due[:s.o.SessionMessages]), true
	}
	return s.delete(ctx, due)
}

// deleteSettled deletes what this session delivered, if the policy says so at once.
func (s *session) deleteSettled(ctx context.Context) error {
	s.mu.Lock()
	due := slices.Clone(s.settled)
	s.mu.Unlock()
	if s.a.NeverDelete || s.a.Policy.Delete != DeleteAfterDelivery || s.epoch.proven {
		s.count(func(r *Report) { r.Kept += len(due) })
		due = nil
	}
	due = s.wholly(append(due, s.same...))
	slices.SortFunc(due, func(a, b entry) int { return cmp.Compare(a.num, b.num) })
	return s.delete(ctx, due)
}

// wholly leaves out messages that share their UID with a listed one that is not to go now: the others would move up in
// its place, and nothing but their content could tell which was delivered.
func (s *session) wholly(due []entry) []entry {
	if len(s.plan.shared) == 0 {
		return due
	}
	going := map[string]int{}
	for _, e := range due {
		going[e.key.UID]++
	}
	return slices.DeleteFunc(due, func(e entry) bool {
		stays := going[e.key.UID] < s.plan.shared[e.key.UID]
		if stays {
			s.reason(reasonDuplicate)
			s.count(func(r *Report) { r.Kept++ })
		}
		return stays
	})
}

// delete sends DELE for messages that the ledger has as delivered. Until QUIT nothing has happened to them; the marks
// are committed just before.
func (s *session) delete(ctx context.Context, due []entry) error {
	if len(due) == 0 {
		return nil
	}
	items := func(yield func(pop3.Item) bool) {
		for _, e := range due {
			if !yield(pop3.Item{Num: e.num}) {
				return
			}
		}
	}
	n := 0
	err := s.c.Delete(ctx, items, func(r pop3.Response) error {
		e := due[n]
		n++
		if r.Err != nil {
			s.reason("server refused DELE: " + r.Err.Error())
			s.count(func(rep *Report) { rep.Failed++; rep.Kept++ })
			s.log.Warn("not deleted", zap.String("uid", quote(e.key.UID)), zap.String("error", r.Err.Error()))
			return nil
		}
		s.marks = append(s.marks, uidl.Mark{Key: e.key, State: uidl.DeleteSent})
		s.deleted[e.key] = true
		s.count(func(rep *Report) { rep.Deleted++ })
		return nil
	})
	return s.pipelined(err)
}
