package recognise

import (
	"context"
	"maps"
	"slices"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/headers"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/uidl"
)

// Messages that share a unique-id are told apart by their place in the listing, which says little: when the first leaves,
// the others move up, and one that comes may have the size of one that left. So they are compared by their headers, all that
// are listed under one unique-id with all that were delivered under it.

// twinsMost is how many messages of one unique-id are compared in each pass. Of more, only what changes its size or comes
// behind the last one is noticed.
const twinsMost = 1000

// twinGroup is all that is listed under one unique-id.
type twinGroup struct {
	known []plan.KnownStep // delivered, as far as their places tell
	at    []plan.Entry     // these and those to be fetched, in the order of their keys
	tell  bool             // they can be told apart by their headers
	open  bool             // something of it is on its way
}

// twins recognises messages that share a unique-id.
type twins struct {
	desk     *desk.Desk
	on       *desk.Session
	headers  *headers.Tops
	known    *Recogniser
	twinTops map[int]uidl.Fingerprint // of those that are compared
}

// recogniseTwins compares messages that share a unique-id where there is TOP. What was delivered keeps its row, under the
// key of its place; what was not is fetched. Where they cannot be told apart, each is taken for what its place says.
//
// Some groups at a time are looked at: a million such messages would take as much memory as all else, many times.
func (t *twins) recogniseTwins(ctx context.Context) error {
	twins := &t.on.Plan.Twins
	groups, n := map[string]*twinGroup{}, 0
	for i := 0; i < twins.Len(); {
		first := i // of those with its unique-id
		uid := twins.At(i).Key.UID
		for i++; i < twins.Len() && twins.At(i).Key.UID == uid; {
			i++
		}
		if i-first > twinsMost {
			for ; first < i; first++ {
				t.on.Plan.Decide(twins.At(first))
			}
			continue
		}
		g := &twinGroup{tell: true}
		for ; first < i; first++ {
			k := twins.At(first)
			g.known, g.at = append(g.known, k), append(g.at, k.Entry)
		}
		groups[uid], n = g, n+len(g.at)
		if n < headers.Chunk && i < twins.Len() {
			continue
		}
		if err := t.recogniseGroups(ctx, groups); err != nil {
			return err
		}
		groups, n = map[string]*twinGroup{}, 0
	}
	if twins.Len() == 0 {
		return nil
	}
	if len(groups) > 0 {
		if err := t.recogniseGroups(ctx, groups); err != nil {
			return err
		}
	}
	t.on.Plan.Sort()
	return nil
}

// recogniseGroups does that for some unique-ids.
func (t *twins) recogniseGroups(ctx context.Context, groups map[string]*twinGroup) error {
	pl := t.on.Plan
	t.joinTwins(groups)
	var nums []int
	for _, g := range groups {
		if g.tell = g.tell && len(g.at) <= twinsMost; g.tell {
			for _, e := range g.at {
				nums = append(nums, e.Num)
			}
		}
	}
	slices.Sort(nums)
	tops, err := t.headers.Fingerprints(ctx, nums)
	if err != nil {
		return err
	}
	t.twinTops = tops
	for _, uid := range slices.Sorted(maps.Keys(groups)) {
		g := groups[uid]
		blind := false
		for _, e := range g.at {
			blind = blind || tops[e.Num] == (uidl.Fingerprint{}) // no TOP, or nothing to recognise it by
		}
		if blind && !g.open && len(g.at) <= twinsMost {
			if err := t.compareTwins(ctx, uid, g); err != nil {
				return err
			}
		}
		if g.tell = g.tell && !blind; !g.tell {
			for _, k := range g.known {
				pl.Decide(k)
			}
			continue
		}
		if err := t.placeTwins(ctx, uid, g, tops); err != nil {
			return err
		}
	}
	return nil
}

// compareTwins has all of a group read and compared by content, once it is not as it was: another size, or one less. Where
// sizes are the same, each is taken for what its place says, and what is listed behind them is new.
func (t *twins) compareTwins(ctx context.Context, uid string, g *twinGroup) error {
	// What is watched is read by itself, on a day of its own.
	compared := slices.DeleteFunc(slices.Clone(g.known), func(k plan.KnownStep) bool { return k.Watched })
	changed := slices.ContainsFunc(t.on.Plan.Gone, func(r int32) bool { return string(t.on.Rows.UID(int(r))) == uid }) ||
		slices.ContainsFunc(compared, func(k plan.KnownStep) bool { return k.Then == plan.Ask })
	if !changed || len(compared) == 0 {
		return nil
	}
	rows, err := t.desk.Settler.L.Find(ctx, groupKeys(uid, g))
	if err != nil {
		return err
	}
	free := g.at[len(g.at)-1].Key.Dup + 1
	for i := range rows {
		free = max(free, rows[i].Dup+1)
	}
	if t.known.free == nil {
		t.known.free = map[string]int{}
	}
	t.known.free[uid] = free
	for i := range g.known {
		g.known[i].Then, g.known[i].Reason = plan.Ask, plan.ReasonSize
	}
	for i := range t.on.Plan.Fetch {
		if f := &t.on.Plan.Fetch[i]; f.Key.UID == uid && !f.Owed && !plan.AskedAgain(f.Row) {
			f.Compare = true
		}
	}
	return nil
}

// groupKeys are the keys that messages of a group, and those that were listed behind them, may have.
func groupKeys(uid string, g *twinGroup) []uidl.Key {
	keys := make([]uidl.Key, 0, len(g.at)+MaxSiblings)
	for dup := range g.at[len(g.at)-1].Key.Dup + 1 + MaxSiblings {
		keys = append(keys, uidl.Key{UID: uid, Dup: dup})
	}
	return keys
}

