package fetcher

import (
	"cmp"
	"context"
	"slices"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// ending is how a session ended.
type ending struct {
	sent      bool  // QUIT was sent, and nothing went wrong before
	confirmed bool  // it was answered with +OK
	marked    bool  // something was to be deleted
	blocked   error // why nothing more is to be done in this pass, as it was before
}

// quitDeleting deletes what this session delivered, if the policy says so, and ends it. QUIT makes deletions count (RFC 1939,
// section 6), so what it may delete is committed before, and DELE and QUIT leave together. What QUIT answers is only a
// hint, the next listing tells. Where the server hides what was retrieved, it is sent only if all of that is settled. blocked is
// asked why nothing more is to be done in this pass.
func (d *Deleter) quitDeleting(ctx context.Context, blocked func() error) (end ending, err error) {
	end.blocked = blocked()
	due := d.toDelete()
	abandon := d.desk.Account.RetrHides && d.desk.haul.unsafe(d.on.fetched)
	if abandon {
		d.desk.rec.Count(func(r *report.Report) { r.Kept += len(due) })
		due = nil
	}
	d.marks = slices.Grow(d.marks, len(due))
	for _, e := range due {
		d.marks = append(d.marks, uidl.Mark{Key: e.Key, State: uidl.DeleteSent})
	}
	end.marked = len(d.marks) > 0
	if end.marked {
		if err := d.desk.Settler.Commit(ctx, uidl.Change{Mark: d.marks}); err != nil {
			return end, err
		}
	}
	if abandon {
		d.desk.rec.Reason("session abandoned: the server would hide mail that is not delivered yet")
		return end, end.blocked
	}
	if err := d.desk.Settler.LeaseLost(); err != nil {
		return end, err
	}
	unconfirmed, err := d.on.c.DeleteQuit(ctx, numbers(due), d.deletion(due, func(e plan.Entry, accepted bool) {
		if !accepted {
			d.desk.Settler.Later(func(c *uidl.Change) { c.Mark = append(c.Mark, uidl.Mark{Key: e.Key, State: uidl.Delivered}) })
		}
	}))
	d.on.steps.Stumbled(ctx, "DELE", err)
	// It closed behind the last DELE: one that it refused, or did not carry out the last time either.
	if err == nil && d.on.steps.Behind != nil && (d.on.steps.Behind.Err != nil || d.on.redone) && unconfirmed != nil && verdict.Disconnected(unconfirmed) {
		d.on.steps.ClosedAfter(ctx, unconfirmed)
		return end, d.on.pipelined(unconfirmed)
	}
	if err == nil {
		if unconfirmed == nil {
			d.desk.haul.gain(len(d.told))
		}
		d.unconfirmed(unconfirmed, len(d.told))
		d.told, d.claimed = nil, 0
	}
	if err != nil && len(due) > 0 {
		// After a destination failed, the rest of the session may be past saving; the first fault is what counts.
		return end, cmp.Or(blocked(), d.on.pipelined(err))
	}
	end.sent, end.confirmed = true, cmp.Or(unconfirmed, err) == nil
	if !end.confirmed && end.marked {
		d.desk.rec.Reason("server did not confirm the deletions")
	}
	return end, nil
}
