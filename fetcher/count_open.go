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
func (p *closing) countOpen(ctx context.Context) {
	if p.desk.HasListed.Load() {
		p.desk.Health.Parked = p.desk.Rec.Rep.Parked
	} else {
		p.desk.Rec.Rep.Parked = p.desk.Health.Parked
	}
	rows, err := p.desk.Settler.L.Pending(context.WithoutCancel(ctx))
	if err != nil {
		return // whoever closes the pass meets it as well
	}
	parked, putOff := map[uidl.Key]bool{}, map[uidl.Key]bool{}
	for _, row := range rows {
		d := p.desk.Settler.Place(row.Destination)
		switch {
		case d == nil: // it is configured no more, which status tells
		case row.Parked():
			parked[row.Key] = true
			p.desk.Rec.ParkedWhy("stuck on the way to " + row.Destination + ": " + row.Reason)
			p.desk.Rec.SendAt(time.Unix(row.NextTry, 0))
		case row.PutOff():
			putOff[row.Key] = true
			p.desk.Rec.IsPutOff(fmt.Sprintf("for %s: %s", row.Destination, row.Reason))
			p.desk.Rec.SendAt(time.Unix(row.NextTry, 0))
		}
		if d != nil && d.Down != nil && d.Down.NextTry != 0 {
			p.desk.Rec.SendAt(time.Unix(d.Down.NextTry, 0))
		}
	}
	for key := range parked {
		delete(putOff, key)
	}
	p.desk.Settler.Committing.Lock()
	n := len(p.desk.Settler.Open)
	p.desk.Settler.Committing.Unlock()
	p.desk.Rec.Count(func(r *report.Report) {
		r.Counted = true
		r.Parked += len(parked)
		r.PutOff = len(putOff)
		if len(p.desk.Settler.Outboxes()) > 0 {
			r.Pending = n
		}
	})
}
