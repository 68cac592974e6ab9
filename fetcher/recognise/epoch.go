package recognise

import (
	"cmp"
	"context"
	"slices"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/headers"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/uidl"
)

// An epoch change: the server gave known messages new unique-ids, as happens when a provider moves its mailboxes. They
// are recognised by their headers and adopted, so that nothing is delivered twice. A Gmail-like server that lists
// another page, and a mailbox that somebody emptied, look alike at first; their headers tell.
const (
	manyLost    = 10   // delivered messages that left the listing of late, and
	manyUnknown = 10   // unknown unique-ids listed, that rather mean new unique-ids than mail
	SampleSize  = 20   // unknown messages whose headers are looked at first, at most
	sizeSlack   = 4096 // octets by which sizes may differ, and an eighth: line ends, added header lines
	reasonMoved = "listed under another unique-id since"
)

// Renewal recognises known messages under new unique-ids.
type Renewal struct {
	desk    *desk.Desk
	on      *desk.Session
	headers *headers.Tops
	mailbox *Mailbox

	formers  *formers                   // what left the listing, when messages are compared with it: see hunt
	hunted   int                        // messages still to be compared so
	newNames *lostRows                  // what left the listing, when known messages have new unique-ids; nil: none
	left     *formers                   // see former
	heirs    map[traits][]*uidl.Message // see WentOn
	moved    map[uidl.Key]bool          // rows whose message was found at another place of its UID
}

// Renewed looks for an epoch change and adopts what it recognises. Where there is no TOP, messages are retrieved and
// compared by their content: see IsMoved. What is committed stays if the pass is interrupted, and the next one goes on.
func (w *Renewal) Renewed(ctx context.Context, complete bool, known *plan.Rows) error {
	pl := w.on.Plan
	w.spareDue()
	if !complete {
		return nil
	}
	goingOn := w.desk.Health.RenewedAt > w.desk.Now().Unix()-plan.Lately
	strangers := pl.Strangers()
	if !goingOn && (pl.LostKept == 0 || strangers == 0) {
		return nil // as in nearly every pass: a first import has a million unknown ones
	}
	unknown := pl.Unknown()
	if goingOn && (unknown.Len()+pl.Parked == 0 || len(pl.Lost) == 0) {
		w.desk.Health.RenewedAt, goingOn = 0, false
	}
	if unknown.Len() == 0 || !goingOn && (pl.LostKept == 0 || strangers == 0) {
		return nil
	}
	w.desk.Epoch.Many = goingOn || pl.LostKept >= manyLost && strangers >= manyUnknown
	lost := lostOf(known, pl.Lost)
	tops, err := w.headers.Fingerprints(ctx, unknown.Spread(SampleSize))
	if err != nil {
		return err
	}
	w.desk.Log.Debug("new unique-ids for known messages?", zap.Int("lost", lost.n), zap.Int("unknown", unknown.Len()), zap.Int("headers", len(tops)))
	if len(tops) == 0 { // no TOP
		w.desk.Epoch.Spare = w.desk.Epoch.Spare || goingOn || pl.LostNow >= manyLost
		return w.hunt(ctx, lost)
	}
	if !goingOn {
		found, err := w.formersOf(ctx, tops, lost)
		if err != nil {
			return err
		}
		if !anyOf(unknown, func(e plan.Entry) bool {
			return !w.headers.Weak[e.Num] && found.byHeaderOf(tops[e.Num], e.Size) != nil
		}) {
			if w.anyDark(unknown, tops) || anyOf(unknown, func(e plan.Entry) bool { return len(found.byHeader[tops[e.Num]]) > 0 }) {
				return w.hunt(ctx, lost)
			}
			return nil
		}
	}
	w.desk.Epoch.Proven, w.desk.Epoch.Spare = true, true
	w.spareDue()
	return w.adoptByHeader(ctx, unknown, lost)
}

