package gmail

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Units of Gmail's quota that requests cost. Projects that were made since May 2026 have 6,000 for a user and minute.
const (
	importUnits = 25
	listUnits   = 1
	createUnits = 5
	statusUnits = 1 // not documented

	// pace is what is used of these in a minute. With the burst it stays below the quota in every minute that Gmail may count, also if requests
	// overtake each other by most of a second.
	pace  = 5820
	burst = 100 // units that may go at once after a rest
)

const (
	firstRest = time.Second
	mostRest  = 64 * time.Second
	slowest   = 0.25 // of the pace
)

// Pacers keeps requests below the quota that Gmail has for each mailbox: about 230 messages a minute. The zero value is ready. It is safe for
// concurrent use.
type Pacers struct {
	Minute time.Duration // that the quota is for; 0: a minute. Tests have a shorter one

	mu  sync.Mutex
	all map[string]*pacer
}

// of is the pacer of a mailbox.
func (p *Pacers) of(mailbox string) *pacer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[string]*pacer{}
	}
	one := p.all[mailbox]
	if one == nil {
		one = &pacer{minute: p.Minute, share: 1}
		orDefault(&one.minute, time.Minute)
		p.all[mailbox] = one
	}
	return one
}

// pacer spreads requests evenly. After a refusal all of them rest. Where refusals come again and again between requests that are taken, as where
// other programs use the quota too, they become slower, and come back bit by bit.
type pacer struct {
	minute time.Duration

	mu    sync.Mutex
	next  time.Time // when the next request may begin
	until time.Time // no request begins before: Gmail has asked for patience
	rests int       // how often it has
	last  time.Time // when it did
	row   int       // refusals in a row
	taken bool      // a request was taken since the last refusal
	share float64   // of the pace that is used
	grown time.Time // when share became larger
}

// wait waits until so many units may be used.
func (p *pacer) wait(ctx context.Context, units int) error {
	for {
		p.mu.Lock()
		now := time.Now()
		for _, least := range []time.Time{now.Add(-p.cost(burst - units)), p.until} {
			if p.next.Before(least) {
				p.next = least
			}
		}
		at, rests := p.next, p.rests
		p.next = at.Add(p.cost(units))
		p.mu.Unlock()
		if err := sleep(ctx, at.Sub(now)); err != nil {
			return err
		}
		p.mu.Lock()
		same := p.rests == rests
		p.mu.Unlock()
		if same {
			return nil
		}
	}
}

// cost is how long units take.
func (p *pacer) cost(units int) time.Duration {
	return time.Duration(float64(p.minute) * float64(units) / (pace * p.share))
}

// refused notes that a request, which began at a time, was one too many; wait is what Gmail asked for, 0: nothing. It gives how long all
// of them rest.
func (p *pacer) refused(began time.Time, wait time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !began.Before(p.last) { // else it belongs to the refusal before
		if p.row++; p.taken {
			if p.row = 1; now.Sub(p.last) < 2*p.minute {
				p.share = max(slowest, p.share*0.8)
			}
		}
		p.taken, p.last = false, now
	}
	rest := wait
	if rest <= 0 {
		rest = min(firstRest<<min(p.row-1, 10), mostRest)
		rest += time.Duration(rand.Int64N(int64(rest)/4 + 1))
	}
	if until := now.Add(rest); until.After(p.until) {
		p.until = until
		p.rests++
	}
	return p.until.Sub(now)
}

// good notes that a request was taken: each minute without a refusal it is faster again.
func (p *pacer) good() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken = true
	if now := time.Now(); p.share < 1 && now.Sub(p.last) >= p.minute && now.Sub(p.grown) >= p.minute {
		p.share, p.grown = min(1, p.share+0.05), now
	}
}

// sleep waits, or ends with the context.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
