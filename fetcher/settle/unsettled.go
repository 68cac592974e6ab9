package settle

import (
	"context"
	"slices"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// OpenMessage is a message with deliveries that are not settled, as the ledger will have it after the commit at hand.
type OpenMessage struct {
	uidl.Facts
	n           int  // deliveries that count: to required destinations, and to such as are configured no more
	quarantined bool // the fallback took it in place of a destination
	diverted    bool // or has it on its way
}

// SettleRow enters the end of a delivery, and what it says of its message, which is delivered when nothing is open for it
// and it lacks nothing. done tells that it is.
func (p *Settler) SettleRow(c *uidl.Change, row uidl.Delivery, as uidl.Outcome) (done bool) {
	s := uidl.Settled{Key: row.Key, Destination: row.Destination, As: as}
	if m := p.Open[row.Key]; m != nil {
		if d := p.Place(row.Destination); d != nil {
			m.learn(d.Bit(), as)
		}
		if p.required(row.Destination) {
			m.n--
		}
		if done = m.n <= 0 && p.required(row.Destination); done {
			delete(p.Open, row.Key)
			done = p.complete(m.Facts)
		}
		if done {
			s.State = uidl.Delivered
		}
		if done && p.Set.Keeps(m.Facts) != "" {
			p.Withheld[row.Key] = true
		}
		// Its reason tells of another failure where one came later.
		if done && (m.quarantined || p.Set.StoodIn(m.Facts)) {
			p.Quarantined[row.Key] = true
			s.Reason, s.NextTry = reasonQuarantined, p.HoldUntil()
		}
	}
	c.Settle = append(c.Settle, s)
	return done
}

// learn adds what the end of a delivery says, as the ledger does.
func (m *OpenMessage) learn(place uidl.Places, as uidl.Outcome) {
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
func (p *Settler) complete(f uidl.Facts) bool {
	return p.Set.Lacks(f) == 0 && f.Have.Destinations() != 0
}

// opened counts a delivery that is being opened for a message; p.committing is held.
func (p *Settler) opened(m *Received, required bool) {
	o := p.Open[m.Msg.Key]
	if o == nil {
		o = &OpenMessage{Facts: m.Msg.Facts}
		p.Open[m.Msg.Key] = o
	}
	if required {
		o.n++
	}
}

// required tells whether a message counts as delivered only when this destination has it. One that is not configured any
// more does if it was required, or if nobody knows: nobody has said that it may be forgotten.
func (p *Settler) required(name string) bool {
	if d := p.Place(name); d != nil {
		return !d.Optional
	}
	for _, d := range p.Known {
		if d.Name == name {
			return d.Role != uidl.WasOptional && d.Role != uidl.Optional
		}
	}
	return true
}

// completed reports a delivery that was settled and, with done, its message, which is delivered everywhere by now. m is nil
// for one that an earlier pass retrieved.
func (p *Settler) completed(row uidl.Delivery, m *Received, done bool) {
	switch {
	case m == nil:
		p.Obs.Recovered(row, done, true)
	case done:
		p.Obs.Settled()
		p.Obs.Delivered(m)
	default:
		p.Obs.Settled()
	}
}

// LoadPending remembers which messages have open deliveries, and which of these must be fetched again.
func (p *Settler) LoadPending(ctx context.Context) error {
	p.Committing.Lock() // nothing changes between what is read and what is remembered
	defer p.Committing.Unlock()
	pending, err := p.L.Pending(ctx)
	if err != nil {
		return err
	}
	p.Pending, p.Open = map[uidl.Key]*facts.OpenState{}, map[uidl.Key]*OpenMessage{}
	for _, row := range pending {
		if !p.required(row.Destination) {
			continue
		}
		st, m := p.Pending[row.Key], p.Open[row.Key]
		if st == nil {
			st = &facts.OpenState{Facts: row.Message, None: true}
			m = &OpenMessage{Facts: row.Message, quarantined: row.Why == reasonQuarantined}
			p.Pending[row.Key], p.Open[row.Key] = st, m
		}
		st.N++
		m.n++
		if d := p.Place(row.Destination); d != nil && d.Fallback && row.State != uidl.Owed {
			m.diverted = true
		}
		st.None = st.None && row.State == uidl.Owed
		d := p.Place(row.Destination)
		if d != nil && row.State == uidl.Owed {
			st.Owing |= d.Bit()
		}
		switch {
		case d == nil:
		case row.State == uidl.Owed && !p.Health.Waits(row.NextTry):
			st.Owed = append(st.Owed, row)
		default:
			st.Busy |= d.Bit()
			if row.State == uidl.Owed {
				st.Late = append(st.Late, row)
			}
		}
	}
	return nil
}

// DropMoot ends deliveries for which no copy is left, to destinations that the message need not come to any more: they were
// added after it was retrieved, it was staged there since no place had it, and by now another one has. Policy keeps it
// on the server until a person says what is to become of it.
func (p *Settler) DropMoot(c *uidl.Change, moot map[uidl.Key]uidl.Places) {
	for key, places := range moot {
		st := p.Pending[key]
		for _, row := range slices.Concat(st.Owed, st.Late) {
			if d := p.Place(row.Destination); d != nil && places.Has(d.Bit()) {
				p.SettleRow(c, row, uidl.Dropped)
				p.Log.Warn("not fetched again", zap.String("uid", words.Quote(key.UID)), zap.String("destination", row.Destination),
					zap.String("reason", "it was added later, and another destination has the message"))
			}
		}
	}
}
