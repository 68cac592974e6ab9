package settle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"go.uber.org/zap"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// reasonQuarantined, in a ledger row, tells that a fallback has the message in place of a destination that refused it.
const reasonQuarantined = "refused by a destination, taken by the fallback"

// fallback is the destination that takes what others refuse for good, or nil.
func (p *Settler) fallback() *Place {
	for _, d := range p.Places {
		if d.Fallback {
			return d
		}
	}
	return nil
}

// Held tells whether a message that was delivered now stays on the server: only a fallback has it, or its facts say so.
func (p *Settler) Held(k uidl.Key) bool {
	p.Committing.Lock()
	defer p.Committing.Unlock()
	return p.Quarantined[k] && !p.DeleteQuarantined || p.Withheld[k]
}

// HoldUntil is until when a message stays on the server that lacks nothing from now on, since the fallback took it in place of
// a destination (Unix seconds); 0: policy may delete it at once. See facts.QuarantineHold.
func (p *Settler) HoldUntil() int64 {
	if p.DeleteQuarantined {
		return 0
	}
	return p.now().Add(facts.QuarantineHold).Unix()
}

// Whole marks as delivered what lacks nothing of this set, though nothing that was open for it was settled.
func (p *Settler) Whole(k uidl.Key, f uidl.Facts, set *facts.Set) uidl.Mark {
	m := uidl.Mark{Key: k, State: uidl.Delivered}
	if set.StoodIn(f) {
		m.NextTry, m.Reason = p.HoldUntil(), reasonQuarantined
	}
	return m
}

// standIn settles without its destination what that refused for good: the fallback takes it, or the destination goes without it.
type standIn struct{ o *outbox }

// diversion is the part of that which the fallback has.
type diversion struct{ p *Settler }

// divert gives a message that a destination refused for good to the fallback, if there is one: staged there from the
// copy of the destination, then in one commit settled here and 'publishing' there. If the fallback cannot take it now,
// the refusal stands and the next try comes here again.
func (y standIn) divert(s *sending, result *error) error {
	f := y.o.p.fallback()
	from := y.o.place.Can().Opener
	if f == nil || f == y.o.place || from == nil || f.StageFailure() != nil || f.PublishFailure() != nil && !f.IsRemote() {
		return nil
	}
	f.single.Lock() // several lanes may have something for it
	defer f.single.Unlock()
	x := diversion{y.o.p}
	if x.stands(f, s.row.Key) {
		return y.waive(s, *result)
	}
	ticket, err := x.copyTo(y.o.late, f, from, s.row)
	if err != nil {
		if verdict.ScopeOf(err) == deliver.WholeTarget && y.o.late.Err() == nil {
			f.failPublishing(err)
		}
		// What became of a copy elsewhere is no fact about the copy here.
		*result = fmt.Errorf("%w; and the fallback could not take it: %v", *result, err)
		return nil
	}
	row := uidl.Delivery{Key: s.row.Key, Destination: f.Name, State: uidl.Publishing, Ticket: string(ticket),
		Reason: words.Clip((*result).Error())}
	if f.IsRemote() {
		row.State = uidl.Staged
	}
	err = y.o.p.Change(y.o.late, func(c *uidl.Change) {
		row.At = c.At
		c.Mark = append(c.Mark, uidl.Mark{Key: s.row.Key, State: uidl.Wanted, Reason: reasonQuarantined})
		c.Stage = append(c.Stage, row) // it takes the other's place in p.open
		c.Settle = append(c.Settle, uidl.Settled{Key: s.row.Key, Destination: y.o.place.Name, As: uidl.Waive})
		if m := y.o.p.Open[s.row.Key]; m != nil {
			m.learn(y.o.place.Bit(), uidl.Waive)
			m.quarantined, m.diverted = true, true
		}
		y.o.p.Quarantined[s.row.Key] = true
	})
	if err != nil {
		return err
	}
	y.noteQuarantined(s, *result)
	_ = y.o.place.Target.Discard([]deliver.Ticket{deliver.Ticket(s.row.Ticket)})
	s.row.Ticket = "" // nothing is left to enter here
	if f.IsRemote() {
		f.out.add(sending{row: row, m: s.m})
		return nil
	}
	return x.publishDiverted(y.o.late, f, row, s.m)
}

