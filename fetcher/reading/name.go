package reading

import (
	"encoding/hex"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/uidl"
)

// name gives a message that was read without knowing which it is the key of its content, and finds out whether it was
// delivered before: then it is only compared.
func (r *Reader) name(f *plan.FetchStep, m *settle.Received) error {
	uid := plan.ContentName + hex.EncodeToString(m.Msg.SHA256[:])
	if r.named == nil {
		r.named = map[string]int{}
	}
	f.Key = uidl.Key{UID: uid, Dup: r.named[uid]}
	r.named[uid]++
	m.Msg.Key = f.Key
	for i := range m.Copies {
		m.Copies[i].Row.Key = f.Key
	}
	found, err := r.desk.Settler.L.Find(r.ctx, []uidl.Key{f.Key})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		r.unnamed-- // only now does it count as one of those that a session may retrieve: see mayStart
		return nil
	}
	f.Row = &found[0].Row
	m.Msg.FirstSeen = f.Row.FirstSeen
	if (f.Row.State == uidl.Delivered || f.Row.State == uidl.DeleteSent) && r.desk.Settler.Set.Lacks(f.Row.Facts) == 0 {
		f.Compare = true
		if r.known.Details == nil {
			r.known.Details = map[uidl.Key]*uidl.Message{}
		}
		r.known.Details[f.Key] = &found[0]
		return nil
	}
	if r.desk.Settler.Pending[f.Key] != nil || f.Row.Have.Destinations() != 0 {
		f.Owed = true
		m.Owed, m.Msg.Facts = true, f.Row.Facts
		r.staging.onlyOwed(f, m)
	}
	r.unnamed -= desk.Count(len(m.Copies) > 0)
	return nil
}

// onlyOwed drops the copies of destinations that have the message already, or one of ours: only now is it known that an
// earlier pass brought it.
func (s *staging) onlyOwed(f *plan.FetchStep, m *settle.Received) {
	owed := map[string]uidl.Delivery{}
	for _, dl := range s.lacking(f) {
		owed[dl.Dest.Name] = dl.Row
	}
	copies := m.Copies[:0]
	for _, c := range m.Copies {
		row, needed := owed[c.Dest.Name]
		if !needed {
			s.discard(&settle.Received{Copies: []settle.Delivery{c}}, settle.ErrNoBranch)
			continue
		}
		row.Ticket = c.Row.Ticket
		c.Row = row
		copies = append(copies, c)
	}
	m.Copies = copies
}
