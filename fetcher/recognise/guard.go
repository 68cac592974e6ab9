package recognise

import (
	"context"
	"strings"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/uidl"
)

// likeness is what a comparison says.
type likeness int

const (
	unknown likeness = iota
	same
	other
)

// likenessOf compares what was stored at delivery with what TOP gave.
func (g *Recogniser) likenessOf(k plan.KnownStep, top uidl.Fingerprint) likeness {
	row := g.Details[k.Key]
	switch {
	case row == nil || row.Fingerprint == (uidl.Fingerprint{}) || top == (uidl.Fingerprint{}):
		return unknown
	case row.Fingerprint == top:
		return same
	}
	return other
}

// guard lets a due message through, or finds that it is another one.
func (g *Recogniser) guard(ctx context.Context, k plan.KnownStep, top uidl.Fingerprint) error {
	like := g.likenessOf(k, top)
	if like == same && g.headers.Weak[k.Num] && k.Reason == plan.ReasonUndeleted {
		like = unknown // such a header other messages have too, and its unique-id may be another's by now
	}
	switch like {
	case same:
		g.on.Plan.Due = append(g.on.Plan.Due, k)
	case other:
		return g.isNew(ctx, k, top)
	default:
		if k.Reason == plan.ReasonUndeleted {
			// Its UID may have been given to a new message since DELE: look at it before the next DELE.
			g.compare(k)
			return nil
		}
		if row := g.Details[k.Key]; row == nil || row.SHA256 == ([32]byte{}) {
			// Only its unique-id says that it was delivered: see rebuild.
			g.on.Plan.Kept++
			g.desk.Rec.Reason(plan.ReasonUnproven)
			return nil
		}
		g.on.Plan.Due = append(g.on.Plan.Due, k)
	}
	return nil
}

// guardShared lets messages with one UID through only all together, and only if their headers are those that were
// delivered: which of them a number means may have changed.
func (g *Recogniser) guardShared(ctx context.Context, group []plan.KnownStep, tops map[int]uidl.Fingerprint) error {
	left := map[uidl.Fingerprint]int{}
	for _, k := range group {
		if row := g.Details[k.Key]; row != nil {
			left[row.Fingerprint]++
		}
	}
	known := true
	for _, k := range group {
		top, ok := tops[k.Num]
		switch {
		case !ok || top == (uidl.Fingerprint{}) || g.headers.Weak[k.Num]:
			known = false
		case left[top] == 0:
			known = false
			if err := g.isNew(ctx, k, top); err != nil {
				return err
			}
			continue
		default:
			left[top]--
		}
	}
	if known && len(group) == int(group[0].Copies) {
		g.on.Plan.Due = append(g.on.Plan.Due, group...)
		return nil
	}
	g.desk.Rec.Count(func(r *report.Report) { r.Kept += len(group) })
	g.desk.Rec.Reason(plan.ReasonDuplicate)
	return nil
}

// answer settles a question.
func (g *Recogniser) answer(ctx context.Context, k plan.KnownStep, top uidl.Fingerprint) error {
	like := g.likenessOf(k, top)
	if open := k.Row.State != uidl.Delivered && k.Row.State != uidl.DeleteSent; open && like == other {
		g.mailbox.Displace(k.Key, uidl.Key{})
		g.on.Plan.Pending++
		return nil
	}
	if like == same && g.headers.Weak[k.Num] {
		like = unknown // such a header other messages have too: the content decides
	}
	switch like {
	case same:
		g.again(k)
	case other:
		return g.isNew(ctx, k, top)
	default:
		g.compare(k)
	}
	return nil
}

// again notes that a message in question is the one that was delivered.
func (g *Recogniser) again(k plan.KnownStep) {
	g.desk.Settler.Later(func(c *uidl.Change) { g.markSame(c, k.Entry, k.Row) })
	if k.Row.State != uidl.Delivered && k.Row.State != uidl.DeleteSent {
		g.on.Plan.Pending++ // it is on its way
		return
	}
	if !k.Shared && g.dueNow(k.Entry, k.Row) {
		g.on.Plan.Due = append(g.on.Plan.Due, k)
		return
	}
	g.on.Plan.Kept++
}

