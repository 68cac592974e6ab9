package settle

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// refusesError is of a destination that refused messages; what it wraps is a deliver.Error.
type refusesError struct{ error }

func (e *refusesError) Unwrap() error { return e.error }

// outages weighs which destinations are down, and since when.
type outages struct{ p *Settler }

// Spare leaves destinations in peace that were down and are not due to be tried, unless a person asked.
func (p *Settler) Spare() {
	if p.DryRun {
		return
	}
	recall(p)
	for _, d := range p.Places {
		o := p.Health.Down[d.Name]
		if o == nil || !d.IsRemote() {
			continue
		}
		if o.Setting != d.Setting {
			delete(p.Health.Down, d.Name) // it is another place, or reached in another way
			continue
		}
		if _, ok := health.Ahead(o.NextTry, p.now()); ok && !p.Asked {
			d.Down = o
			d.failPublishing(&health.DownError{DownRecord: o})
		}
	}
}

// WeighDestinations remembers which destinations are down, once nothing is on its way any more.
func (p *Settler) WeighDestinations(ctx context.Context) {
	if p.DryRun {
		return
	}
	x := outages{p}
	down, taken := map[string]*health.DownRecord{}, map[string]health.Took{}
	for _, d := range p.Places {
		if d.out == nil {
			continue
		}
		if err := d.out.unanswered(ctx); err != nil {
			p.Log.Warn("refusals not noted", zap.String("destination", d.Name), zap.String("error", words.Clip(err.Error())))
		}
		if t := p.Health.Took[d.Name]; t.Setting == d.Setting && t.At != 0 {
			taken[d.Name] = t
		}
		if at := d.out.took; !at.IsZero() {
			taken[d.Name] = health.Took{At: at.Unix(), Setting: d.Setting}
		}
		was, err := p.Health.Down[d.Name], d.PublishFailure()
		var spared *health.DownError
		switch {
		case errors.As(err, &spared), err == nil && was != nil && !x.up(ctx, d):
			d.Down = was
		case err == nil:
			d.Down = nil
		default:
			d.Down = x.failedAgain(was, d, err)
		}
		if d.Down != nil {
			down[d.Name] = d.Down
		}
	}
	p.Health.Down, p.Health.Took = down, taken
	x.noteWithout()
	noteLearned(p)
}

// failedAgain is an outage after one more failure.
func (x outages) failedAgain(was *health.DownRecord, d *Place, err error) *health.DownRecord {
	now := x.p.now()
	var refuses *refusesError
	o := health.DownRecord{Since: now.Unix(), Setting: d.Setting, Refuses: errors.As(err, &refuses)}
	took := !d.out.took.IsZero()
	if was != nil && was.Since <= o.Since && !took {
		o.Since, o.Failures, o.Refused = was.Since, was.Failures, was.Refused
	}
	o.Failures++
	o.Verdict = verdict.Of(err)
	var wait time.Duration
	switch {
	case x.p.Backoff == nil && o.Refuses && o.Failures > health.RefusedRuns:
		wait = health.RefusedWait
	case x.p.Backoff == nil:
	case took && o.Refuses: // limits are often for each minute
		wait = health.LimitWait + rand.N(health.LimitWait/16)
	default:
		wait = x.p.Backoff(o.Failures)
	}
	var e *deliver.Error
	if errors.As(err, &e) {
		wait = max(wait, min(e.Wait, maxAsked))
	}
	if verdict.RefusedByRelay(err) {
		if o.Refused++; o.Refused >= health.RelayRefusals {
			wait = max(wait, health.RelayWait)
		}
	}
	if wait > 0 {
		o.NextTry = health.Ceil(now.Add(wait))
	}
	return &o
}

// maxAsked is the longest wait that a destination is granted which asks for one.
const maxAsked = 24 * time.Hour

// up tells whether a destination that was down is so no more: it took something, or nothing waits for it.
func (x outages) up(ctx context.Context, d *Place) bool {
	d.out.mu.Lock()
	took := d.out.accepts > 1
	d.out.mu.Unlock()
	if took || ctx.Err() != nil {
		return took
	}
	open, err := x.p.L.Pending(ctx)
	return err == nil && !slices.ContainsFunc(open, func(row uidl.Delivery) bool { return row.Destination == d.Name })
}