// stands tells whether the fallback has a message already, or has it on its way: another destination has refused it.
func (x diversion) stands(f *Place, k uidl.Key) bool {
	x.p.Committing.Lock()
	defer x.p.Committing.Unlock()
	m := x.p.Open[k]
	return m != nil && (m.diverted || m.Have&f.Bit() != 0)
}

// waive settles what a destination refused and the fallback has.
func (y standIn) waive(s *sending, why error) error {
	done := false
	if err := y.o.p.Change(y.o.late, func(c *uidl.Change) {
		if m := y.o.p.Open[s.row.Key]; m != nil {
			m.quarantined = true
		}
		y.o.p.Quarantined[s.row.Key] = true
		done = y.o.p.SettleRow(c, s.row, uidl.Waive)
	}); err != nil {
		return err
	}
	y.noteQuarantined(s, why)
	_ = y.o.place.Target.Discard([]deliver.Ticket{deliver.Ticket(s.row.Ticket)})
	s.row.Ticket = "" // nothing is left to enter here
	y.o.p.completed(s.row, s.m, done)
	return nil
}

func (y standIn) noteQuarantined(s *sending, why error) {
	y.o.p.Obs.Quarantined()
	y.o.p.Obs.Reason(why.Error())
	y.o.mu.Lock()
	y.o.diverted = append(y.o.diverted, health.Diverted{UID: words.Quote(s.row.UID), Destination: y.o.place.Name, Reason: words.Clip(why.Error()), At: y.o.p.now().Unix()})
	if len(y.o.diverted) > 100 { // the newest of them are told
		y.o.diverted = slices.Delete(y.o.diverted, 0, 50)
	}
	y.o.mu.Unlock()
	y.o.p.Log.Warn("quarantined", zap.String("uid", words.Quote(s.row.UID)), zap.String("destination", y.o.place.Name), zap.String("reason", words.Clip(why.Error())))
}

// copyTo stages and prepares at f what a delivery row of another destination names.
func (x diversion) copyTo(ctx context.Context, f *Place, from deliver.Opener, row uidl.Delivery) (deliver.Ticket, error) {
	body, err := from.Open(deliver.Ticket(row.Ticket))
	if err != nil {
		return "", err
	}
	defer body.Close()
	st, err := f.Target.Create(ctx, deliver.Message{Account: x.p.Account, Token: x.p.L.Info().Token, UID: row.UID, Dup: row.Dup})
	if err != nil {
		return "", err
	}
	defer st.Abort()
	if _, err := io.Copy(st, body); err != nil {
		return "", err
	}
	ticket, err := st.Ticket()
	if err != nil {
		return "", err
	}
	if err := f.Target.Prepare(ctx, []deliver.Ticket{ticket}); err != nil {
		// No commit was attempted: the ledger does not hold these bytes.
		return "", errors.Join(err, f.Target.Discard([]deliver.Ticket{ticket}))
	}
	return ticket, nil
}

// publishDiverted publishes at the fallback what it has staged.
func (x diversion) publishDiverted(ctx context.Context, f *Place, row uidl.Delivery, m *Received) error {
	one := []published{{d: f, row: row, m: m}}
	if err := round(x).publishRows(ctx, f, one); err != nil {
		return err
	}
	return round(x).concludeRound(ctx, one, func(*uidl.Change) {
		if open := x.p.Open[row.Key]; open != nil && !one[0].settled {
			open.diverted = one[0].next.row.State != uidl.Owed
		}
	})
}
