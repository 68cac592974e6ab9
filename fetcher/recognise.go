package fetcher

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/uidl"
)

// recognise makes sure of messages before anything that cannot be undone: those due for deletion (the delete guard)
// and those that may be others than the ledger thinks. A header fingerprint by TOP decides. Without TOP, a due message
// passes if its size is the same and it was never missing from a listing; one in question is retrieved and compared.
func (s *session) recognise(ctx context.Context) error {
	pl := s.plan
	if err := s.recogniseTwins(ctx); err != nil {
		return err
	}
	if err := s.placeOnWay(ctx); err != nil {
		return err
	}
	s.asked()
	s.cut = s.cut || pl.Later > 0
	if len(pl.Due) > s.o.SessionMessages {
		// Those that share a UID may have to stay; they must not take the others' places for ever.
		slices.SortStableFunc(pl.Due, func(a, b plan.KnownStep) int { return cmp.Compare(b2i(a.Shared), b2i(b.Shared)) })
		pl.Due, s.cut = pl.Due[:s.o.SessionMessages], true
	}
	steps := slices.Concat(pl.Due, pl.Question)
	if len(steps) == 0 {
		return nil
	}
	if err := s.loadDetails(ctx, steps); err != nil {
		return err
	}
	tops, err := s.tops(ctx, steps)
	if err != nil {
		return err
	}
	if s.shorts == 0 && !s.alone && !s.turns.Suspecting { // else they were counted by the session before
		s.rec.Count(func(r *report.Report) { r.Questioned += len(pl.Question) })
	}
	due := pl.Due
	pl.Due = nil
	shared := map[string][]plan.KnownStep{}
	for _, k := range due {
		if k.Shared {
			shared[k.Key.UID] = append(shared[k.Key.UID], k)
			continue
		}
		if err := s.guard(ctx, k, tops[k.Num]); err != nil {
			return err
		}
	}
	for _, group := range shared {
		if err := s.guardShared(ctx, group, tops); err != nil {
			return err
		}
	}
	for _, k := range pl.Question {
		if err := s.answer(ctx, k, tops[k.Num]); err != nil {
			return err
		}
	}
	pl.Sort()
	return nil
}

// loadDetails reads the fingerprints and hashes of the rows at hand.
func (s *session) loadDetails(ctx context.Context, steps []plan.KnownStep) error {
	s.details = make(map[uidl.Key]*uidl.Message, len(steps))
	keys := make([]uidl.Key, len(steps))
	for i := range steps {
		keys[i] = steps[i].Key
	}
	for chunk := range slices.Chunk(keys, 500) {
		found, err := s.L.Find(ctx, chunk)
		if err != nil {
			return err
		}
		for i := range found {
			s.details[found[i].Key] = &found[i]
		}
	}
	return nil
}

// tops fetches the headers of messages, pipelined, and returns their fingerprints by number; what is missing or zero
// could not be had.
func (s *session) tops(ctx context.Context, steps []plan.KnownStep) (map[int]uidl.Fingerprint, error) {
	nums := make([]int, len(steps))
	for i := range steps {
		nums[i] = steps[i].Num
	}
	slices.Sort(nums)
	return s.fingerprints(ctx, nums)
}

// verdict of a comparison.
type likeness int

const (
	unknown likeness = iota
	same
	other
)

// likenessOf compares what was stored at delivery with what TOP gave.
func (s *session) likenessOf(k plan.KnownStep, top uidl.Fingerprint) likeness {
	row := s.details[k.Key]
	switch {
	case row == nil || row.Fingerprint == (uidl.Fingerprint{}) || top == (uidl.Fingerprint{}):
		return unknown
	case row.Fingerprint == top:
		return same
	}
	return other
}

// guard lets a due message through, or finds that it is another one.
func (s *session) guard(ctx context.Context, k plan.KnownStep, top uidl.Fingerprint) error {
	like := s.likenessOf(k, top)
	if like == same && s.weak[k.Num] && k.Reason == plan.ReasonUndeleted {
		like = unknown // such a header other messages have too, and its unique-id may be another's by now
	}
	switch like {
	case same:
		s.plan.Due = append(s.plan.Due, k)
	case other:
		return s.isNew(ctx, k, top)
	default:
		if k.Reason == plan.ReasonUndeleted {
			// Its UID may have been given to a new message since DELE: look at it before the next DELE.
			s.compare(k)
			return nil
		}
		if row := s.details[k.Key]; row == nil || row.SHA256 == ([32]byte{}) {
			// Only its unique-id says that it was delivered: see rebuild.
			s.plan.Kept++
			s.rec.Reason(plan.ReasonUnproven)
			return nil
		}
		s.plan.Due = append(s.plan.Due, k)
	}
	return nil
}

