package fetcher

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/popsync/popsync/fetcher/headers"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

// A person may want messages again that were delivered: the Maildir was emptied, say. Their rows become wanted, without facts:
// no place counts as having them, so nothing deletes them before they were delivered anew. That they came before is kept in
// the generation: they are no new mail, and none of them is what another message that left the listing was called.

// Refetched is what Refetch did. Counts are of messages.
type Refetched struct {
	Messages int            // to be fetched again, those included that were asked for before
	Left     map[string]int // of all that are listed: left as they are, by the reason
	Flood    *health.Flood  // new mail is held back, and till a person says what it is nothing is fetched; nil: none is
}

// RefusedUID is a unique-id that cannot be fetched again.
type RefusedUID struct{ UID, Why string }

// RefetchError tells which unique-ids cannot be fetched again. Nothing was changed.
type RefetchError struct{ Refused []RefusedUID }

func (e *RefetchError) Error() string {
	return fmt.Sprintf("%d unique-ids cannot be fetched again, %q among them: %s", len(e.Refused), e.Refused[0].UID, e.Refused[0].Why)
}

// ErrDoubt is the error of a command that must not be said while the ledger may be older than the mail that it is about.
var ErrDoubt = errors.New("the ledger was restored from a copy, repaired or lost, and no run has looked yet what it lacks")

// Why a message is not fetched again.
const (
	leftUnknown = "the ledger knows no such message"
	leftGone    = "the server does not list it any more"
	leftOpen    = "it is on its way to a destination"
	leftWanted  = "it is not delivered yet, and will be fetched anyway"
	leftParked  = "it is parked, not delivered, and is tried again anyway"
	leftSkipped = "it is larger than max_size"
	leftHeld    = "it is held back, not delivered: popsync accept lets it through"
	leftDeleted = `the server was told to delete it: if it is there all the same, set delete = "never" and run once before`
	leftSeen    = "it was marked as seen by popsync baseline, and never fetched"
	leftNamed   = "the server gives it no unique-id"
	leftGivenUp = "it was given up: popsync give-up --undo takes that back"
)

// Refetch has the next passes fetch messages again that were delivered and that the server still lists, for all destinations:
// those with these unique-ids, or all for none. What was only marked as seen (Baseline) is fetched when it is named. Nothing is
// asked of the server, and whether a destination has a message still is not looked at: it gets another copy. Of the account
// only Name, Mailbox and those Destinations count that are deliver.Noters. It closes the Targets.
//
// The error is a *RefetchError if one of the unique-ids cannot be fetched again, ErrDoubt, or uidl.ErrBusy while a pass runs;
// others are judged by Judge.
func Refetch(ctx context.Context, ledger uidl.Ledger, a Account, uids []string, now time.Time) (r Refetched, err error) {
	p := newPass(a, Options{}.WithDefaults())
	p.ledger = ledger
	defer func() {
		for _, d := range p.desk.Settler.Places {
			_ = d.Target.Close() // nothing was opened
		}
	}()
	if p.desk.Settler.L, err = ledger.Acquire(ctx, a.Name); err != nil {
		return r, err
	}
	defer p.desk.Settler.L.Close()
	p.desk.Health.Facts = health.Decode(p.desk.Settler.L.Info().Facts)
	if d, err := p.desk.Lost.Doubts(ctx); err != nil {
		return r, err
	} else if p.desk.Health.Verify || d.What != "" {
		return r, ErrDoubt
	}
	c := &chooser{open: map[uidl.Key]bool{}}
	pending, err := p.desk.Settler.L.Pending(ctx)
	if err != nil {
		return r, err
	}
	for _, row := range pending {
		c.open[row.Key] = true
	}
	known, err := plan.LoadRows(ctx, p.desk.Settler.L, nil)
	if err != nil {
		return r, err
	}
	r.Flood = p.desk.Health.Flood
	if len(uids) > 0 {
		err = c.named(known, uids)
	} else {
		c.all(known)
	}
	if err != nil {
		return r, err
	}
	r.Messages, r.Left = len(c.rows)+c.before, c.left
	return r, p.refetch(ctx, known, c.rows, now)
}

