package settle

import (
	"context"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
)

// Drain waits until all outboxes are idle, at most for the given time; keep is called now and then meanwhile. idle is
// false when the time was over first.
func (p *Settler) Drain(most time.Duration, keep func()) (idle bool, err error) {
	end := time.NewTimer(max(most, 0))
	defer end.Stop()
	alive := time.NewTicker(KeepAlive)
	defer alive.Stop()
	for _, d := range p.Outboxes() {
		for {
			idle, changed, err := d.out.idle()
			if err != nil {
				return true, err
			}
			if idle {
				break
			}
			select {
			case <-changed:
			case <-alive.C:
				keep()
			case <-end.C:
				return false, nil
			}
		}
	}
	return true, nil
}

// OpenOutboxes gives every remote destination its outbox.
func (p *Settler) OpenOutboxes(stop, late context.Context) {
	if p.DryRun {
		return
	}
	for _, d := range p.Places {
		if d.IsRemote() {
			d.out = newOutbox(stop, late, p, d)
		}
	}
}

// CloseOutboxes lets what is staged be sent, unless the pass was cancelled or must stop, and waits until nothing is on
// its way: a message that is being sent is never abandoned by us, only its time is bounded.
func (p *Settler) CloseOutboxes(ctx context.Context, halt func(), err error) error {
	if ctx.Err() == nil && !verdict.Final(err) {
		if _, derr := p.Drain(p.SessionTime, func() {}); err == nil {
			err = derr
		}
	}
	halt()
	for _, d := range p.Outboxes() {
		if derr := d.out.rest(); derr != nil && (err == nil || verdict.Final(derr) && !verdict.Final(err)) {
			err = derr
		}
	}
	p.Committing.Lock()
	defer p.Committing.Unlock()
	if !verdict.Final(p.Doubt) {
		p.Doubt = nil // nothing was applied; how the pass went may still be written down
	}
	return err
}

// Outboxes are the remote destinations; the fallback comes last, since the others may give it something to send.
func (p *Settler) Outboxes() []*Place {
	var all []*Place
	for _, last := range []bool{false, true} {
		for _, d := range p.Places {
			if d.out != nil && d.Fallback == last {
				all = append(all, d)
			}
		}
	}
	return all
}
