package fetcher

import (
	"cmp"
	"context"
	"slices"
	"strings"

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
	s.asked()
	s.cut = s.cut || pl.later > 0
	if len(pl.due) > s.o.SessionMessages {
		// Those that share a UID may have to stay; they must not take the others' places for ever.
		slices.SortStableFunc(pl.due, func(a, b knownStep) int { return cmp.Compare(b2i(a.shared), b2i(b.shared)) })
		pl.due, s.cut = pl.due[:s.o.SessionMessages], true
	}
	steps := slices.Concat(pl.due, pl.question)
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
	if s.shorts == 0 && !s.alone && !s.suspecting { // else they were counted by the session before
		s.count(func(r *Report) { r.Questioned += len(pl.question) })
	}
	due := pl.due
	pl.due = nil
	shared := map[string][]knownStep{}
	for _, k := range due {
		if k.shared {
			shared[k.key.UID] = append(shared[k.key.UID], k)
			continue
		}
		if err := s.guard(ctx, k, tops[k.num]); err != nil {
			return err
		}
	}
	for _, group := range shared {
		if err := s.guardShared(ctx, group, tops); err != nil {
			return err
		}
	}
	for _, k := range pl.question {
		if err := s.answer(ctx, k, tops[k.num]); err != nil {
			return err
		}
	}
	pl.sort()
	return nil
}