func (g *Recogniser) markSame(c *uidl.Change, e plan.Entry, row uidl.Row) {
	fresh := row.GoneAt != 0 || e.Size != 0 && e.Size != row.Size || g.desk.Elsewhere && !g.mailbox.Met[e.Key]
	if g.desk.Elsewhere {
		if g.mailbox.Met == nil {
			g.mailbox.Met = map[uidl.Key]bool{}
		}
		g.mailbox.Met[e.Key] = true
	}
	if came := g.desk.Health.Wire.Reading(e.Key); came != nil && !came.Done { // it was delivered, whatever came since
		g.desk.Health.Wire.Forget(e.Key)
	}
	c.At = g.desk.Now().Unix()
	if row.GoneAt != 0 {
		c.Back = append(c.Back, e.Key)
	}
	if row.State != uidl.Delivered && row.State != uidl.DeleteSent || g.desk.Settler.Pending[e.Key] != nil {
		// It was on its way when its row was read, and may have arrived since: whoever settles it writes the rest.
		if e.Size != 0 {
			c.Mark = append(c.Mark, uidl.Mark{Key: e.Key, Size: e.Size})
		}
		if fresh && !strings.HasPrefix(e.Key.UID, plan.ContentName) {
			g.desk.Haul.Gain(1)
		}
		return
	}
	state := row.State
	if state == uidl.DeleteSent && !g.dueNow(e, row) {
		state = uidl.Delivered // recognised and kept: no question any more
	}
	if (fresh || state != row.State) && !strings.HasPrefix(e.Key.UID, plan.ContentName) { // else the next session asks once more
		g.desk.Haul.Gain(1)
	}
	c.Mark = append(c.Mark, uidl.Mark{Key: e.Key, State: state, Size: e.Size, Attempts: row.Attempts, NextTry: row.NextTry})
}

// dueNow tells whether policy wants a message deleted that was just recognised.
func (g *Recogniser) dueNow(e plan.Entry, row uidl.Row) bool {
	in := plan.Input{Policy: g.desk.Account.Policy, NeverDelete: g.desk.Account.NeverDelete || g.desk.Epoch.Spare, Aged: g.on.Clock.Aged, Now: g.desk.Now()}
	return in.Due(row, e.Size) && !g.on.Plan.Newest(e.Num) && g.desk.Settler.Set.Keeps(row.Facts) == ""
}

// isNew plans a message that came under a known UID: its row is replaced when it is delivered.
func (g *Recogniser) isNew(ctx context.Context, k plan.KnownStep, top uidl.Fingerprint) error {
	moved, err := g.sibling(ctx, k.Key, func(m *uidl.Message) bool { return m.Fingerprint == top })
	if err != nil {
		return err
	}
	if moved != nil {
		g.takePlace(k.Entry, moved)
		g.on.Plan.Kept++
		return nil
	}
	if old, err := g.Renewal.former(ctx, k.Entry, top); old != nil || err != nil {
		if err == nil {
			g.Renewal.returns(k.Entry, old)
		}
		return err
	}
	g.desk.Rec.Reason(plan.ReasonNotSame)
	if g.holds(k.Entry, k.Row) {
		return nil
	}
	g.on.Plan.Wanted(&plan.Input{Policy: g.desk.Account.Policy}, plan.FetchStep{Entry: k.Entry, Row: plan.NoRow, Reason: plan.WhyOf(plan.ReasonNotSame)})
	return nil
}

// holds holds a message back that came under a known unique-id, where an older ledger may not know that it was delivered.
// For a while after, that is so of unique-ids that the older one had: a listing may have hidden the message until now; and of
// those that a Maildir showed, where nothing could be compared: what it shows may be of a message that had the unique-id before.
// before is the row that it has the unique-id of.
func (g *Recogniser) holds(e plan.Entry, before uidl.Row) bool {
	lost := g.desk.Health.LostAt
	late := lost != 0 && g.desk.Now().Unix()-lost < plan.Lately && before.FirstSeen <= lost &&
		(before.Generation != uidl.BeforeAll || before.Have.Has(uidl.Unsure))
	if !g.Doubted && !late {
		return false
	}
	held := g.desk.Lost.HeldBack(e)
	g.desk.Settler.Later(func(c *uidl.Change) {
		c.At = g.desk.Now().Unix()
		c.Put = append(c.Put, held)
	})
	g.desk.Rec.Count(func(r *report.Report) { r.Unfetched++ })
	return true
}

// compare plans to retrieve a message only to see whether it is the known one.
func (g *Recogniser) compare(k plan.KnownStep) {
	if g.on.NoCompare {
		g.on.Plan.Kept++
		g.on.Partial = true
		return
	}
	g.on.Plan.Fetch = append(g.on.Plan.Fetch, plan.FetchStep{Entry: k.Entry, Row: plan.OwnRow(k.Row), Reason: plan.WhyOf(k.Reason), Compare: true})
}
