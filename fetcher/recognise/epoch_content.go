package recognise

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
func (w *Renewal) hunt(ctx context.Context, lost *lostRows) error {
	f := &formers{byHeader: map[uidl.Fingerprint][]*uidl.Message{}, byContent: map[[32]byte][]*uidl.Message{}, taken: map[uidl.Key]bool{}}
	for chunk := range slices.Chunk(lost.keys(), 500) { // equal ones are taken in their order
		rows, err := w.desk.Settler.L.Find(ctx, chunk)
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
	w.formers = f
	w.hunted = 0
	for i := range w.on.Plan.Fetch {
		if st := &w.on.Plan.Fetch[i]; !st.Owed && !st.Compare && !st.Nameless && !plan.AskedAgain(st.Row) {
			st.Moved = true
			w.hunted++
		}
	}
	w.spareDue()
	// With the first commit, whatever that is about: if the pass is interrupted, the next one must go on comparing, be
	// there ever so few messages left.
	w.desk.Health.RenewedAt = cmp.Or(w.desk.Health.RenewedAt, w.desk.Now().Unix())
	st := w.desk.Status()
	w.desk.Settler.Later(func(c *uidl.Change) { c.Status = st })
	return nil
}

// IsMoved compares a message that was just read with those that left the listing, and adopts it if it is one of them.
func (w *Renewal) IsMoved(f *plan.FetchStep, m *settle.Received) bool {
	w.hunted--
	alike := w.formers.byContent[m.Msg.SHA256]
	if m.Whole != m.Msg.SHA256 {
		alike = slices.Concat(alike, w.formers.byContent[m.Whole])
	}
	for _, old := range alike {
		if w.isTaken(old.Key) {
			continue
		}
		w.formers.taken[old.Key] = true
		w.movedHere(f, old, old.FirstSeen)
		return true
	}
	if !m.Strong {
		return false
	}
	for {
		old := w.formers.byHeaderOf(m.Msg.Fingerprint, f.Size)
		switch {
		case old == nil:
			return false
		case w.isKnownElsewhere(old.Key):
			continue
		}
		w.movedHere(f, old, w.desk.Stamp()) // servers add lines and change some; its age is not known: see adoptByHeader
		return true
	}
}

// Comparing tells that messages are compared by their content while they are retrieved.
func (w *Renewal) Comparing() bool { return w.formers != nil }

// LeftAsIs tells that a message that was just read is, octet for octet, one that left the listing.
func (w *Renewal) LeftAsIs(m *settle.Received) bool {
	return len(w.formers.byContent[m.Msg.SHA256]) > 0
}

// movedHere enters a message that was just read as one that left the listing, or notes that it is on its way as that.
func (w *Renewal) movedHere(f *plan.FetchStep, old *uidl.Message, firstSeen int64) {
	w.desk.Epoch.Proven = true
	if w.desk.Settler.Pending[old.Key].Copies() {
		w.mailbox.Displace(old.Key, f.Entry.Key)
		w.desk.Haul.KeepSafe(f.Num) // it is on its way, under its former unique-id
		return
	}
	w.desk.Settler.Later(func(c *uidl.Change) {
		c.At = w.desk.Now().Unix()
		w.adopt(c, f.Entry, old, firstSeen)
	})
	w.desk.Haul.KeepSafe(f.Num)
	w.desk.Rec.Count(func(rep *report.Report) { rep.Kept++ })
	w.desk.Epoch.Unsaved++
	w.adopted(1)
}

// WentOn deals with a message that is listed again under a unique-id under which destinations lacked it when it got another
// one. What they lack it was given under that one since, or it is on its way: the row of the other one counts. Where
// there is none any more, nothing is known but what stands under this one.
func (w *Renewal) WentOn(ctx context.Context, f *plan.FetchStep) (bool, error) {
	if f.Row.GoneAt == 0 || len(w.on.Plan.Lost) == 0 {
		return false, nil
	}
	rows, err := w.desk.Settler.L.Find(ctx, []uidl.Key{f.Key})
	if err != nil || len(rows) == 0 || rows[0].Reason != reasonMoved {
		return false, err
	}
	if w.heirs == nil {
		if err := w.readHeirs(ctx); err != nil {
			return false, err
		}
	}
	for _, m := range w.heirs[traitsOf(&rows[0])] { // made of this row: see adopt
		if m.Key == f.Key || w.isTaken(m.Key) {
			continue
		}
		if w.moved == nil {
			w.moved = map[uidl.Key]bool{}
		}
		w.moved[m.Key] = true
		w.movedHere(f, m, m.FirstSeen)
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
func (w *Renewal) readHeirs(ctx context.Context) error {
	w.heirs = map[traits][]*uidl.Message{}
	keys := make([]uidl.Key, 0, len(w.on.Plan.Lost))
	for _, i := range w.on.Plan.Lost {
		keys = append(keys, w.on.Rows.Row(int(i)).Key)
	}
	for chunk := range slices.Chunk(keys, 500) {
		rows, err := w.desk.Settler.L.Find(ctx, chunk)
		if err != nil {
			return err
		}
		for i := range rows {
			if m := &rows[i]; m.Reason != reasonMoved {
				w.heirs[traitsOf(m)] = append(w.heirs[traitsOf(m)], m)
			}
		}
	}
	return nil
}

// isTaken tells whether another message of this session turned out to be the one of a row that left the listing.
func (w *Renewal) isTaken(k uidl.Key) bool {
	return w.formers != nil && w.formers.taken[k] || w.isKnownElsewhere(k)
}

// isKnownElsewhere tells that of what turned out so by its unique-id, not by the search for new ones.
func (w *Renewal) isKnownElsewhere(k uidl.Key) bool {
	return w.moved[k] || w.left != nil && w.left.taken[k]
}

// KeepAdopted commits what IsMoved carried, so that the next session knows it. err is how the retrieving ended; it is
// the caller's to return.
func (w *Renewal) KeepAdopted(ctx context.Context, err error) error {
	if w.formers != nil && w.hunted == 0 && w.on.Plan.Parked == 0 && err == nil {
		w.desk.Health.RenewedAt = 0 // written when the pass ends
	}
	if w.desk.Epoch.Unsaved == 0 || verdict.Final(err) {
		return nil
	}
	w.desk.Epoch.Unsaved = 0
	return w.desk.Settler.Commit(ctx, uidl.Change{})
}
