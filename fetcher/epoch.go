package fetcher

import (
	"cmp"
	"context"
	"slices"

	"go.uber.org/zap"

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
	sampleSize  = 20   // unknown messages whose headers are looked at first, at most
	topChunk    = 5000 // headers between two commits
	sizeSlack   = 4096 // octets by which sizes may differ, and an eighth: line ends, added header lines
	reasonMoved = "listed under another unique-id since"
)

// epochState is what a pass knows of an epoch change.
type epochState struct {
	spare   bool // nothing is deleted: it is not clear which message a unique-id names
	proven  bool // known messages were found under new unique-ids
	many    bool // so many left and so many are unknown that nobody knows how many are new
	unsaved int  // of those: not committed yet
}

// renewed looks for an epoch change and adopts what it recognises. Where there is no TOP, messages are retrieved and
// compared by their content: see isMoved. What is committed stays if the pass is interrupted, and the next one goes on.
func (s *session) renewed(ctx context.Context, complete bool, known *plan.Rows) error {
	pl := s.plan
	s.spareDue()
	if !complete {
		return nil
	}
	goingOn := s.Health.RenewedAt > s.now().Unix()-plan.Lately
	strangers := pl.Strangers()
	if !goingOn && (pl.LostKept == 0 || strangers == 0) {
		return nil // as in nearly every pass: a first import has a million unknown ones
	}
	unknown := pl.Unknown()
	if goingOn && (len(unknown)+pl.Parked == 0 || len(pl.Lost) == 0) {
		s.Health.RenewedAt, goingOn = 0, false
	}
	if len(unknown) == 0 || !goingOn && (pl.LostKept == 0 || strangers == 0) {
		return nil
	}
	s.epoch.many = goingOn || pl.LostKept >= manyLost && strangers >= manyUnknown
	lost := make(map[uidl.Key]bool, len(pl.Lost))
	for _, r := range pl.Lost {
		lost[known.Row(int(r)).Key] = true
	}
	tops, err := s.fingerprints(ctx, plan.Spread(unknown, sampleSize))
	if err != nil {
		return err
	}
	s.Log.Debug("new unique-ids for known messages?", zap.Int("lost", len(lost)), zap.Int("unknown", len(unknown)), zap.Int("headers", len(tops)))
	if len(tops) == 0 { // no TOP
		s.epoch.spare = s.epoch.spare || goingOn || pl.LostNow >= manyLost
		return s.hunt(ctx, lost)
	}
	if !goingOn {
		found, err := s.formersOf(ctx, tops, lost)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(unknown, func(e plan.Entry) bool {
			return !s.weak[e.Num] && found.byHeaderOf(tops[e.Num], e.Size) != nil
		}) {
			if s.anyDark(unknown, tops) || slices.ContainsFunc(unknown, func(e plan.Entry) bool { return len(found.byHeader[tops[e.Num]]) > 0 }) {
				return s.hunt(ctx, lost)
			}
			return nil
		}
	}
	s.epoch.proven, s.epoch.spare = true, true
	s.spareDue()
	return s.adoptByHeader(ctx, unknown, lost)
}

// adoptByHeader looks at the headers of all unknown messages. Those that have none worth the name are compared by their
// content when they are retrieved.
func (s *session) adoptByHeader(ctx context.Context, unknown []plan.Entry, lost map[uidl.Key]bool) error {
	adopted := map[int]bool{}
	dark := false
	for chunk := range slices.Chunk(unknown, topChunk) {
		tops, terr := s.fingerprints(ctx, plan.Spread(chunk, len(chunk)))
		found, err := s.formersOf(ctx, tops, lost)
		if err != nil {
			return err
		}
		c := uidl.Change{At: s.now().Unix()}
		for _, e := range chunk {
			top := tops[e.Num]
			var old *uidl.Message
			if !s.weak[e.Num] {
				old = found.byHeaderOf(top, e.Size)
			}
			switch {
			case old != nil && s.Pending[old.Key].Copies():
				s.displace(old.Key, e.Key)
				delete(lost, old.Key)
				adopted[e.Num] = true
			case old != nil:
				s.adopt(&c, e, old, s.stamp()) // its age is not known: the header alone does not vouch for that
				delete(lost, old.Key)
				adopted[e.Num] = true
			case top == (uidl.Fingerprint{}), s.weak[e.Num], len(found.byHeader[top]) > 0:
				dark = true
			}
		}
		if len(c.Put) > 0 {
			s.Health.RenewedAt = cmp.Or(s.Health.RenewedAt, c.At)
			c.Status = s.status()
			if err := s.Commit(ctx, c); err != nil {
				return err
			}
			s.adopted(len(c.Put))
		}
		if terr != nil { // what was recognised before is kept, the next session goes on
			return terr
		}
	}
	pl := s.plan
	pl.Kept += len(adopted)
	known := func(f plan.FetchStep) bool { return f.Key.UID != "" && adopted[f.Num] }
	pl.Fetch, pl.Skipped = slices.DeleteFunc(pl.Fetch, known), slices.DeleteFunc(pl.Skipped, known)
	if dark {
		return s.hunt(ctx, lost)
	}
	if pl.Parked == 0 {
		s.Health.RenewedAt = 0
	}
	return nil
}

// adopted counts messages that were recognised.
func (s *session) adopted(n int) {
	s.haul.adopt(n)
	s.rec.Count(func(r *report.Report) { r.Adopted += n })
}

// anyDark tells whether one of the messages that were looked at says too little in its header.
func (s *session) anyDark(unknown []plan.Entry, tops map[int]uidl.Fingerprint) bool {
	return slices.ContainsFunc(unknown, func(e plan.Entry) bool {
		top, looked := tops[e.Num]
		return looked && (top == (uidl.Fingerprint{}) || s.weak[e.Num])
	})
}

// adopt enters a known message under its new key, with its facts. The old row stays as that of a message that is
// gone, so that its unique-id is known if it returns, and is not matched again.
func (p *pass) adopt(c *uidl.Change, e plan.Entry, old *uidl.Message, firstSeen int64) {
	m := *old
	m.Key, m.Size, m.State, m.FirstSeen = e.Key, e.Size, uidl.Delivered, firstSeen
	m.GoneAt, m.GoneListing, m.Attempts, m.Reason = 0, 0, 0, ""
	c.Put = append(c.Put, m)
	if open := p.Pending[old.Key]; open != nil && open.None { // what is lacked is fetched under the new key
		for _, row := range slices.Concat(open.Owed, open.Late) {
			c.Settle = append(c.Settle, uidl.Settled{Key: row.Key, Destination: row.Destination, As: uidl.Dropped})
		}
	}
	c.Mark = append(c.Mark, uidl.Mark{Key: old.Key, State: old.State, NextTry: old.NextTry, Reason: reasonMoved})
	c.Gone = append(c.Gone, old.Key)
}

// spareDue keeps what is due while it is not clear which message a unique-id names.
func (s *session) spareDue() {
	if s.epoch.spare {
		s.plan.Kept += len(s.plan.Due) + s.plan.Later
		s.plan.Due, s.plan.Later = nil, 0
	}
}
