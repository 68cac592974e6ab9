package verify

import (
	"context"
	"fmt"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/uidtext"
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
	info     uidl.Info
	known    uidl.Places                 // all that facts may name
	required map[string]uidl.Destination // destinations that mail must get to, by name
	open     map[uidl.Key][]uidl.Delivery
	kinds    []*contradiction
}

const (
	goneInPart     = "left the listing, but when is missing in part"
	goneLater      = "left a listing that there was not yet"
	deliveredOpen  = "is delivered everywhere, and a delivery of it is open that it must have"
	hadNowhere     = "is delivered, and no place has it or was to go without it"
	hadUnknown     = "is at a destination that there is not"
	ticketTwice    = "has the ticket of another delivery"
	ticketMissing  = "is being published, but where its bytes are is not known"
	publishingMany = "is being published in a batch that is too large"
)

func newContradictions(info uidl.Info, known []uidl.Destination, pending []uidl.Delivery) *contradictions {
	c := &contradictions{info: info, known: uidl.Former | uidl.Legacy | uidl.Seen | uidl.Unsure,
		required: map[string]uidl.Destination{}, open: map[uidl.Key][]uidl.Delivery{}}
	for _, d := range known {
		c.known |= uidl.PlaceOf(d.Ordinal)
		if d.Role == uidl.Required {
			c.required[d.Name] = d
		}
	}
	for _, d := range pending {
		c.open[d.Key] = append(c.open[d.Key], d)
	}
	return c
}

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
	if r.Have&^c.known != 0 {
		c.note(hadUnknown, r.Key)
	}
	if r.State != uidl.Delivered && r.State != uidl.DeleteSent {
		return
	}
	if r.Have == 0 && r.Waived == 0 {
		c.note(hadNowhere, r.Key)
	}
	for _, d := range c.open[r.Key] {
		if c.mustHave(r, d.Destination) {
			c.note(deliveredOpen, r.Key)
			return
		}
	}
}

// mustHave tells whether a message counts as delivered only with a destination: it is required, and was when the message
// came.
func (c *contradictions) mustHave(r uidl.Row, destination string) bool {
	d, ok := c.required[destination]
	return ok && r.Generation >= d.Since
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

// rows looks at the rows of an account, and counts those that wait for a person.
func (v *verifier) rows(ctx context.Context, acc uidl.Account, known []uidl.Destination, pending []uidl.Delivery) error {
	c := newContradictions(acc.Info(), known, pending)
	v.held, v.unsure = 0, 0
	for r, err := range acc.Messages(ctx) {
		if err != nil {
			return err
		}
		c.row(r)
		if r.GoneAt == 0 && r.State == uidl.Held {
			v.held++
		}
		if r.GoneAt == 0 && r.Have.Unproven() {
			v.unsure++
		}
	}
	c.deliveries(pending)
	for _, kind := range c.kinds {
		more := ""
		if kind.n > 1 {
			more = fmt.Sprintf(" (and %d more)", kind.n-1)
		}
		v.found(verdict.Internal, fmt.Sprintf("message %s%s %s", uidtext.Arg(kind.first.UID), more, kind.what),
			"popsync goes on, and prefers a message twice to none; please report this, with a copy of ledger.db if you can")
	}
	return nil
}
