package recognise

import (
	"context"
	"slices"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

// MaxSiblings is how many messages with one UID are looked through.
const MaxSiblings = 32

// placed, as the time and the listing since when a row's message is gone, tells that it is known by another row: nothing is to
// be recognised by this one, which is old enough to be purged at once.
const placed, placedListing = 1, -10

// sibling finds a delivered message that had the same UID at another place of the listing, is not listed there any more,
// and is this one: when the first of several messages with one UID leaves the server, the others move up.
func (g *Recogniser) sibling(ctx context.Context, k uidl.Key, is func(*uidl.Message) bool) (*uidl.Message, error) {
	keys := make([]uidl.Key, 0, MaxSiblings)
	for dup := k.Dup + 1; dup <= k.Dup+MaxSiblings; dup++ {
		keys = append(keys, uidl.Key{UID: k.UID, Dup: dup})
	}
	found, err := g.desk.Settler.L.Find(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i := range found {
		m := &found[i]
		known := m.State == uidl.Delivered || m.State == uidl.DeleteSent
		known = known && m.GoneAt != placed && !g.Renewal.moved[m.Key]
		if known && (m.GoneAt != 0 || g.on.Plan.IsGone(m.Key) || g.inQuestion(m.Key)) && is(m) {
			return m, nil
		}
	}
	for _, m := range g.homeless {
		if m.UID == k.UID && !g.Renewal.moved[m.Key] && is(m) {
			return m, nil
		}
	}
	g.leavePlace(k)
	return nil, nil
}

// leavePlace keeps the row of a message whose place another one is about to take, where a whole group is compared: it may be
// met at one of the places to come, or be hidden only.
func (g *Recogniser) leavePlace(k uidl.Key) {
	free, compared := g.free[k.UID]
	row := g.Details[k]
	if !compared || row == nil || g.Renewal.moved[k] || row.State != uidl.Delivered && row.State != uidl.DeleteSent {
		return
	}
	kept := *row
	kept.Dup, kept.GoneAt, kept.GoneListing = free, g.on.ConfirmedNow(), max(g.desk.Settler.L.Info().Listings, 1)
	g.free[k.UID]++
	g.homeless = append(g.homeless, &kept)
	g.move(k)
	g.desk.Settler.Later(func(c *uidl.Change) {
		c.At = g.desk.Now().Unix()
		c.Put = append(c.Put, kept)
	})
}

// move notes that the message of a row is not where the row says.
func (g *Recogniser) move(k uidl.Key) {
	if g.Renewal.moved == nil {
		g.Renewal.moved = map[uidl.Key]bool{}
	}
	g.Renewal.moved[k] = true
}

// inQuestion tells that what is listed under a known key has another size, and has not been read yet.
func (g *Recogniser) inQuestion(k uidl.Key) bool {
	return !g.stands[k] && slices.ContainsFunc(g.on.Plan.Fetch, func(f plan.FetchStep) bool { return f.Compare && f.Reason.Is(plan.ReasonSize) && f.Key == k })
}

// takePlace writes a delivered message down under the place where it is listed now.
func (g *Recogniser) takePlace(e plan.Entry, m *uidl.Message) {
	g.leavePlace(e.Key)
	g.move(m.Key)
	row := *m
	left := *m
	left.GoneAt, left.GoneListing = placed, placedListing
	row.Key, row.Size, row.State, row.GoneAt, row.GoneListing = e.Key, e.Size, uidl.Delivered, 0, 0
	g.desk.Settler.Later(func(c *uidl.Change) {
		c.At = g.desk.Now().Unix()
		c.Put = append(c.Put, row)
		if slices.ContainsFunc(g.homeless, func(h *uidl.Message) bool { return h.Key == m.Key }) {
			c.Put, c.Purge = append(c.Put, left), true
		}
	})
}
