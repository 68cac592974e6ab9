package settle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// maxInDoubt is how often a delivery may end in doubt before it waits for its daily retry.
const maxInDoubt = uidl.ParkedAfter

// outcome is what becomes of a delivery row.
type outcome struct {
	row     uidl.Delivery // when not settled
	settled bool
	as      uidl.Outcome // when settled
	discard bool         // the staged bytes go, after the row that names them was committed without them
	target  error        // the whole destination failed
}

// judge is the table "state x event" of ARCHITECTURE.md: what Publish said of a 'publishing' row, as a new row. remote
// tells that each Publish is a transaction elsewhere, so that its certain failure leaves our copy untouched.
func judge(row uidl.Delivery, err error, remote bool, now time.Time) outcome {
	var e *deliver.Error
	switch {
	case err == nil:
		return outcome{settled: true, as: uidl.Had}
	case errors.Is(err, deliver.ErrInferred):
		return outcome{settled: true, as: uidl.Inferred}
	case errors.Is(err, deliver.ErrDamaged):
		return outcome{row: owed(row, err, now.Unix()), discard: true}
	case errors.Is(err, deliver.ErrUnknown):
		return outcome{row: owed(row, err, now.Unix())}
	case errors.Is(err, deliver.ErrUntried):
		row.State, row.At = uidl.Staged, now.Unix()
		return outcome{row: row}
	case !errors.As(err, &e):
		// Cancelled, or a fact we do not know: nothing is certain, so the row stays as it is. A remote destination says
		// so when nothing was transferred: see deliver.Sender.
		if remote && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
			row.State, row.At = uidl.Staged, now.Unix()
		}
		return outcome{row: row}
	}
	if !errors.Is(err, context.Canceled) { // else the pass was told to end, and nothing failed
		row.Reason = words.Clip(err.Error())
	}
	if e.Untouched && !remote { // certain: nothing of it is visible, and our copy is as it was
		row.State, row.At = uidl.Staged, now.Unix()
	}
	if remote {
		row.State, row.At = uidl.Staged, now.Unix()
		if e.Rest != "" {
			row.Ticket = e.Rest // only some recipients still need it
		}
		if unjudged(err) {
			return outcome{row: row}
		}
	}
	if e.Uncertain {
		return outcome{row: doubt(row, now), target: wholeTarget(e, err)}
	}
	if e.Scope == deliver.WholeTarget {
		return outcome{row: row, target: err}
	}
	return outcome{row: attempted(row, e.Permanent, now)}
}

func wholeTarget(e *deliver.Error, err error) error {
	if e.Scope == deliver.WholeTarget {
		return err
	}
	return nil
}

// owed is the row of a destination that has no copy, staged or published: the message is fetched again for it.
func owed(row uidl.Delivery, err error, at int64) uidl.Delivery {
	row.State, row.Ticket, row.At, row.Reason = uidl.Owed, "", at, words.Clip(err.Error())
	return row
}

// doubt counts an ending in doubt: at the third the delivery is tried again once a day only.
func doubt(row uidl.Delivery, now time.Time) uidl.Delivery {
	row.InDoubt++
	if row.InDoubt >= maxInDoubt {
		row.NextTry = now.Add(24 * time.Hour).Unix()
	}
	return row
}

// recovery takes up what earlier passes left, before anything is asked of the server.
type recovery struct{ p *Settler }

// Recover settles what earlier passes left: 'publishing' rows by Publish again, then 'staged' rows that are due. It
// runs before connecting; what goes to a remote destination is only queued here. Rows of a destination that is no
// longer configured stay as they are, unless a person released them.
func (p *Settler) Recover(ctx context.Context) error {
	r := recovery{p}
	if err := r.transfer(ctx); err != nil {
		return err
	}
	if err := p.LoadPending(ctx); err != nil {
		return err
	}
	pending, err := p.L.Pending(ctx)
	if err != nil {
		return err
	}
	for _, d := range p.Places {
		var again, fresh []uidl.Delivery
		var held []deliver.Ticket
		for _, row := range pending {
			if row.Destination != d.Name {
				continue
			}
			if row.Ticket != "" {
				held = append(held, deliver.Ticket(row.Ticket))
			}
			switch {
			case row.State == uidl.Publishing:
				again = append(again, row)
			case row.State == uidl.Staged && !p.Health.Waits(row.NextTry):
				fresh = append(fresh, row)
			}
		}
		r.sweep(d, held)
		r.remind(d, pending)
		if d.out != nil {
			gone, err := r.sentSince(ctx, d, pending)
			if err != nil {
				return err
			}
			again, fresh = slices.DeleteFunc(again, gone), slices.DeleteFunc(fresh, gone)
			if again, err = r.doubtful(ctx, again); err != nil {
				return err
			}
			d.out.resume(append(again, fresh...))
			continue
		}
		if err := r.settleAgain(ctx, d, again); err != nil {
			return err
		}
		if err := r.republish(ctx, d, fresh); err != nil {
			return err
		}
		// Where something was open, a later pass cleans.
		if c := d.Can().Cleaner; c != nil && len(again)+len(fresh) == 0 && !p.Health.Verify {
			_ = c.Clean()
		}
	}
	return nil
}

