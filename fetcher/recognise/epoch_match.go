package recognise

import (
	"context"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/uidl"
)

// formers are messages that were delivered and are not listed any more, to be matched as a multiset.
type formers struct {
	byHeader  map[uidl.Fingerprint][]*uidl.Message
	byContent map[[32]byte][]*uidl.Message
	taken     map[uidl.Key]bool
}

// formersOf are the lost messages that have one of these headers.
func (w *Renewal) formersOf(ctx context.Context, tops map[int]uidl.Fingerprint, lost *lostRows) (*formers, error) {
	fps := make([]uidl.Fingerprint, 0, len(tops))
	for _, fp := range tops {
		if fp != (uidl.Fingerprint{}) {
			fps = append(fps, fp)
		}
	}
	rows, err := w.lostWith(ctx, fps, lost)
	if err != nil {
		return nil, err
	}
	f := &formers{byHeader: map[uidl.Fingerprint][]*uidl.Message{}, taken: map[uidl.Key]bool{}}
	for i := range rows {
		if m := &rows[i]; lost.has(m.Key) && m.Reason != reasonMoved && m.Fingerprint != (uidl.Fingerprint{}) {
			f.byHeader[m.Fingerprint] = append(f.byHeader[m.Fingerprint], m)
		}
	}
	return f, nil
}

// fewLost is how many rows are rather looked up by their keys than searched for by their headers in all rows.
const fewLost = 2000

// lostWith are at least the lost rows that have one of these headers.
func (w *Renewal) lostWith(ctx context.Context, fps []uidl.Fingerprint, lost *lostRows) ([]uidl.Message, error) {
	if lost.n > fewLost {
		return w.desk.Settler.L.Matches(ctx, fps)
	}
	return w.desk.Settler.L.Find(ctx, lost.keys())
}

// byHeaderOf takes the former message with this header whose size comes closest, or nil when none is left or all are
// too far off: then the content must tell.
func (f *formers) byHeaderOf(fp uidl.Fingerprint, size int64) *uidl.Message {
	var best *uidl.Message
	for _, m := range f.byHeader[fp] {
		if !f.taken[m.Key] && (best == nil || distance(m, size) < distance(best, size)) {
			best = m
		}
	}
	if best == nil || distance(best, size) > sizeSlack+max(best.Size, best.Octets)/8 {
		return nil
	}
	f.taken[best.Key] = true
	return best
}

// distance is by how much a listed size differs from what is known of a message.
func distance(m *uidl.Message, size int64) int64 {
	d := max(m.Size-size, size-m.Size)
	if m.Octets > 0 {
		d = min(d, max(m.Octets-size, size-m.Octets))
	}
	if size == 0 || m.Size == 0 {
		return 0
	}
	return d
}

// mostFormers is how many messages that left the listing are read to recognise one of them under a unique-id that was known.
const mostFormers = 20_000

// former finds the message that left the listing and has this header, for a message that came under a unique-id that was
// another one's: servers that change their unique-ids may give old ones anew. nil: none, or the header says too little.
func (w *Renewal) former(ctx context.Context, e plan.Entry, top uidl.Fingerprint) (*uidl.Message, error) {
	if w.headers.Weak[e.Num] || top == (uidl.Fingerprint{}) {
		return nil, nil
	}
	left, err := w.leftOf(ctx)
	if err != nil {
		return nil, err
	}
	return left.byHeaderOf(top, e.Size), nil
}

// IsFormer tells of a message that was retrieved again, and is another one than that which was delivered, or more of it, whether it
// was delivered under a unique-id that is not listed any more, and enters it as that. Its content tells: a header says too little of
// one that may have come short.
func (w *Renewal) IsFormer(ctx context.Context, f *plan.FetchStep, m *settle.Received) bool {
	left, err := w.leftOf(ctx)
	if err != nil { // it is met again at the next commit
		return false
	}
	for _, sum := range [][32]byte{m.Msg.SHA256, m.Whole} {
		for _, old := range left.byContent[sum] {
			if !left.taken[old.Key] && old.Key != f.Key {
				left.taken[old.Key] = true
				w.movedHere(f, old, w.desk.Stamp())
				return true
			}
		}
	}
	return false
}

// leftOf are the messages that left the listing of late. Of too many, none.
func (w *Renewal) leftOf(ctx context.Context) (*formers, error) {
	if w.left != nil {
		return w.left, nil
	}
	left := &formers{
		byHeader: map[uidl.Fingerprint][]*uidl.Message{}, byContent: map[[32]byte][]*uidl.Message{}, taken: map[uidl.Key]bool{},
	}
	lost := w.on.Plan.Lost
	if len(lost) > mostFormers {
		lost = nil
	}
	keys := make([]uidl.Key, 0, len(lost))
	for _, r := range lost {
		keys = append(keys, w.on.Rows.Row(int(r)).Key)
	}
	rows, err := w.desk.Settler.L.Find(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		m := &rows[i]
		if m.Reason == reasonMoved {
			continue
		}
		if m.Fingerprint != (uidl.Fingerprint{}) {
			left.byHeader[m.Fingerprint] = append(left.byHeader[m.Fingerprint], m)
		}
		if m.SHA256 != [32]byte{} {
			left.byContent[m.SHA256] = append(left.byContent[m.SHA256], m)
		}
	}
	w.left = left
	return left, nil
}

// returns enters a message that came under a unique-id of another one as the one that it is.
func (w *Renewal) returns(e plan.Entry, old *uidl.Message) {
	if w.desk.Settler.Pending[old.Key].Copies() {
		w.mailbox.Displace(old.Key, e.Key)
		return
	}
	w.desk.Settler.Later(func(c *uidl.Change) {
		c.At = w.desk.Now().Unix()
		w.adopt(c, e, old, w.desk.Stamp())
	})
	w.adopted(1)
	w.on.Plan.Kept++
}