// loadDetails reads the fingerprints and hashes of the rows at hand.
func (s *session) loadDetails(ctx context.Context, steps []knownStep) error {
	s.details = make(map[uidl.Key]*uidl.Message, len(steps))
	keys := make([]uidl.Key, len(steps))
	for i := range steps {
		keys[i] = steps[i].key
	}
	for chunk := range slices.Chunk(keys, 500) {
		found, err := s.l.Find(ctx, chunk)
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
func (s *session) tops(ctx context.Context, steps []knownStep) (map[int]uidl.Fingerprint, error) {
	nums := make([]int, len(steps))
	for i := range steps {
		nums[i] = steps[i].num
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
func (s *session) likenessOf(k knownStep, top uidl.Fingerprint) likeness {
	row := s.details[k.key]
	switch {
	case row == nil || row.Fingerprint == (uidl.Fingerprint{}) || top == (uidl.Fingerprint{}):
		return unknown
	case row.Fingerprint == top:
		return same
	}
	return other
}

// guard lets a due message through, or finds that it is another one.
func (s *session) guard(ctx context.Context, k knownStep, top uidl.Fingerprint) error {
	like := s.likenessOf(k, top)
	if like == same && s.weak[k.num] && k.reason == reasonUndeleted {
		like = unknown // such a header other messages have too, and its unique-id may be another's by now
	}
	switch like {
	case same:
		s.plan.due = append(s.plan.due, k)
	case other:
		return s.isNew(ctx, k, top)
	default:
		if k.reason == reasonUndeleted {
			// Its UID may have been given to a new message since DELE: look at it before the next DELE.
			s.compare(k)
			return nil
		}
		if row := s.details[k.key]; row == nil || row.SHA256 == ([32]byte{}) {
			// Only its unique-id says that it was delivered: see rebuild.
			s.plan.kept++
			s.reason(reasonUnproven)
			return nil
		}
		s.plan.due = append(s.plan.due, k)
	}
	return nil
}

// guardShared lets messages with one UID through only all together, and only if their headers are those that were
// delivered: which of them a number means may have changed.
func (s *session) guardShared(ctx context.Context, group []knownStep, tops map[int]uidl.Fingerprint) error {
	left := map[uidl.Fingerprint]int{}
	for _, k := range group {
		if row := s.details[k.key]; row != nil {
			left[row.Fingerprint]++
		}
	}
	known := true
	for _, k := range group {
		top, ok := tops[k.num]
		switch {
		case !ok || top == (uidl.Fingerprint{}) || s.weak[k.num]:
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
	if known && len(group) == group[0].copies {
		s.plan.due = append(s.plan.due, group...)
		return nil
	}
	s.count(func(r *Report) { r.Kept += len(group) })
	s.reason(reasonDuplicate)
	return nil
}

// answer settles a question.
func (s *session) answer(ctx context.Context, k knownStep, top uidl.Fingerprint) error {
	like := s.likenessOf(k, top)
	if open := k.row.State != uidl.Delivered && k.row.State != uidl.DeleteSent; open && like == other {
		s.displace(k.key, uidl.Key{})
		s.plan.pending++
		return nil
	}
	if like == same && s.weak[k.num] {
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
func (s *session) again(k knownStep) {
	s.later(func(c *uidl.Change) { s.markSame(c, k.entry, k.row) })
	if k.row.State != uidl.Delivered && k.row.State != uidl.DeleteSent {
		s.plan.pending++ // it is on its way
		return
	}
	if !k.shared && s.dueNow(k.row) {
		s.plan.due = append(s.plan.due, k)
		return
	}
	s.plan.kept++
}

func (s *session) markSame(c *uidl.Change, e entry, row uidl.Row) {
	fresh := row.GoneAt != 0 || e.size != 0 && e.size != row.Size || s.elsewhere && !s.recognised[e.key]
	if s.elsewhere {
		if s.recognised == nil {
			s.recognised = map[uidl.Key]bool{}
		}
		s.recognised[e.key] = true
	}
	if came := s.facts.Wire.short(e.key); came != nil && !came.Done { // it was delivered, whatever came since
		s.facts.Wire.forget(e.key)
	}
	c.At = s.now().Unix()
	if row.GoneAt != 0 {
		c.Back = append(c.Back, e.key)
	}
	state := row.State
	if state == uidl.DeleteSent && !s.dueNow(row) {
		state = uidl.Delivered // recognised and kept: no question any more
	}
	if (fresh || state != row.State) && !strings.HasPrefix(e.key.UID, contentName) { // else the next session asks once more
		s.gained++ // s.mu is held: see later
	}
	c.Mark = append(c.Mark, uidl.Mark{Key: e.key, State: state, Size: e.size, Attempts: row.Attempts, NextTry: row.NextTry})
}

func (s *session) dueNow(row uidl.Row) bool {
	in := planInput{policy: s.a.Policy, neverDelete: s.a.NeverDelete || s.epoch.spare, aged: s.clock.Aged, now: s.now()}
	return in.due(row) && s.set.keeps(row.Facts) == ""
}

// isNew plans a message that came under a known UID: its row is replaced when it is delivered.
func (s *session) isNew(ctx context.Context, k knownStep, top uidl.Fingerprint) error {
	moved, err := s.sibling(ctx, k.key, func(m *uidl.Message) bool { return m.Fingerprint == top })
	if err != nil {
		return err
	}
	if moved != nil {
		s.takePlace(k.entry, moved)
		s.plan.kept++
		return nil
	}
	if old, err := s.former(ctx, k.entry, top); old != nil || err != nil {
		if err == nil {
			s.returns(k.entry, old)
		}
		return err
	}
	s.reason(reasonNotSame)
	if s.holds(k.entry, k.row) {
		return nil
	}
	s.plan.wanted(&planInput{policy: s.a.Policy}, fetchStep{entry: k.entry, row: noRow, reason: reasonNotSame})
	return nil
}

// holds holds a message back that came under a known unique-id, where an older ledger may not know that it was delivered.
// For a while after, that is so of unique-ids that the older one had: a listing may have hidden the message until now. before is
// the row that it has the unique-id of.
func (s *session) holds(e entry, before uidl.Row) bool {
	lost := s.facts.LostAt
	late := lost != 0 && s.now().Unix()-lost < lately && before.FirstSeen <= lost && before.Generation != uidl.BeforeAll
	if !s.doubted && !late {
		return false
	}
	held := s.heldBack(e)
	s.later(func(c *uidl.Change) {
		c.At = s.now().Unix()
		c.Put = append(c.Put, held)
	})
	s.count(func(r *Report) { r.Unfetched++ })
	return true
}

// compare plans to retrieve a message only to see whether it is the known one.
func (s *session) compare(k knownStep) {
	if s.noCompare {
		s.plan.kept++
		s.partial = true
		return
	}
	s.plan.fetch = append(s.plan.fetch, fetchStep{entry: k.entry, row: known(k.row), reason: k.reason, compare: true})
}

// isLike tells whether a message that was read is the one that a row stands for: by its content, or by its header if that
// says enough, since servers add and change lines.
func (s *session) isLike(row *uidl.Message, m *received) bool {
	if m.strong && row.Fingerprint == m.msg.Fingerprint {
		return true
	}
	return row.SHA256 != [32]byte{} && (row.SHA256 == m.msg.SHA256 || row.SHA256 == m.whole)
}

// isSame compares a message that was retrieved again with the one that was delivered.
func (r *reader) isSame(f *fetchStep, m *received) bool {
	r.wentWell("RETR", f.num)
	row := r.details[f.key]
	open := f.row.State != uidl.Delivered && f.row.State != uidl.DeleteSent
	if open && row != nil {
		if r.isLike(row, m) {
			r.later(func(c *uidl.Change) { r.markSame(c, f.entry, *f.row) })
		} else {
			r.displace(f.key, uidl.Key{})
		}
		return true
	}
	if row == nil || r.moved[f.key] || !r.isLike(row, m) {
		moved, err := r.sibling(r.ctx, f.key, func(o *uidl.Message) bool { return r.isLike(o, m) })
		if err != nil || moved == nil { // an error here is met again at the next commit
			r.reason(reasonNotSame)
			return r.holds(f.entry, *f.row)
		}
		r.takePlace(f.entry, moved)
		r.mu.Lock()
		r.safe[f.num] = true
		r.mu.Unlock()
		r.count(func(rep *Report) { rep.Kept++ })
		return true
	}
	if f.reason == reasonSize {
		if r.stands == nil {
			r.stands = map[uidl.Key]bool{}
		}
		r.stands[f.key] = true
	}
	r.later(func(c *uidl.Change) { r.markSame(c, f.entry, *f.row) })
	r.mu.Lock()
	r.safe[f.num] = true
	r.mu.Unlock()
	if r.dueNow(*f.row) {
		if f.row.State == uidl.DeleteSent {
			r.redo(f.key)
		}
		r.same = append(r.same, f.entry)
		return true
	}
	r.mu.Lock()
	r.reread += b2i(f.nameless)
	r.mu.Unlock()
	r.count(func(rep *Report) { rep.Kept++ })
	return true
}