// settleAgain publishes what was 'publishing' until nothing changes: a Maildir holds messages back while one before them
// is not settled, and no new batch may begin while an old one is open.
func (r recovery) settleAgain(ctx context.Context, d *Place, rows []uidl.Delivery) error {
	ours := map[uidl.Key]bool{}
	for _, row := range rows {
		ours[row.Key] = true
	}
	for open := len(rows) + 1; len(rows) > 0 && len(rows) < open; {
		open = len(rows)
		if err := r.republish(ctx, d, rows); err != nil {
			return err
		}
		if d.PublishFailure() != nil {
			return nil
		}
		pending, err := r.p.L.Pending(ctx)
		if err != nil {
			return err
		}
		rows = rows[:0]
		for _, row := range pending {
			again := row.State == uidl.Publishing || row.State == uidl.Staged && ours[row.Key] && !r.p.Health.Waits(row.NextTry)
			if row.Destination == d.Name && again {
				rows = append(rows, row)
			}
		}
	}
	return nil
}

// republish publishes rows of one destination in their order, as many at a time as it takes.
func (r recovery) republish(ctx context.Context, d *Place, rows []uidl.Delivery) error {
	for n := d.Target.Batch(); len(rows) > 0 && d.PublishFailure() == nil; rows = rows[min(n, len(rows)):] {
		chunk := rows[:min(n, len(rows))]
		all := make([]published, len(chunk))
		for i := range chunk {
			all[i] = published{d: d, early: true, staged: chunk[i].State == uidl.Staged}
		}
		if err := r.announce(ctx, chunk); err != nil {
			return err
		}
		for i := range chunk {
			all[i].row = chunk[i]
		}
		if err := round(r).publishRows(ctx, d, all); err != nil {
			return err
		}
		if err := round(r).concludeRound(ctx, all, nil); err != nil {
			return err
		}
	}
	return nil
}

// remind tells a destination which copies were tried, unless the ledger may have forgotten that.
func (r recovery) remind(d *Place, pending []uidl.Delivery) {
	can := d.Can()
	if can.Reminded == nil || r.p.Health.Verify {
		return
	}
	var tried []deliver.Ticket
	more := false
	for _, row := range pending {
		if row.Destination != d.Name || row.State != uidl.Publishing && row.InDoubt == 0 {
			continue
		}
		if row.Ticket == "" {
			more = true // it is fetched again: see Message.Again
		} else {
			tried = append(tried, deliver.Ticket(row.Ticket))
		}
	}
	can.Reminded.Remind(tried, more)
}

// sweep removes from a staging place what no ticket names. Where the ledger may have forgotten tickets that is only set aside.
func (r recovery) sweep(d *Place, held []deliver.Ticket) {
	can := d.Can()
	if can.Sweeper == nil {
		return
	}
	if !r.p.Health.Verify {
		_ = can.Sweeper.Sweep(held) // orphans harm nobody
		return
	}
	if can.Setter != nil {
		n, where, err := can.Setter.SetAside(held)
		if err == nil && n > 0 {
			r.p.Obs.Mention(fmt.Sprintf("%s that the ledger knows nothing of %s put aside in %s: remove %s when you miss nothing",
				words.Number(n, "copy"), words.Plural(n, "was", "were"), where, words.Plural(n, "it", "them")))
		}
	}
}

// announce commits 'publishing' for rows that are only staged yet.
func (r recovery) announce(ctx context.Context, rows []uidl.Delivery) error {
	c := uidl.Change{At: r.p.now().Unix()}
	for i := range rows {
		if rows[i].State != uidl.Publishing {
			rows[i].State, rows[i].At = uidl.Publishing, c.At
			c.Stage = append(c.Stage, rows[i])
		}
	}
	if len(c.Stage) == 0 {
		return nil
	}
	return r.p.Commit(ctx, c)
}
