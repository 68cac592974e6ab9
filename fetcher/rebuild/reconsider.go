package rebuild

import (
	"context"
	"slices"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

// Reconsider deals with what is owed by a ledger that may be older than the world: it may have been delivered since, from
// another copy. What a Maildir shows is settled; the rest is held back with all that nobody knows to be new.
func (p *Rebuilder) Reconsider(ctx context.Context) error {
	if !p.Settler.Health.Verify {
		return nil
	}
	pending, err := p.Settler.L.Pending(ctx)
	if err != nil {
		return err
	}
	var owed []uidl.Delivery
	var of []stranger
	for _, row := range pending {
		if row.State == uidl.Owed {
			owed = append(owed, row)
			of = append(of, stranger{Entry: plan.Entry{Key: row.Key}})
		}
	}
	if len(owed) == 0 {
		return nil
	}
	have, err := p.tags(ctx, of)
	if err != nil {
		return err
	}
	return p.Settler.Change(ctx, func(c *uidl.Change) {
		for i, row := range owed {
			d := p.Settler.Place(row.Destination)
			switch {
			case d == nil: // it waits for a person anyway
			case have[of[i].tag].Has(d.Bit()):
				p.Settler.SettleRow(c, row, uidl.Inferred)
			default:
				c.Settle = append(c.Settle, uidl.Settled{Key: row.Key, Destination: row.Destination, As: uidl.Dropped, State: uidl.Held, Reason: plan.ReasonHeld})
			}
		}
	})
}

// reconsiderRows does the same for messages that some place has, or will have, and that are to be fetched for others,
// without a delivery that says so. Where the ledger is not in doubt, that is what a person asked for (Backfill): a Maildir may
// show such messages already, one that was copied or whose popsync.id was lost. It tells whether it changed a row.
func (s *Rebuilder) reconsiderRows(ctx context.Context, known *plan.Rows, list plan.Listing) (changed bool, err error) {
	var of []stranger
	var lacks []uidl.Places
	prev, dup := "", 0
	for k, i := range plan.SortedByUID(list) {
		e := list.At(int(i))
		if dup++; k == 0 || e.UID != prev {
			prev, dup = e.UID, 0
		}
		key := uidl.Key{UID: e.UID, Dup: dup}
		at, ok := known.Find(key)
		if !ok || known.At(at).State == uidl.Held && !s.Settler.Health.Verify {
			continue
		}
		f := known.Kinds[known.At(at).Kind]
		lack := s.Settler.Set.Lacks(f)
		if !s.Settler.Health.Verify {
			lack &= s.Settler.Set.Younger(f)
		}
		if open := s.Settler.Pending[key]; open != nil {
			lack = open.Need(lack)
		}
		if (f.Have.Destinations() != 0 || s.Settler.Pending[key] != nil) && lack != 0 {
			of, lacks = append(of, stranger{Entry: plan.Entry{Num: e.Num, Size: e.Size, Key: key}}), append(lacks, lack)
		}
	}
	if len(of) == 0 {
		return false, nil
	}
	have, err := s.tags(ctx, of)
	if err != nil {
		return false, err
	}
	var settle []uidl.Settled
	for i := range of {
		shown := have[of[i].tag] & lacks[i]
		for _, d := range s.Settler.At(lacks[i]) {
			one := uidl.Settled{Key: of[i].Key, Destination: d.Name, As: uidl.Dropped}
			if shown.Has(d.Bit()) {
				one.As = uidl.Inferred
			} else if !s.Settler.Health.Verify {
				continue
			}
			if shown == lacks[i] && s.Settler.Pending[of[i].Key] == nil {
				one.State = uidl.Delivered
			} else if s.Settler.Health.Verify && shown != lacks[i] {
				one.State, one.Reason = uidl.Held, plan.ReasonHeld
			}
			settle = append(settle, one)
		}
	}
	for chunk := range slices.Chunk(settle, rowsAtOnce) {
		if err := s.Settler.Commit(ctx, uidl.Change{At: s.Now().Unix(), Settle: chunk}); err != nil {
			return false, err
		}
	}
	return len(settle) > 0, nil
}
