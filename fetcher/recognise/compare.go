package recognise

import (
	"context"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/uidl"
)

// IsLike tells whether a message that was read is the one that a row stands for: by its content, or by its header if that
// says enough, since servers add and change lines.
func (g *Recogniser) IsLike(row *uidl.Message, m *settle.Received) bool {
	if m.Strong && row.Fingerprint == m.Msg.Fingerprint {
		return true
	}
	return row.SHA256 != [32]byte{} && (row.SHA256 == m.Msg.SHA256 || row.SHA256 == m.Whole)
}

// IsSame compares a message that was retrieved again with the one that was delivered.
func (g *Recogniser) IsSame(ctx context.Context, f *plan.FetchStep, m *settle.Received) bool {
	g.on.Steps.WentWell("RETR", f.Num)
	row := g.Details[f.Key]
	open := f.Row.State != uidl.Delivered && f.Row.State != uidl.DeleteSent
	if open && row != nil {
		if g.IsLike(row, m) {
			g.desk.Settler.Later(func(c *uidl.Change) { g.markSame(c, f.Entry, *f.Row) })
		} else {
			g.mailbox.Displace(f.Key, uidl.Key{})
		}
		return true
	}
	if row == nil || g.Renewal.moved[f.Key] || !g.IsLike(row, m) && !g.desk.Lost.Shows(ctx, row, m) {
		moved, err := g.sibling(ctx, f.Key, func(o *uidl.Message) bool { return g.IsLike(o, m) })
		if err == nil && moved == nil && g.Renewal.IsFormer(ctx, f, m) {
			return true
		}
		if err != nil || moved == nil { // an error here is met again at the next commit
			g.desk.Rec.Reason(plan.ReasonNotSame)
			return g.holds(f.Entry, *f.Row)
		}
		g.takePlace(f.Entry, moved)
		g.desk.Haul.KeepSafe(f.Num)
		g.desk.Rec.Count(func(rep *report.Report) { rep.Kept++ })
		return true
	}
	if f.Reason.Is(plan.ReasonSize) {
		if g.stands == nil {
			g.stands = map[uidl.Key]bool{}
		}
		g.stands[f.Key] = true
	}
	g.desk.Settler.Later(func(c *uidl.Change) { g.markSame(c, f.Entry, *f.Row) })
	g.desk.Haul.KeepSafe(f.Num)
	if g.dueNow(f.Entry, *f.Row) {
		if f.Row.State == uidl.DeleteSent {
			g.on.Redo(f.Key)
		}
		g.on.Same = append(g.on.Same, f.Entry)
		return true
	}
	if f.Nameless {
		g.desk.Haul.Rereads()
	}
	g.desk.Rec.Count(func(rep *report.Report) { rep.Kept++ })
	return true
}
