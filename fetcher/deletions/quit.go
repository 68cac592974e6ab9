package deletions

import (
	"cmp"
	"context"
	"slices"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// Ending is how a session ended.
type Ending struct {
	Sent      bool  // QUIT was sent, and nothing went wrong before
	Confirmed bool  // it was answered with +OK
	Marked    bool  // something was to be deleted
	Blocked   error // why nothing more is to be done in this pass, as it was before
}

// Quit deletes what this session delivered, if the policy says so, and ends it. QUIT makes deletions count (RFC 1939,
// section 6), so what it may delete is committed before, and DELE and QUIT leave together. What QUIT answers is only a
// hint, the next listing tells. Where the server hides what was retrieved, it is sent only if all of that is settled. blocked is
// asked why nothing more is to be done in this pass.
func (d *Deleter) Quit(ctx context.Context, blocked func() error) (end Ending, err error) {
	end.Blocked = blocked()
	due := d.toDelete()
	abandon := d.Desk.Account.RetrHides && d.Desk.Haul.Unsafe(d.On.Fetched)
	if abandon {
		d.Desk.Rec.Count(func(r *report.Report) { r.Kept += len(due) })
		due = nil
	}
	d.marks = slices.Grow(d.marks, len(due))
	for _, e := range due {
		d.marks = append(d.marks, uidl.Mark{Key: e.Key, State: uidl.DeleteSent})
	}
	end.Marked = len(d.marks) > 0
	if end.Marked {
		if err := d.Desk.Settler.Commit(ctx, uidl.Change{Mark: d.marks}); err != nil {
			return end, err
		}
	}
	if abandon {
		d.Desk.Rec.Reason("session abandoned: the server would hide mail that is not delivered yet")
		return end, end.Blocked
	}
	if err := d.Desk.Settler.LeaseLost(); err != nil {
		return end, err
	}
	unconfirmed, err := d.On.C.DeleteQuit(ctx, numbers(due), d.deletion(due, func(e plan.Entry, accepted bool) {
		if !accepted {
			d.Desk.Settler.Later(func(c *uidl.Change) { c.Mark = append(c.Mark, uidl.Mark{Key: e.Key, State: uidl.Delivered}) })
		}
	}))
	d.On.Steps.Stumbled(ctx, "DELE", err)
	// It closed behind the last DELE: one that it refused, or did not carry out the last time either.
	if err == nil && d.On.Steps.Behind != nil && (d.On.Steps.Behind.Err != nil || d.On.Redone) && unconfirmed != nil && verdict.Disconnected(unconfirmed) {
		d.On.Steps.ClosedAfter(ctx, unconfirmed)
		return end, d.On.Pipelined(unconfirmed)
	}
	if err == nil {
		if unconfirmed == nil {
			d.Desk.Haul.Gain(len(d.told))
		}
		d.unconfirmed(unconfirmed, len(d.told))
		d.told, d.claimed = nil, 0
	}
	if err != nil && len(due) > 0 {
		// After a destination failed, the rest of the session may be past saving; the first fault is what counts.
		return end, cmp.Or(blocked(), d.On.Pipelined(err))
	}
	end.Sent, end.Confirmed = true, cmp.Or(unconfirmed, err) == nil
	if !end.Confirmed && end.Marked {
		d.Desk.Rec.Reason("server did not confirm the deletions")
	}
	return end, nil
}
