package fetcher

import (
	"context"
	"fmt"
	"time"

	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/uidl"
)

// countOpen reports what is open when the pass ends, as the ledger has it: for every kind of destination alike. A message
// counts once, by the worst of its deliveries.
func (p *pass) countOpen(ctx context.Context) {
	if p.hasListed.Load() {
		p.Health.Parked = p.rec.Rep.Parked
	} else {
		p.rec.Rep.Parked = p.Health.Parked
	}
	rows, err := p.L.Pending(context.WithoutCancel(ctx))
	if err != nil {
		return // whoever closes the pass meets it as well
	}
	parked, putOff := map[uidl.Key]bool{}, map[uidl.Key]bool{}
	for _, row := range rows {
		d := p.Place(row.Destination)
		switch {
		case d == nil: // it is configured no more, which status tells
		case row.Parked():
			parked[row.Key] = true
			p.rec.ParkedWhy("stuck on the way to " + row.Destination + ": " + row.Reason)
			p.rec.SendAt(time.Unix(row.NextTry, 0))
		case row.PutOff():
			putOff[row.Key] = true
			p.rec.IsPutOff(fmt.Sprintf("for %s: %s", row.Destination, row.Reason))
			p.rec.SendAt(time.Unix(row.NextTry, 0))
		}
		if d != nil && d.Down != nil && d.Down.NextTry != 0 {
			p.rec.SendAt(time.Unix(d.Down.NextTry, 0))
		}
	}
	for key := range parked {
		delete(putOff, key)
	}
	p.Committing.Lock()
	n := len(p.Open)
	p.Committing.Unlock()
	p.rec.Count(func(r *report.Report) {
		r.Counted = true
		r.Parked += len(parked)
		r.PutOff = len(putOff)
		if len(p.Outboxes()) > 0 {
			r.Pending = n
		}
	})
}
