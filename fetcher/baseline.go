package fetcher

import (
	"context"
	"iter"

	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/fetcher/headers"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// Marked is what Baseline did. Counts are of messages.
type Marked struct {
	Listed   int `json:"listed"`
	Marked   int `json:"marked"`   // seen from now on
	Known    int `json:"known"`    // delivered or marked before
	Pending  int `json:"pending"`  // on their way to a destination: left as they are
	Nameless int `json:"nameless"` // nothing to remember them by: the server gives no unique-id
	Headers  int `json:"headers"`  // of those marked: recognised if their unique-ids change
	Left     int `json:"left"`     // with a Chooser: not known before, and not chosen
}

// Chooser chooses the messages that Baseline marks. listed are all unique-ids of the server, unknown the names of the messages that the
// ledger knows nothing of, or holds back; chosen tells of a unique-id whether its message is to be marked. With an error nothing is
// marked, and Baseline returns that error. It may be called again: a listing that needs more memory than there was is made anew.
type Chooser func(listed, unknown iter.Seq[string]) (chosen func(uid string) bool, err error)

// cheapHeaders is how many headers are asked for one by one, where the server takes no commands ahead.
const cheapHeaders = 500

// Baseline marks everything that the server lists now as seen, so that only what comes later is fetched; or, with a Chooser, what that
// chooses. Nothing is fetched, delivered or deleted, and what is marked so is never deleted by whatever policy. It closes the Targets.
// Its errors are judged by Judge.
func Baseline(ctx context.Context, ledger uidl.Ledger, a Account, o Options, choose Chooser) (m Marked, err error) {
	o = o.WithDefaults()
	p := newPass(a, o)
	defer func() {
		for _, d := range p.desk.Settler.Places {
			_ = d.Target.Close() // nothing was opened
		}
	}()
	if p.desk.Settler.L, err = ledger.Acquire(ctx, a.Name); err != nil {
		return m, err
	}
	defer p.desk.Settler.L.Close()
	p.desk.Health.Facts = health.Decode(p.desk.Settler.L.Info().Facts)
	if p.desk.Settler.Known, err = p.desk.Settler.L.Destinations(ctx); err != nil {
		return m, err
	}
	p.desk.Settler.Set = facts.NewSet(p.desk.Settler.Known, p.desk.Settler.L.Info().Generation)
	for _, d := range p.desk.Settler.Places {
		for _, k := range p.desk.Settler.Known {
			if k.Name == d.Name {
				d.Ordinal = k.Ordinal
			}
		}
	}
	if err := p.desk.Settler.LoadPending(ctx); err != nil {
		return m, err
	}
	_, err = p.bounded(ctx, func(ctx context.Context) (bool, error) {
		m, err = p.newSession().baseline(ctx, choose)
		return false, err
	})
	return m, err
}

func (s *session) baseline(ctx context.Context, choose Chooser) (m Marked, err error) {
	list, known, err := s.connect(ctx)
	if err != nil {
		return m, err
	}
	defer s.on.C.Close()
	s.on.Show(list)
	named, complete, err := s.names(ctx, list, known)
	if err != nil {
		return m, err
	}
	// Without a policy nothing is due or too large, and nothing that was parked waits.
	pl := plan.Make(plan.Input{
		Listing: named, Order: plan.SortedByUID(named), Complete: complete, Rows: known, Open: s.desk.Settler.Pending, Set: s.desk.Settler.Set,
		Now: s.desk.Now(), Waits: func(int64) bool { return false },
	})
	seen := pl.Seen()
	m = Marked{Listed: list.Len(), Marked: seen.Len(), Known: pl.Kept + s.head.n, Pending: len(s.desk.Settler.Pending), Nameless: len(pl.Skipped)}
	s.on.Show(named)
	if choose != nil {
		if seen, err = chosen(choose, list, seen); err != nil {
			_ = s.on.C.Quit(ctx)
			return Marked{}, err
		}
		m.Marked, m.Left = seen.Len(), m.Marked-seen.Len()
	}
	if err := s.fits(named, known); err != nil {
		return Marked{}, err
	}
	if err := s.desk.Share.Set(memory.OfPlan, pl.Memory()+int64(seen.Len())*seenOctets); err != nil {
		return Marked{}, err
	}
	s.desk.Health.Rows = known.Len() + seen.Len()
	tops := s.cheapTops(ctx, seen)
	if err := ctx.Err(); err != nil {
		return Marked{}, err
	}
	mark := s.desk.Health.Marks + health.MarksEach
	if seen.Len() > 0 { // else there is nothing new to take back, and what was marked before may be
		s.desk.Health.NoteBaseline(mark, seen.Len(), choose != nil, s.desk.Now())
	}
	if choose == nil {
		s.desk.Health.EndFirst()
		s.desk.Health.Flood, s.desk.Health.Accepted, s.desk.Health.Backlog, s.desk.Health.RenewedAt = nil, 0, 0, 0
		s.desk.Health.Verify, s.desk.Health.LostAt = false, 0
	} else { // nobody said anything of the rest: what is in doubt or held back stays so
		s.desk.Health.Backlog = max(0, s.desk.Health.Backlog-seen.Len())
	}
	next := s.p.closing.holdAfter(nil, verdict.Verdict{Class: verdict.OK})
	st := s.desk.Status()
	st.Verdict, st.Failures, st.NextTry = "", 0, health.Ceil(next)
	// Many small commits: one of a million rows would be held in memory three times. Cut short, it is said again.
	for i := 0; i < seen.Len(); {
		c := uidl.Change{At: s.desk.Now().Unix()}
		for ; i < seen.Len() && len(c.Put) < headers.Chunk; i++ {
			e, fp := seen.At(i), uidl.Fingerprint{}
			if i < len(tops) {
				fp = tops[i]
			}
			if fp != (uidl.Fingerprint{}) {
				m.Headers++
			}
			c.Put = append(c.Put, s.seen(e, fp, health.MarkOf(mark, seen.Known(i))))
		}
		if err := s.desk.Settler.Commit(ctx, c); err != nil {
			return Marked{}, err
		}
	}
	if err := s.desk.Settler.Commit(ctx, uidl.Change{At: s.desk.Now().Unix(), Listed: complete, Gone: pl.GoneKeys(), Status: st}); err != nil {
		return Marked{}, err
	}
	_ = s.on.C.Quit(ctx) // there is nothing that QUIT could make count
	return m, nil
}

// seen is the row of a message that counts as delivered and never was. mark is the number of whoever said so.
func (s *session) seen(e plan.Entry, fp uidl.Fingerprint, mark int64) uidl.Message {
	return uidl.Message{Fingerprint: fp, Reason: facts.ReasonSeen, Row: uidl.Row{
		Key: e.Key, State: uidl.Delivered, Size: e.Size, FirstSeen: s.desk.Stamp(),
		Facts: uidl.Facts{Have: uidl.Seen, Generation: mark},
	}}
}

// seenOctets is what it takes to mark a message, beside the plan.
const seenOctets = 4 + int64(len(uidl.Fingerprint{}))

// cheapTops are the fingerprints that can be had at little cost, of the first messages. They are worth having and not needed: an
// error means only that there are fewer.
func (s *session) cheapTops(ctx context.Context, of plan.Picked) []uidl.Fingerprint {
	if !s.on.C.Capabilities().Pipelining {
		of = of.Part(0, min(of.Len(), cheapHeaders))
	}
	return s.headers.OfMany(ctx, of)
}
