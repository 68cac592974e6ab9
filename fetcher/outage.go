package fetcher

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// relayRefusals is how many refused logins a destination may see before the next waits an hour at least.
const (
	relayRefusals = 3
	relayWait     = time.Hour
)

// A run from a timer tries a destination each time, but one that refused messages in so many runs in a row hourly only: each try
// sends a message in vain.
const (
	refusedRuns = 3
	refusedWait = time.Hour
)

// limitWait is how long a destination rests that took some messages and refused more.
const limitWait = time.Minute

// outage is what the ledger remembers of a remote destination that is down. Times are Unix seconds.
type outage struct {
	Since    int64           `json:"since"`
	Failures int             `json:"failures"`          // passes in a row that could not send to it
	Refused  int             `json:"refused,omitempty"` // and those of them in which it refused our login
	NextTry  int64           `json:"next_try,omitempty"`
	Setting  string          `json:"setting,omitempty"`
	Verdict  verdict.Verdict `json:"verdict"`           // of the last failure
	Refuses  bool            `json:"refuses,omitempty"` // connection and login went well: it refused messages
}

// refuses tells of an outage that single messages may end, if the destination is still reached in the same way.
func (o *outage) refuses(setting string) bool { return o != nil && o.Refuses && o.Setting == setting }

// refusesError is of a destination that refused messages; what it wraps is a deliver.Error.
type refusesError struct{ error }

func (e *refusesError) Unwrap() error { return e.error }

// told adds to a verdict since when the destination is down and when it is tried next.
func (o *outage) told(v verdict.Verdict) verdict.Verdict {
	if o.Failures > 1 {
		v.Message += "; down since " + words.Stamp(o.Since)
	}
	if o.NextTry != 0 {
		v.Message += "; tried next at " + words.Stamp(o.NextTry)
	}
	v.Message = words.Clip(v.Message)
	return v
}

// downError stands for a destination that is left in peace in this pass. What is staged for it waits, and so does what
// comes.
type downError struct{ *outage }

func (e *downError) Error() string { return e.Verdict.Message }

func (e *downError) Judge(verdict.Verdict) verdict.Verdict { return e.Verdict }

// spare leaves destinations in peace that were down and are not due to be tried, unless a person asked.
func (p *pass) spare() {
	if p.o.DryRun {
		return
	}
	for _, d := range p.dests {
		o := p.facts.Down[d.Name]
		if o == nil || !d.isRemote() {
			continue
		}
		if o.Setting != d.Setting {
			delete(p.facts.Down, d.Name) // it is another place, or reached in another way
			continue
		}
		if _, ok := ahead(o.NextTry, p.now()); ok && !p.o.Asked {
			d.down = o
			d.failPublishing(&downError{o})
		}
	}
}

// weighDestinations remembers which destinations are down, once nothing is on its way any more.
func (p *pass) weighDestinations(ctx context.Context) {
	if p.o.DryRun {
		return
	}
	down, taken := map[string]*outage{}, map[string]took{}
	for _, d := range p.dests {
		if d.out == nil {
			continue
		}
		if err := d.out.unanswered(ctx); err != nil {
			p.log.Warn("refusals not noted", zap.String("destination", d.Name), zap.String("error", words.Clip(err.Error())))
		}
		if t := p.facts.Took[d.Name]; t.Setting == d.Setting && t.At != 0 {
			taken[d.Name] = t
		}
		if at := d.out.took; !at.IsZero() {
			taken[d.Name] = took{at.Unix(), d.Setting}
		}
		was, err := p.facts.Down[d.Name], d.publishFailure()
		var spared *downError
		switch {
		case errors.As(err, &spared), err == nil && was != nil && !p.up(ctx, d):
			d.down = was
		case err == nil:
			d.down = nil
		default:
			d.down = p.failedAgain(was, d, err)
		}
		if d.down != nil {
			down[d.Name] = d.down
		}
	}
	p.facts.Down, p.facts.Took = down, taken
	p.noteWithout()
}

// failedAgain is an outage after one more failure.
func (p *pass) failedAgain(was *outage, d *destination, err error) *outage {
	now := p.now()
	var refuses *refusesError
	o := outage{Since: now.Unix(), Setting: d.Setting, Refuses: errors.As(err, &refuses)}
	took := !d.out.took.IsZero()
	if was != nil && was.Since <= o.Since && !took {
		o.Since, o.Failures, o.Refused = was.Since, was.Failures, was.Refused
	}
	o.Failures++
	o.Verdict = verdict.Of(err)
	var wait time.Duration
	switch {
	case p.o.Backoff == nil && o.Refuses && o.Failures > refusedRuns:
		wait = refusedWait
	case p.o.Backoff == nil:
	case took && o.Refuses: // limits are often for each minute
		wait = limitWait + rand.N(limitWait/16)
	default:
		wait = p.o.Backoff(o.Failures)
	}
	if verdict.RefusedByRelay(err) {
		if o.Refused++; o.Refused >= relayRefusals {
			wait = max(wait, relayWait)
		}
	}
	if wait > 0 {
		o.NextTry = ceil(now.Add(wait))
	}
	return &o
}

// up tells whether a destination that was down is so no more: it took something, or nothing waits for it.
func (p *pass) up(ctx context.Context, d *destination) bool {
	d.out.mu.Lock()
	took := d.out.accepts > 1
	d.out.mu.Unlock()
	if took || ctx.Err() != nil {
		return took
	}
	open, err := p.l.Pending(ctx)
	return err == nil && !slices.ContainsFunc(open, func(row uidl.Delivery) bool { return row.Destination == d.Name })
}
