package desk

import (
	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// Charge enters one failed attempt of a message, known to the ledger (row.State set) or not. A permanent failure parks
// it at once.
func (d *Desk) Charge(c *uidl.Change, row uidl.Row, reason string, permanent bool) {
	d.EnterAttempt(c, row, reason, permanent, 1)
}

// EnterAttempt is Charge; failed is how many messages of this pass that makes.
func (d *Desk) EnterAttempt(c *uidl.Change, row uidl.Row, reason string, permanent bool, failed int) {
	now := d.Now()
	before := row.Attempts
	attempts := before + 1
	if permanent {
		attempts = max(attempts, health.MaxAttempts)
	}
	state := uidl.Wanted
	var next int64
	if attempts >= health.MaxAttempts {
		state, next = uidl.Parked, now.Add(health.RetryAfter(attempts)).Unix()
	}
	reason = words.Clip(reason)
	if row.State == 0 {
		row.FirstSeen, row.Facts = d.Stamp(), uidl.Facts{}
		row.State, row.Attempts, row.NextTry = state, attempts, next
		c.Put = append(c.Put, uidl.Message{Row: row, Reason: reason})
	} else {
		c.Mark = append(c.Mark, uidl.Mark{Key: row.Key, State: state, Size: row.Size, Attempts: attempts, NextTry: next,
			Reason: reason})
	}
	d.Rec.Count(func(r *report.Report) {
		r.Failed += failed
		if state == uidl.Parked {
			r.Parked++
			if before < health.MaxAttempts {
				r.NewlyParked++
			}
		}
	})
	if state == uidl.Parked {
		d.Rec.ParkedWhy("not given by the server: " + reason)
	}
	d.Rec.Reason(reason)
	d.LogFailed(row.Key, reason, state == uidl.Parked)
}

// LogFailed is the line of a failed attempt.
func (d *Desk) LogFailed(k uidl.Key, reason string, parked bool) {
	text := "attempt failed"
	if parked {
		text = "parked"
	}
	d.Log.Warn(text, zap.String("uid", words.Quote(k.UID)), zap.String("reason", reason))
}

// NoteSkipped writes down a message that policy leaves on the server, once; next is when to look again, if not always.
func (d *Desk) NoteSkipped(c *uidl.Change, f plan.FetchStep, next int64) {
	switch {
	case !f.Reason.Is(plan.ReasonTooLarge), f.Key.UID == "", f.Row == plan.SkippedRow:
	case f.Row.State == 0:
		c.Put = append(c.Put, uidl.Message{Reason: f.Reason.String(), Row: uidl.Row{
			Key: f.Key, State: uidl.Skipped, Size: f.Size, FirstSeen: d.Stamp(), NextTry: next,
		}})
	case f.Row.State != uidl.Skipped || f.Row.Size != f.Size || next > 0:
		c.Mark = append(c.Mark, uidl.Mark{Key: f.Key, State: uidl.Skipped, Size: f.Size, Attempts: f.Row.Attempts,
			NextTry: next, Reason: f.Reason.String()})
	}
}
