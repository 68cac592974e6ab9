package settle

import (
	"context"
	"errors"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/uidl"
)

// errSentSince: a ledger that may be older has a copy as waiting, and it is not there.
var errSentSince = errors.New("it may have been sent since the ledger was copied")

// sentSince finds copies for a remote destination that a ledger in doubt has as waiting, and that are not there: they were
// sent since, as likely as not. They are owed then, before anything is sent, and reconsider holds them back. What is returned
// tells which those are.
func (r recovery) sentSince(ctx context.Context, d *Place, pending []uidl.Delivery) (gone func(uidl.Delivery) bool, err error) {
	sent := map[uidl.Key]bool{}
	gone = func(row uidl.Delivery) bool { return sent[row.Key] }
	place := d.Can().Opener
	if place == nil || !r.p.Health.Verify {
		return gone, nil
	}
	c := uidl.Change{At: r.p.now().Unix()}
	for _, row := range pending {
		if row.Destination != d.Name || row.State == uidl.Owed {
			continue
		}
		copied, err := place.Open(deliver.Ticket(row.Ticket))
		if err == nil {
			copied.Close()
		} else if errors.Is(err, deliver.ErrUnknown) { // else it is looked at when it is to be sent
			c.Stage, sent[row.Key] = append(c.Stage, owed(row, errSentSince, c.At)), true
		}
	}
	if len(sent) == 0 {
		return gone, nil
	}
	return gone, r.p.Commit(ctx, c)
}

// doubtful counts an ending in doubt for each row that a crash left 'publishing' at a remote destination, before it is
// sent again. A Maildir can tell what happened; there nothing is in doubt.
func (r recovery) doubtful(ctx context.Context, rows []uidl.Delivery) ([]uidl.Delivery, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	c := uidl.Change{At: r.p.now().Unix()}
	var due []uidl.Delivery
	for _, row := range rows {
		row = doubt(row, r.p.now())
		row.State, row.Reason = uidl.Staged, "its sending was interrupted"
		c.Stage = append(c.Stage, row)
		if !r.p.Health.Waits(row.NextTry) {
			due = append(due, row)
		}
	}
	return due, r.p.Commit(ctx, c)
}