// joinTwins adds what is to be fetched to its group. One of which something is on its way cannot be told apart.
func (t *twins) joinTwins(groups map[string]*twinGroup) {
	for k := range t.desk.Settler.Pending {
		if g := groups[k.UID]; g != nil {
			g.tell, g.open = false, true
		}
	}
	for _, f := range t.on.Plan.Fetch {
		switch g := groups[f.Key.UID]; {
		case g == nil:
		case f.Owed || f.Compare:
			g.tell, g.open = false, true
		default:
			g.tell = g.tell && !f.Moved
			g.at = append(g.at, f.Entry)
		}
	}
	for _, g := range groups {
		slices.SortFunc(g.at, func(a, b plan.Entry) int { return a.Key.Dup - b.Key.Dup })
	}
}

// placeTwins finds the row of each message of a group.
func (t *twins) placeTwins(ctx context.Context, uid string, g *twinGroup, tops map[int]uidl.Fingerprint) error {
	rows, err := t.desk.Settler.L.Find(ctx, groupKeys(uid, g))
	if err != nil {
		return err
	}
	own := map[uidl.Key]*uidl.Message{}
	left := map[uidl.Fingerprint][]*uidl.Message{}
	for i := range rows {
		if m := &rows[i]; m.State == uidl.Delivered || m.State == uidl.DeleteSent {
			own[m.Key] = m
			left[m.Fingerprint] = append(left[m.Fingerprint], m)
		}
	}
	take := func(m *uidl.Message) {
		left[m.Fingerprint] = slices.DeleteFunc(left[m.Fingerprint], func(o *uidl.Message) bool { return o == m })
	}
	step := map[int]plan.KnownStep{}
	for _, k := range g.known {
		step[k.Num] = k
	}
	var moved []plan.Entry
	for _, e := range g.at {
		if m := own[e.Key]; m != nil && m.Fingerprint == tops[e.Num] {
			take(m)
			t.stays(step[e.Num])
			continue
		}
		moved = append(moved, e)
	}
	to := map[uidl.Key]uidl.Key{} // where rows go
	t.makeRoom(uid, rows, left, moved, to)
	for _, e := range moved {
		if others := left[tops[e.Num]]; len(others) > 0 {
			t.known.takePlace(e, others[0])
			to[others[0].Key] = e.Key
			take(others[0])
			t.unfetch(e)
			t.on.Plan.Kept++
			continue
		}
		old, err := t.known.Renewal.former(ctx, e, tops[e.Num])
		if err != nil {
			return err
		}
		if old != nil {
			t.unfetch(e)
			t.known.Renewal.returns(e, old)
			continue
		}
		if own[e.Key] != nil { // else its fetch is planned
			t.desk.Rec.Reason(plan.ReasonNotSame)
			if !t.known.holds(e, own[e.Key].Row) {
				t.on.Plan.Wanted(&plan.Input{Policy: t.desk.Account.Policy}, plan.FetchStep{Entry: e, Row: plan.NoRow, Reason: plan.WhyOf(plan.ReasonNotSame)})
			}
		}
	}
	if t.desk.Health.Wire.Move(to) { // with the rows: what is watched is another message otherwise, and comes twice
		status := t.desk.Status()
		t.desk.Settler.Later(func(c *uidl.Change) { c.Status = status })
	}
	return nil
}

// makeRoom keeps the rows of messages that are not listed now, whose places others take: they may only be hidden. It notes in to
// where they are.
func (t *twins) makeRoom(uid string, rows []uidl.Message, left map[uidl.Fingerprint][]*uidl.Message, taken []plan.Entry, to map[uidl.Key]uidl.Key) {
	place := map[int]bool{}
	used := map[int]bool{}
	for _, e := range taken {
		place[e.Key.Dup] = true
		used[e.Key.Dup] = true
	}
	for i := range rows {
		used[rows[i].Dup] = true
	}
	back := map[uidl.Fingerprint]int{} // how many of a header are listed at another place
	for _, e := range taken {
		back[t.twinTops[e.Num]]++
	}
	free := t.on.Plan.Shared(uid) // none of those listed has this place
	for fp, list := range left {
		for _, m := range list[min(len(list), back[fp]):] {
			if !place[m.Dup] {
				continue
			}
			for used[free] {
				free++
			}
			used[free] = true
			kept := *m
			kept.Dup, kept.GoneAt, kept.GoneListing = free, t.on.ConfirmedNow(), max(t.desk.Settler.L.Info().Listings, 1)
			to[m.Key] = kept.Key
			t.desk.Settler.Later(func(c *uidl.Change) { c.Put = append(c.Put, kept) })
		}
	}
}

// stays deals with a message that is at the place where it was.
func (t *twins) stays(k plan.KnownStep) {
	if k.Then == plan.Ask {
		t.desk.Rec.Count(func(r *report.Report) { r.Questioned++ })
		t.desk.Settler.Later(func(c *uidl.Change) { t.known.markSame(c, k.Entry, k.Row) })
		if k.Then = plan.Stay; t.known.dueNow(k.Entry, k.Row) {
			k.Then = plan.Remove
		}
	}
	t.on.Plan.Decide(k)
}

// unfetch drops a planned fetch of a message that turned out to be known.
func (t *twins) unfetch(e plan.Entry) {
	t.on.Plan.Fetch = slices.DeleteFunc(t.on.Plan.Fetch, func(f plan.FetchStep) bool { return f.Num == e.Num })
}
