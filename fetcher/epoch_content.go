package fetcher

import (
	"cmp"
	"context"
	"slices"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// hunt has all unknown messages compared with those that left the listing, while they are retrieved. Each that is the same, octet
// for octet, is its own evidence; of the others the header decides, as it does where there is TOP.
func (s *session) hunt(ctx context.Context, lost map[uidl.Key]bool) error {
	f := &formers{byHeader: map[uidl.Fingerprint][]*uidl.Message{}, byContent: map[[32]byte][]*uidl.Message{}, taken: map[uidl.Key]bool{}}
	keys := make([]uidl.Key, 0, len(lost))
	for k := range lost {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b uidl.Key) int { // equal ones are taken in this order
		return cmp.Or(cmp.Compare(a.UID, b.UID), cmp.Compare(a.Dup, b.Dup))
	})
	for chunk := range slices.Chunk(keys, 500) {
		rows, err := s.L.Find(ctx, chunk)
		if err != nil {
			return err
		}
		for i := range rows {
			m := &rows[i]
			if m.Reason == reasonMoved {
				continue
			}
			if m.SHA256 != ([32]byte{}) {
				f.byContent[m.SHA256] = append(f.byContent[m.SHA256], m)
			}
			if m.Fingerprint != (uidl.Fingerprint{}) {
				f.byHeader[m.Fingerprint] = append(f.byHeader[m.Fingerprint], m)
			}
		}
	}
	s.formers = f
	s.hunted = 0
	for i := range s.plan.Fetch {
		if st := &s.plan.Fetch[i]; !st.Owed && !st.Compare && !st.Nameless && !plan.AskedAgain(st.Row) {
			st.Moved = true
			s.hunted++
		}
	}
	s.spareDue()
	// With the first commit, whatever that is about: if the pass is interrupted, the next one must go on comparing, be
	// there ever so few messages left.
	s.Health.RenewedAt = cmp.Or(s.Health.RenewedAt, s.now().Unix())
	st := s.status()
	s.Later(func(c *uidl.Change) { c.Status = st })
	return nil
}

// isMoved compares a message that was just read with those that left the listing, and adopts it if it is one of them.
func (r *reader) isMoved(f *plan.FetchStep, m *settle.Received) bool {
	r.hunted--
	alike := r.formers.byContent[m.Msg.SHA256]
	if m.Whole != m.Msg.SHA256 {
		alike = slices.Concat(alike, r.formers.byContent[m.Whole])
	}
	for _, old := range alike {
		if r.isTaken(old.Key) {
			continue
		}
		r.formers.taken[old.Key] = true
		r.movedHere(f, old, old.FirstSeen)
		return true
	}
	if !m.Strong {
		return false
	}
	for {
		old := r.formers.byHeaderOf(m.Msg.Fingerprint, f.Size)
		switch {
		case old == nil:
			return false
		case r.isKnownElsewhere(old.Key):
			continue
		}
		r.movedHere(f, old, r.stamp()) // servers add lines and change some; its age is not known: see adoptByHeader
		return true
	}
}

// movedHere enters a message that was just read as one that left the listing, or notes that it is on its way as that.
func (r *reader) movedHere(f *plan.FetchStep, old *uidl.Message, firstSeen int64) {
	r.epoch.proven = true
	if r.Pending[old.Key].Copies() {
		r.displace(old.Key, f.Entry.Key)
		r.haul.keepSafe(f.Num) // it is on its way, under its former unique-id
		return
	}
	r.Later(func(c *uidl.Change) {
		c.At = r.now().Unix()
		r.adopt(c, f.Entry, old, firstSeen)
	})
	r.haul.keepSafe(f.Num)
	r.rec.Count(func(rep *report.Report) { rep.Kept++ })
	r.epoch.unsaved++
	r.adopted(1)
}

// wentOn deals with a message that is listed again under a unique-id under which destinations lacked it when it got another
// one. What they lack it was given under that one since, or it is on its way: the row of the other one counts. Where
// there is none any more, nothing is known but what stands under this one.
func (r *reader) wentOn(f *plan.FetchStep) (bool, error) {
	if f.Row.GoneAt == 0 || len(r.plan.Lost) == 0 {
		return false, nil
	}
	rows, err := r.L.Find(r.ctx, []uidl.Key{f.Key})
	if err != nil || len(rows) == 0 || rows[0].Reason != reasonMoved {
		return false, err
	}
	if r.heirs == nil {
		if err := r.readHeirs(); err != nil {
			return false, err
		}
	}
	for _, m := range r.heirs[traitsOf(&rows[0])] { // made of this row: see adopt
		if m.Key == f.Key || r.isTaken(m.Key) {
			continue
		}
		if r.moved == nil {
			r.moved = map[uidl.Key]bool{}
		}
		r.moved[m.Key] = true
		r.movedHere(f, m, m.FirstSeen)
		return true, nil
	}
	return false, nil
}

// traits are what a row takes along when its message gets another unique-id.
type traits struct {
	content [32]byte
	header  uidl.Fingerprint
}

func traitsOf(m *uidl.Message) traits { return traits{m.SHA256, m.Fingerprint} }

// readHeirs reads the rows that left the listing, but for those whose message went on under another unique-id, once for a
// session.
func (r *reader) readHeirs() error {
	r.heirs = map[traits][]*uidl.Message{}
	keys := make([]uidl.Key, 0, len(r.plan.Lost))
	for _, i := range r.plan.Lost {
		keys = append(keys, r.rows.Row(int(i)).Key)
	}
	for chunk := range slices.Chunk(keys, 500) {
		rows, err := r.L.Find(r.ctx, chunk)
		if err != nil {
			return err
		}
		for i := range rows {
			if m := &rows[i]; m.Reason != reasonMoved {
				r.heirs[traitsOf(m)] = append(r.heirs[traitsOf(m)], m)
			}
		}
	}
	return nil
}

// isTaken tells whether another message of this session turned out to be the one of a row that left the listing.
func (r *reader) isTaken(k uidl.Key) bool {
	return r.formers != nil && r.formers.taken[k] || r.isKnownElsewhere(k)
}

// isKnownElsewhere tells that of what turned out so by its unique-id, not by the search for new ones.
func (r *reader) isKnownElsewhere(k uidl.Key) bool {
	return r.moved[k] || r.left != nil && r.left.taken[k]
}

// keepAdopted commits what isMoved carried, so that the next session knows it. err is how the retrieving ended; it is
// the caller's to return.
func (s *session) keepAdopted(ctx context.Context, err error) error {
	if s.formers != nil && s.hunted == 0 && s.plan.Parked == 0 && err == nil {
		s.Health.RenewedAt = 0 // written when the pass ends
	}
	if s.epoch.unsaved == 0 || verdict.Final(err) {
		return nil
	}
	s.epoch.unsaved = 0
	return s.Commit(ctx, uidl.Change{})
}