// guardShared lets messages with one UID through only all together, and only if their headers are those that were
// delivered: which of them a number means may have changed.
func (s *session) guardShared(ctx context.Context, group []plan.KnownStep, tops map[int]uidl.Fingerprint) error {
	left := map[uidl.Fingerprint]int{}
	for _, k := range group {
		if row := s.details[k.Key]; row != nil {
			left[row.Fingerprint]++
		}
	}
	known := true
	for _, k := range group {
		top, ok := tops[k.Num]
		switch {
		case !ok || top == (uidl.Fingerprint{}) || s.weak[k.Num]:
			known = false
		case left[top] == 0:
			known = false
			if err := s.isNew(ctx, k, top); err != nil {
				return err
			}
			continue
		default:
			left[top]--
		}
	}
	if known && len(group) == group[0].Copies {
		s.plan.Due = append(s.plan.Due, group...)
		return nil
	}
	s.rec.Count(func(r *report.Report) { r.Kept += len(group) })
	s.rec.Reason(plan.ReasonDuplicate)
	return nil
}

// answer settles a question.
func (s *session) answer(ctx context.Context, k plan.KnownStep, top uidl.Fingerprint) error {
	like := s.likenessOf(k, top)
	if open := k.Row.State != uidl.Delivered && k.Row.State != uidl.DeleteSent; open && like == other {
		s.displace(k.Key, uidl.Key{})
		s.plan.Pending++
		return nil
	}
	if like == same && s.weak[k.Num] {
		like = unknown // such a header other messages have too: the content decides
	}
	switch like {
	case same:
		s.again(k)
	case other:
		return s.isNew(ctx, k, top)
	default:
		s.compare(k)
	}
	return nil
}

// again notes that a message in question is the one that was delivered.
func (s *session) again(k plan.KnownStep) {
	s.Later(func(c *uidl.Change) { s.markSame(c, k.Entry, k.Row) })
	if k.Row.State != uidl.Delivered && k.Row.State != uidl.DeleteSent {
		s.plan.Pending++ // it is on its way
		return
	}
	if !k.Shared && s.dueNow(k.Row) {
		s.plan.Due = append(s.plan.Due, k)
		return
	}
	s.plan.Kept++
}

func (s *session) markSame(c *uidl.Change, e plan.Entry, row uidl.Row) {
	fresh := row.GoneAt != 0 || e.Size != 0 && e.Size != row.Size || s.elsewhere && !s.recognised[e.Key]
	if s.elsewhere {
		if s.recognised == nil {
			s.recognised = map[uidl.Key]bool{}
		}
		s.recognised[e.Key] = true
	}
	if came := s.Health.Wire.Reading(e.Key); came != nil && !came.Done { // it was delivered, whatever came since
		s.Health.Wire.Forget(e.Key)
	}
	c.At = s.now().Unix()
	if row.GoneAt != 0 {
		c.Back = append(c.Back, e.Key)
	}
	if row.State != uidl.Delivered && row.State != uidl.DeleteSent || s.Pending[e.Key] != nil {
		// It was on its way when its row was read, and may have arrived since: whoever settles it writes the rest.
		if e.Size != 0 {
			c.Mark = append(c.Mark, uidl.Mark{Key: e.Key, Size: e.Size})
		}
		if fresh && !strings.HasPrefix(e.Key.UID, plan.ContentName) {
			s.haul.gain(1)
		}
		return
	}
	state := row.State
	if state == uidl.DeleteSent && !s.dueNow(row) {
		state = uidl.Delivered // recognised and kept: no question any more
	}
	if (fresh || state != row.State) && !strings.HasPrefix(e.Key.UID, plan.ContentName) { // else the next session asks once more
		s.haul.gain(1)
	}
	c.Mark = append(c.Mark, uidl.Mark{Key: e.Key, State: state, Size: e.Size, Attempts: row.Attempts, NextTry: row.NextTry})
}

func (s *session) dueNow(row uidl.Row) bool {
	in := plan.Input{Policy: s.a.Policy, NeverDelete: s.a.NeverDelete || s.epoch.spare, Aged: s.clock.Aged, Now: s.now()}
	return in.Due(row) && s.Set.Keeps(row.Facts) == ""
}

