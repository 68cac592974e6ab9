package fetcher

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// countOpen reports what is open when the pass ends, as the ledger has it: for every kind of destination alike. A message
// counts once, by the worst of its deliveries.
func (p *pass) countOpen(ctx context.Context) {
	if p.hasListed.Load() {
		p.Health.Parked = p.rep.Parked
	} else {
		p.rep.Parked = p.Health.Parked
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
			p.parkedWhy("stuck on the way to " + row.Destination + ": " + row.Reason)
			p.sendAt(time.Unix(row.NextTry, 0))
		case row.PutOff():
			putOff[row.Key] = true
			if p.putOff == "" {
				p.putOff = fmt.Sprintf("for %s: %s", row.Destination, row.Reason)
			}
			p.sendAt(time.Unix(row.NextTry, 0))
		}
		if d != nil && d.Down != nil && d.Down.NextTry != 0 {
			p.sendAt(time.Unix(d.Down.NextTry, 0))
		}
	}
	for key := range parked {
		delete(putOff, key)
	}
	p.Committing.Lock()
	n := len(p.Open)
	p.Committing.Unlock()
	p.count(func(r *Report) {
		r.Counted = true
		r.Parked += len(parked)
		r.PutOff = len(putOff)
		if len(p.Outboxes()) > 0 {
			r.Pending = n
		}
	})
}

// parkedWhy notes why a message is parked, of the first.
func (p *pass) parkedWhy(text string) {
	p.count(func(r *Report) { r.ParkedWhy = cmp.Or(r.ParkedWhy, words.Clip(text)) })
}

// sendAt notes a time at which something may be delivered that is here already. One that has come is the next pass's affair:
// what is due then was tried in this one.
func (p *pass) sendAt(t time.Time) {
	if at, ok := health.Ahead(t.Unix(), p.now()); ok && (p.rep.NextSend.IsZero() || at.Before(p.rep.NextSend)) {
		p.rep.NextSend = at
	}
}

// openVerdict is what open deliveries mean, where nothing worse befell the pass.
func (p *pass) openVerdict() verdict.Verdict {
	r := &p.rep
	v := verdict.Verdict{Class: verdict.Temporary}
	if r.NewlyParked+r.Parked+r.PutOff > 0 || r.Failed > p.rowless { // else the list has nothing of it
		v.Hint = "see them with: popsync parked " + p.a.Name
	}
	switch {
	case r.NewlyParked > 0:
		v.Message = fmt.Sprintf("%s newly parked: nothing is lost, and %s tried again later", words.Number(r.NewlyParked, "message"), words.Plural(r.NewlyParked, "it is", "each is"))
	case r.Failed > 0:
		why := ""
		if p.failure != "" { // no list has it
			why = " (" + p.failure + ")"
		}
		v.Message = words.Clip(fmt.Sprintf("%s failed%s: nothing is lost, and %s tried again", words.Number(r.Failed, "message"), why, words.Plural(r.Failed, "it is", "each is")))
	case r.PutOff > 0:
		v.Message = words.Clip(fmt.Sprintf("%s put off %s", words.Number(r.PutOff, "message"), p.putOff))
	default:
		return verdict.Verdict{Class: verdict.OK}
	}
	return v
}