// adoptByHeader looks at the headers of all unknown messages. Those that have none worth the name are compared by their
// content when they are retrieved.
func (w *Renewal) adoptByHeader(ctx context.Context, unknown plan.Picked, lost *lostRows) error {
	adopted, dark := 0, false
	for from := 0; from < unknown.Len(); from += headers.Chunk {
		chunk := unknown.Part(from, min(from+headers.Chunk, unknown.Len()))
		tops, terr := w.headers.Fingerprints(ctx, chunk.Spread(headers.Chunk))
		found, err := w.formersOf(ctx, tops, lost)
		if err != nil {
			return err
		}
		c := uidl.Change{At: w.desk.Now().Unix()}
		for i := range chunk.Len() {
			e := chunk.At(i)
			top := tops[e.Num]
			var old *uidl.Message
			if !w.headers.Weak[e.Num] {
				old = found.byHeaderOf(top, e.Size)
			}
			switch {
			case old != nil && w.desk.Settler.Pending[old.Key].Copies():
				w.mailbox.Displace(old.Key, e.Key)
				lost.drop(old.Key, false)
				chunk.Adopt(i)
				adopted++
			case old != nil:
				w.adopt(&c, e, old, w.desk.Stamp()) // its age is not known: the header alone does not vouch for that
				lost.drop(old.Key, true)
				chunk.Adopt(i)
				adopted++
			case top == (uidl.Fingerprint{}), w.headers.Weak[e.Num], len(found.byHeader[top]) > 0:
				dark = true
			}
		}
		if len(c.Put) > 0 {
			w.desk.Health.RenewedAt = cmp.Or(w.desk.Health.RenewedAt, c.At)
			c.Status = w.desk.Status()
			if err := w.desk.Settler.Commit(ctx, c); err != nil {
				return err
			}
			w.adopted(len(c.Put))
		}
		if terr != nil { // what was recognised before is kept, the next session goes on
			return terr
		}
	}
	pl := w.on.Plan
	w.newNames = lost
	pl.Kept += adopted
	pl.DropAdopted()
	if dark {
		return w.hunt(ctx, lost)
	}
	if pl.Parked == 0 {
		w.desk.Health.RenewedAt = 0
	}
	return nil
}

// adopted counts messages that were recognised.
func (w *Renewal) adopted(n int) {
	w.desk.Haul.Adopt(n)
	w.desk.Rec.Count(func(r *report.Report) { r.Adopted += n })
}

// anyDark tells whether one of the messages that were looked at says too little in its header.
func (w *Renewal) anyDark(unknown plan.Picked, tops map[int]uidl.Fingerprint) bool {
	return anyOf(unknown, func(e plan.Entry) bool {
		top, looked := tops[e.Num]
		return looked && (top == (uidl.Fingerprint{}) || w.headers.Weak[e.Num])
	})
}

// adopt enters a known message under its new key, with its facts. The old row stays as that of a message that is
// gone, so that its unique-id is known if it returns, and is not matched again.
func (w *Renewal) adopt(c *uidl.Change, e plan.Entry, old *uidl.Message, firstSeen int64) {
	m := *old
	m.Key, m.Size, m.State, m.FirstSeen = e.Key, e.Size, uidl.Delivered, firstSeen
	m.GoneAt, m.GoneListing, m.Attempts, m.Reason = 0, 0, 0, ""
	c.Put = append(c.Put, m)
	if open := w.desk.Settler.Pending[old.Key]; open != nil && open.None { // what is lacked is fetched under the new key
		for _, row := range slices.Concat(open.Owed, open.Late) {
			c.Settle = append(c.Settle, uidl.Settled{Key: row.Key, Destination: row.Destination, As: uidl.Dropped})
		}
	}
	c.Mark = append(c.Mark, uidl.Mark{Key: old.Key, State: old.State, NextTry: old.NextTry, Reason: reasonMoved})
	c.Gone = append(c.Gone, old.Key)
}

// spareDue keeps what is due while it is not clear which message a unique-id names.
func (w *Renewal) spareDue() {
	if w.desk.Epoch.Spare {
		w.on.Plan.Kept += len(w.on.Plan.Due) + w.on.Plan.Later
		w.on.Plan.Due, w.on.Plan.Later, w.on.Plan.DueLater = nil, 0, plan.KnownSteps{}
	}
}