// isNew plans a message that came under a known UID: its row is replaced when it is delivered.
func (s *session) isNew(ctx context.Context, k plan.KnownStep, top uidl.Fingerprint) error {
	moved, err := s.sibling(ctx, k.Key, func(m *uidl.Message) bool { return m.Fingerprint == top })
	if err != nil {
		return err
	}
	if moved != nil {
		s.takePlace(k.Entry, moved)
		s.plan.Kept++
		return nil
	}
	if old, err := s.former(ctx, k.Entry, top); old != nil || err != nil {
		if err == nil {
			s.returns(k.Entry, old)
		}
		return err
	}
	s.rec.Reason(plan.ReasonNotSame)
	if s.holds(k.Entry, k.Row) {
		return nil
	}
	s.plan.Wanted(&plan.Input{Policy: s.a.Policy}, plan.FetchStep{Entry: k.Entry, Row: plan.NoRow, Reason: plan.ReasonNotSame})
	return nil
}

// holds holds a message back that came under a known unique-id, where an older ledger may not know that it was delivered.
// For a while after, that is so of unique-ids that the older one had: a listing may have hidden the message until now; and of
// those that a Maildir showed, where nothing could be compared: what it shows may be of a message that had the unique-id before.
// before is the row that it has the unique-id of.
func (s *session) holds(e plan.Entry, before uidl.Row) bool {
	lost := s.Health.LostAt
	late := lost != 0 && s.now().Unix()-lost < plan.Lately && before.FirstSeen <= lost &&
		(before.Generation != uidl.BeforeAll || before.Have.Has(uidl.Unsure))
	if !s.doubted && !late {
		return false
	}
	held := s.lost.HeldBack(e)
	s.Later(func(c *uidl.Change) {
		c.At = s.now().Unix()
		c.Put = append(c.Put, held)
	})
	s.rec.Count(func(r *report.Report) { r.Unfetched++ })
	return true
}

// compare plans to retrieve a message only to see whether it is the known one.
func (s *session) compare(k plan.KnownStep) {
	if s.noCompare {
		s.plan.Kept++
		s.partial = true
		return
	}
	s.plan.Fetch = append(s.plan.Fetch, plan.FetchStep{Entry: k.Entry, Row: plan.OwnRow(k.Row), Reason: k.Reason, Compare: true})
}

// isLike tells whether a message that was read is the one that a row stands for: by its content, or by its header if that
// says enough, since servers add and change lines.
func (s *session) isLike(row *uidl.Message, m *settle.Received) bool {
	if m.Strong && row.Fingerprint == m.Msg.Fingerprint {
		return true
	}
	return row.SHA256 != [32]byte{} && (row.SHA256 == m.Msg.SHA256 || row.SHA256 == m.Whole)
}

// isSame compares a message that was retrieved again with the one that was delivered.
func (r *reader) isSame(f *plan.FetchStep, m *settle.Received) bool {
	r.steps.WentWell("RETR", f.Num)
	row := r.details[f.Key]
	open := f.Row.State != uidl.Delivered && f.Row.State != uidl.DeleteSent
	if open && row != nil {
		if r.isLike(row, m) {
			r.Later(func(c *uidl.Change) { r.markSame(c, f.Entry, *f.Row) })
		} else {
			r.displace(f.Key, uidl.Key{})
		}
		return true
	}
	if row == nil || r.moved[f.Key] || !r.isLike(row, m) && !r.lost.Shows(r.ctx, row, m) {
		moved, err := r.sibling(r.ctx, f.Key, func(o *uidl.Message) bool { return r.isLike(o, m) })
		if err != nil || moved == nil { // an error here is met again at the next commit
			r.rec.Reason(plan.ReasonNotSame)
			return r.holds(f.Entry, *f.Row)
		}
		r.takePlace(f.Entry, moved)
		r.haul.keepSafe(f.Num)
		r.rec.Count(func(rep *report.Report) { rep.Kept++ })
		return true
	}
	if f.Reason == plan.ReasonSize {
		if r.stands == nil {
			r.stands = map[uidl.Key]bool{}
		}
		r.stands[f.Key] = true
	}
	r.Later(func(c *uidl.Change) { r.markSame(c, f.Entry, *f.Row) })
	r.haul.keepSafe(f.Num)
	if r.dueNow(*f.Row) {
		if f.Row.State == uidl.DeleteSent {
			r.redo(f.Key)
		}
		r.same = append(r.same, f.Entry)
		return true
	}
	if f.Nameless {
		r.haul.rereads()
	}
	r.rec.Count(func(rep *report.Report) { rep.Kept++ })
	return true
}