// refetch writes it down, some rows at a time: of a million, all at once would be held in memory three times. Cut short, it is
// said again.
func (p *pass) refetch(ctx context.Context, known *plan.Rows, of []int, now time.Time) error {
	if len(of) == 0 {
		return nil
	}
	p.desk.Health.Unchanged = nil // the lease that was taken has ended it anyway
	for chunk := range slices.Chunk(of, headers.Chunk) {
		c := uidl.Change{At: now.Unix()}
		for _, i := range chunk {
			row := known.Row(i)
			p.desk.Health.Wire.Forget(row.Key) // how long it is gets found out anew
			c.Put = append(c.Put, uidl.Message{Reason: plan.ReasonAgain, Row: uidl.Row{
				Key: row.Key, State: uidl.Wanted, Size: row.Size, FirstSeen: row.FirstSeen, Facts: uidl.Facts{Generation: uidl.BeforeAll},
			}})
		}
		c.Status = p.desk.Status()
		if err := p.desk.Settler.L.Commit(context.WithoutCancel(ctx), c); err != nil {
			return err
		}
	}
	return nil
}

// chooser finds the rows that can be fetched again.
type chooser struct {
	open   map[uidl.Key]bool // with a delivery that is not settled
	rows   []int             // indices
	before int               // that were asked for before, and are not fetched yet
	left   map[string]int
}

// judge is why a row is left as it is; "": it can be fetched again.
func (c *chooser) judge(known *plan.Rows, i int) string {
	row := known.Row(i)
	switch {
	case row.GoneAt != 0:
		return leftGone
	case bytes.HasPrefix(known.UID(i), []byte(plan.ContentName)): // it has its name from what is read in every session
		return leftNamed
	case c.open[row.Key]:
		return leftOpen
	case row.Have.GivenUp():
		return leftGivenUp
	case row.State == uidl.Delivered, row.State == uidl.Wanted && plan.AskedAgain(&row):
		return ""
	case row.State == uidl.DeleteSent:
		return leftDeleted
	case row.State == uidl.Parked:
		return leftParked
	case row.State == uidl.Skipped:
		return leftSkipped
	case row.State == uidl.Held:
		return leftHeld
	}
	return leftWanted
}

func (c *chooser) take(known *plan.Rows, i int) {
	if row := known.Row(i); row.State == uidl.Wanted {
		c.before++
		return
	}
	c.rows = append(c.rows, i)
}

// all takes what was delivered and is listed.
func (c *chooser) all(known *plan.Rows) {
	c.left = map[string]int{}
	for i := range known.Len() {
		why := c.judge(known, i)
		if row := known.Row(i); why == "" && row.Have.Has(uidl.Seen) {
			why = leftSeen
		}
		switch why {
		case "":
			c.take(known, i)
		case leftGone:
		default:
			c.left[why]++
		}
	}
}

// named takes all messages with these unique-ids. Where several have one, it is enough that one can be fetched again.
func (c *chooser) named(known *plan.Rows, uids []string) error {
	var refused []RefusedUID
	uids = slices.Compact(slices.Sorted(slices.Values(uids)))
	for _, uid := range uids {
		why, took := "", false
		first := sort.Search(known.Len(), func(i int) bool { return plan.CompareBytes(known.UID(i), uid) >= 0 })
		for i := first; i < known.Len() && plan.CompareBytes(known.UID(i), uid) == 0; i++ {
			if w := c.judge(known, i); w != "" {
				why = cmp.Or(why, w)
				continue
			}
			c.take(known, i)
			took = true
		}
		if !took {
			refused = append(refused, RefusedUID{uid, cmp.Or(why, leftUnknown)})
		}
	}
	if len(refused) > 0 {
		return &RefetchError{refused}
	}
	return nil
}
