package main

import (
	"context"
	"fmt"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/uidl"
)

// contradiction is a kind of rows that cannot be true together.
type contradiction struct {
	what  string
	n     int
	first uidl.Key
}

// contradictions collects what an account's rows say against each other.
type contradictions struct {
	info  uidl.Info
	open  map[uidl.Key]bool
	kinds []*contradiction
}

const (
	goneInPart     = "left the listing, but when is missing in part"
	goneLater      = "left a listing that there was not yet"
	seenLater      = "was first seen on a day that there was not yet"
	deliveredOpen  = "is delivered everywhere, and a delivery of it is open"
	ticketTwice    = "has the ticket of another delivery"
	ticketMissing  = "is being published, but where its bytes are is not known"
	publishingMany = "is being published in a batch that is too large"
)

func (c *contradictions) note(what string, k uidl.Key) {
	for _, kind := range c.kinds {
		if kind.what == what {
			kind.n++
			return
		}
	}
	c.kinds = append(c.kinds, &contradiction{what, 1, k})
}

func (c *contradictions) row(r uidl.Row) {
	switch {
	case (r.GoneAt == 0) != (r.GoneListing == 0):
		c.note(goneInPart, r.Key)
	case r.GoneListing > c.info.Listings:
		c.note(goneLater, r.Key)
	}
	if r.FirstDay > c.info.ListingDays+1 { // a row may be written before the listing of its day is counted
		c.note(seenLater, r.Key)
	}
	if (r.State == uidl.Delivered || r.State == uidl.DeleteSent) && c.open[r.Key] {
		c.note(deliveredOpen, r.Key)
	}
}

// maxBatch is the largest batch that any destination publishes at once (deliver.Target).
const maxBatch = 500

func (c *contradictions) deliveries(pending []uidl.Delivery) {
	seen := map[string]bool{}
	publishing := map[string]int{}
	for _, d := range pending {
		if d.Ticket == "" && d.State != uidl.Owed {
			c.note(ticketMissing, d.Key)
		}
		if key := d.Destination + " " + d.Ticket; d.Ticket != "" && seen[key] {
			c.note(ticketTwice, d.Key)
		} else {
			seen[key] = true
		}
		if d.State == uidl.Publishing {
			if publishing[d.Destination]++; publishing[d.Destination] > maxBatch {
				c.note(publishingMany, d.Key)
			}
		}
	}
}

// rows looks at the rows of an account.
func (v *verifier) rows(ctx context.Context, acc uidl.Account, pending []uidl.Delivery) error {
	c := &contradictions{info: acc.Info(), open: map[uidl.Key]bool{}}
	for _, d := range pending {
		c.open[d.Key] = true
	}
	for r, err := range acc.Messages(ctx) {
		if err != nil {
			return err
		}
		c.row(r)
	}
	c.deliveries(pending)
	for _, kind := range c.kinds {
		more := ""
		if kind.n > 1 {
			more = fmt.Sprintf(" (and %d more)", kind.n-1)
		}
		v.found(fetcher.Internal, fmt.Sprintf("message %+q%s %s", kind.first.UID, more, kind.what),
			"popsync goes on, and prefers a message twice to none; please report this, with a copy of ledger.db if you can")
	}
	return nil
}
