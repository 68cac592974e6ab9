package fetcher

import (
	"context"
	"slices"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// openMessage is a message with deliveries that are not settled, as the ledger will have it after the commit at hand.
type openMessage struct {
	uidl.Facts
	n           int  // deliveries that count: to required destinations, and to such as are configured no more
	quarantined bool // the fallback took it in place of a destination
	diverted    bool // or has it on its way
}

// settleRow enters the end of a delivery, and what it says of its message, which is delivered when nothing is open for it
// and it lacks nothing. done tells that it is.
func (p *settler) settleRow(c *uidl.Change, row uidl.Delivery, as uidl.Outcome) (done bool) {
	s := uidl.Settled{Key: row.Key, Destination: row.Destination, As: as}
	if m := p.open[row.Key]; m != nil {
		if d := p.destination(row.Destination); d != nil {
			m.learn(d.place(), as)
		}
		if p.required(row.Destination) {
			m.n--
		}
		if done = m.n <= 0 && p.required(row.Destination); done {
			delete(p.open, row.Key)
			done = p.complete(m.Facts)
		}
		if done {
			s.State = uidl.Delivered
		}
		if done && p.set.Keeps(m.Facts) != "" {
			p.withheld[row.Key] = true
		}
		if done && m.quarantined {
			s.Reason = reasonQuarantined
			if !p.deleteQuarantined {
				s.NextTry = p.now().Add(plan.QuarantineHold).Unix() // see heldUntil
			}
		}
	}
	c.Settle = append(c.Settle, s)
	return done
}

// learn adds what the end of a delivery says, as the ledger does.
func (m *openMessage) learn(place uidl.Places, as uidl.Outcome) {
	switch as {
	case uidl.Had:
		m.Have |= place
	case uidl.Inferred:
		m.Have |= place | uidl.Unsure
	case uidl.Waive:
		m.Waived |= place
	}
}

// complete tells that a message lacks nothing, and that some place has it.
func (p *settler) complete(f uidl.Facts) bool {
	return p.set.Lacks(f) == 0 && f.Have.Destinations() != 0
}

// opened counts a delivery that is being opened for a message; p.committing is held.
func (p *settler) opened(m *received, required bool) {
	o := p.open[m.msg.Key]
	if o == nil {
		o = &openMessage{Facts: m.msg.Facts}
		p.open[m.msg.Key] = o
	}
	o.n += b2i(required)
}

// required tells whether a message counts as delivered only when this destination has it. One that is not configured any
// more does if it was required, or if nobody knows: nobody has said that it may be forgotten.
func (p *settler) required(name string) bool {
	if d := p.destination(name); d != nil {
		return !d.Optional
	}
	for _, d := range p.known {
		if d.Name == name {
			return d.Role != uidl.WasOptional && d.Role != uidl.Optional
		}
	}
	return true
}

// completed reports a delivery that was settled and, with done, its message, which is delivered everywhere by now. m is nil
// for one that an earlier pass retrieved.
func (p *settler) completed(row uidl.Delivery, m *received, done bool) {
	switch {
	case m == nil:
		p.obs.Recovered(row, done, true)
	case done:
		p.obs.Delivered(m)
	}
}

// loadPending remembers which messages have open deliveries, and which of these must be fetched again.
func (p *settler) loadPending(ctx context.Context) error {
	p.committing.Lock() // nothing changes between what is read and what is remembered
	defer p.committing.Unlock()
	pending, err := p.l.Pending(ctx)
	if err != nil {
		return err
	}
	p.pending, p.open = map[uidl.Key]*plan.OpenState{}, map[uidl.Key]*openMessage{}
	for _, row := range pending {
		if !p.required(row.Destination) {
			continue
		}
		st, m := p.pending[row.Key], p.open[row.Key]
		if st == nil {
			st = &plan.OpenState{Facts: row.Message, None: true}
			m = &openMessage{Facts: row.Message, quarantined: row.Why == reasonQuarantined}
			p.pending[row.Key], p.open[row.Key] = st, m
		}
		st.N++
		m.n++
		if d := p.destination(row.Destination); d != nil && d.Fallback && row.State != uidl.Owed {
			m.diverted = true
		}
		st.None = st.None && row.State == uidl.Owed
		d := p.destination(row.Destination)
		if d != nil && row.State == uidl.Owed {
			st.Owing |= d.place()
		}
		switch {
		case d == nil:
		case row.State == uidl.Owed && !p.health.Waits(row.NextTry):
			st.Owed = append(st.Owed, row)
		default:
			st.Busy |= d.place()
			if row.State == uidl.Owed {
				st.Late = append(st.Late, row)
			}
		}
	}
	return nil
}

// dropMoot ends deliveries for which no copy is left, to destinations that the message need not come to any more: they were
// added after it was retrieved, it was staged there since no place had it, and by now another one has. Policy keeps it
// on the server until a person says what is to become of it.
func (p *settler) dropMoot(c *uidl.Change, moot map[uidl.Key]uidl.Places) {
	for key, places := range moot {
		st := p.pending[key]
		for _, row := range slices.Concat(st.Owed, st.Late) {
			if d := p.destination(row.Destination); d != nil && places.Has(d.place()) {
				p.settleRow(c, row, uidl.Dropped)
				p.log.Warn("not fetched again", zap.String("uid", words.Quote(key.UID)), zap.String("destination", row.Destination),
					zap.String("reason", "it was added later, and another destination has the message"))
			}
		}
	}
}
