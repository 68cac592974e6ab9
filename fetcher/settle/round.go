package settle

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// published is one copy that was published, and what came of it.
type published struct {
	d      *Place
	row    uidl.Delivery // as the ledger has it: 'publishing'
	m      *Received     // nil: retrieved by an earlier pass
	early  bool          // left by an earlier pass, and published before the first session
	staged bool          // with early: it was only 'staged', so nothing has moved it: if it is gone, somebody took it
	err    error         // what Publish said

	next    outcome
	settled bool // here
	done    bool // everywhere
	waived  bool // or its destination goes without it
	ended   bool // the ledger does not hold its bytes any more
}

// round publishes copies that the ledger has as 'publishing', judges what came of each, commits that, and only then lets go
// of bytes that the ledger does not hold any more. Whoever publishes, in whatever part of a pass, does it by a round.
type round struct{ p *Settler }

// publishRows publishes copies of one destination, in their order, as long as the pass has its lease.
func (u round) publishRows(ctx context.Context, d *Place, all []published) error {
	if err := u.p.LeaseLost(); err != nil {
		return err
	}
	tickets := make([]deliver.Ticket, len(all))
	for i := range all {
		tickets[i] = deliver.Ticket(all[i].row.Ticket)
	}
	for i, err := range publishAll(ctx, d, tickets) {
		all[i].err = err
	}
	return nil
}

// publishAll guards against a Target that answers for fewer tickets than it was given.
func publishAll(ctx context.Context, d *Place, tickets []deliver.Ticket) []error {
	errs := d.Target.Publish(ctx, tickets)
	for len(errs) < len(tickets) {
		errs = append(errs, &deliver.Error{Op: "publish", Scope: deliver.WholeTarget,
			Err: fmt.Errorf("destination %s answered for %d of %d messages", d.Name, len(errs), len(tickets))})
	}
	return errs
}

// concludeRound commits what came of copies that were published, together with what also adds to the change: nil for nothing.
func (u round) concludeRound(ctx context.Context, all []published, also func(*uidl.Change)) error {
	err := u.p.Change(ctx, func(c *uidl.Change) {
		c.Settle = slices.Grow(c.Settle, len(all))
		for i := range all {
			u.enterPublished(c, &all[i])
		}
		if also != nil {
			also(c)
		}
	})
	if err != nil {
		return err
	}
	discardEnded(all)
	for i := range all {
		switch it := &all[i]; {
		case it.settled && it.early:
			u.p.Obs.Recovered(it.row, it.done, false)
		case it.settled:
			u.p.completed(it.row, it.m, it.done)
		}
	}
	return nil
}

// enterPublished enters what came of one copy. p.committing is held.
func (u round) enterPublished(c *uidl.Change, it *published) {
	if it.staged && errors.Is(it.err, deliver.ErrInferred) {
		it.err = fmt.Errorf("%w (%w)", deliver.ErrUnknown, errRemoved)
	}
	d, remote := it.d, it.d.IsRemote()
	it.next = judge(it.row, it.err, remote, u.p.now())
	switch {
	case it.next.settled:
		if d.out != nil {
			d.out.blame(c)
		}
		it.settled, it.ended = true, remote                     // a Maildir has moved it
		if why := errors.Unwrap(it.err); remote && why != nil { // without the copy's name
			text := words.Clip(why.Error())
			u.p.Log.Warn("unsure", zap.String("uid", words.Quote(it.row.UID)), zap.String("destination", d.Name), zap.String("reason", text))
			u.p.Obs.Mention(fmt.Sprintf("destination %s is unsure of a message, which stays on the server: %s", d.Name, text))
		}
		it.done = u.p.SettleRow(c, it.row, it.next.as)
		return
	case errors.Is(it.err, deliver.ErrUnknown):
		u.p.Obs.Refetched()
	}
	it.ended = it.next.discard
	if d.out == nil {
		if it.next.target != nil {
			d.failPublishing(it.next.target)
		}
		u.p.Obs.Reason(it.err.Error())
		c.Stage = append(c.Stage, it.next.row)
		return
	}
	if errors.Is(it.err, deliver.ErrUntried) { // nothing happened to it
		c.Stage = append(c.Stage, it.next.row)
		return
	}
	// Its outbox has noted already what that says of the whole destination.
	if d.out.waives(it.err, it.next.row) {
		standIn{d.out}.goesWithout(it.row, it.err)
		it.done, it.waived, it.ended = u.p.SettleRow(c, it.row, uidl.Waive), true, true
		return
	}
	u.refusedDelivery(it.row, it.next.row, it.err)
	c.Stage = append(c.Stage, it.next.row)
}

// discardEnded removes staged bytes that no row names any more. What cannot be removed is swept by a later pass.
func discardEnded(all []published) {
	for i := 0; i < len(all); {
		d := all[i].d
		var tickets []deliver.Ticket
		for ; i < len(all) && all[i].d == d; i++ {
			if all[i].ended {
				tickets = append(tickets, deliver.Ticket(all[i].row.Ticket))
			}
		}
		if len(tickets) > 0 {
			_ = d.Target.Discard(tickets)
		}
	}
}

// errRemoved: a copy that was staged, and never published, is gone. Whoever emptied the staging place took it.
var errRemoved = errors.New("somebody removed what was staged")
