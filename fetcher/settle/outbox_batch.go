package settle

import (
	"errors"

	"github.com/popsync/popsync/deliver"
)

// maxShown is how many messages of the queue a Target is asked about at once.
const maxShown = 1000

// batch gives a message that was taken from the queue, and those behind it that go with it. What was in a batch and came back goes
// alone: whatever stops a batch again and again is found out by that, and holds up no other. o.mu is held.
func (o *outbox) batch(first *sending) []*sending {
	all := []*sending{first}
	can := o.place.Can().Batched
	if can == nil || first.alone || len(o.queue) == 0 {
		return all
	}
	tickets := []deliver.Ticket{deliver.Ticket(first.row.Ticket)}
	for _, s := range o.queue {
		if s.alone || len(tickets) == maxShown {
			break
		}
		tickets = append(tickets, deliver.Ticket(s.row.Ticket))
	}
	n, looks := can.BatchOf(tickets)
	for len(all) < min(n, len(tickets)) {
		all = append(all, o.pop())
	}
	for _, s := range all {
		s.looked = looks && len(all) > 1
	}
	return all
}

// retry puts messages of a batch that were not sent back to the front of the queue, once the ledger has them as 'staged' again. o.mu is
// held.
func (o *outbox) retry(of []*sending, came []published) {
	var back []sending
	for i, s := range of {
		if errors.Is(came[i].err, deliver.ErrUntried) && !came[i].settled {
			again := *s
			again.row, again.alone, again.looked, again.err = came[i].next.row, true, false, nil
			back = append(back, again)
		}
	}
	if len(back) > 0 {
		o.queue = append(back, o.queue...)
	}
}

// blameWithin charges those of a batch that were refused for now, as others behind them were taken. Their refusals are in the ledger.
// o.mu is held.
func (o *outbox) blameWithin(batch []*sending) {
	for _, s := range batch {
		if s.err == nil {
			o.blamed = append(o.blamed, o.suspects.before(s.begun)...)
		}
	}
}
