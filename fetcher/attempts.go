package fetcher

import (
	"context"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// charge enters one failed attempt of a message, known to the ledger (row.State set) or not. A permanent failure parks
// it at once.
func (d *Desk) charge(c *uidl.Change, row uidl.Row, reason string, permanent bool) {
	d.enterAttempt(c, row, reason, permanent, 1)
}

// enterAttempt is charge; failed is how many messages of this pass that makes.
func (d *Desk) enterAttempt(c *uidl.Change, row uidl.Row, reason string, permanent bool, failed int) {
	now := d.now()
	before := row.Attempts
	attempts := before + 1
	if permanent {
		attempts = max(attempts, health.MaxAttempts)
	}
	state := uidl.Wanted
	var next int64
	if attempts >= health.MaxAttempts {
		state, next = uidl.Parked, now.Add(health.RetryAfter(attempts)).Unix()
	}
	reason = words.Clip(reason)
	if row.State == 0 {
		row.FirstSeen, row.Facts = d.stamp(), uidl.Facts{}
		row.State, row.Attempts, row.NextTry = state, attempts, next
		c.Put = append(c.Put, uidl.Message{Row: row, Reason: reason})
	} else {
		c.Mark = append(c.Mark, uidl.Mark{Key: row.Key, State: state, Size: row.Size, Attempts: attempts, NextTry: next,
			Reason: reason})
	}
	d.rec.Count(func(r *report.Report) {
		r.Failed += failed
		if state == uidl.Parked {
			r.Parked++
			if before < health.MaxAttempts {
				r.NewlyParked++
			}
		}
	})
	if state == uidl.Parked {
		d.rec.ParkedWhy("not given by the server: " + reason)
	}
	d.rec.Reason(reason)
	d.logFailed(row.Key, reason, state == uidl.Parked)
}

// chargeInterrupted charges the message that an earlier process was reading when it died.
func (p *pass) chargeInterrupted(ctx context.Context) error {
	key, ok := p.desk.Settler.L.Interrupted()
	if !ok {
		return nil
	}
	if err := p.chargeReading(ctx, key); err != nil {
		return err
	}
	return p.desk.Settler.L.Reading(uidl.Key{})
}

// chargeReading charges a message that may be on its way to a remote destination at this moment: what is found of it
// stays so until it is charged.
func (p *pass) chargeReading(ctx context.Context, key uidl.Key) error {
	p.desk.Settler.Committing.Lock()
	defer p.desk.Settler.Committing.Unlock()
	row := uidl.Row{Key: key}
	found, err := p.desk.Settler.L.Find(ctx, []uidl.Key{key})
	if err != nil {
		return err
	}
	if len(found) == 1 {
		row = found[0].Row
	}
	open := p.desk.Settler.Pending[key]
	read := p.desk.Settler.Open[key] != nil && (open == nil || len(open.Owed) == 0)
	if row.State == uidl.Delivered || row.State == uidl.DeleteSent || read {
		return nil // it was read whole before; at most it was read again to recognise it
	}
	if p.desk.Settler.Doubt != nil {
		return p.desk.Settler.Doubt
	}
	c := uidl.Change{At: p.desk.now().Unix()}
	p.desk.enterAttempt(&c, row, "popsync ended while it was being read", false, 0)
	return p.desk.Settler.Apply(ctx, c)
}
