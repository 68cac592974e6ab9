package fetcher

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/uidl"
)

// Recogniser finds out which messages are known ones.
type Recogniser struct {
	desk    *Desk
	on      *Session
	headers *Tops
	mailbox *Mailbox
	renewal *Renewal
	twins   *twins

	details  map[uidl.Key]*uidl.Message // of the rows in question
	stands   map[uidl.Key]bool          // rows whose message was read, is listed with another size and is the same
	doubted  bool                       // the ledger may be an older copy
	free     map[string]int             // of unique-ids whose messages are all compared in this session: a place that none has
	homeless []*uidl.Message            // and of those messages: whose places others took
}

func newRecogniser(d *Desk, on *Session, h *Tops, m *Mailbox) *Recogniser {
	g := &Recogniser{desk: d, on: on, headers: h, mailbox: m, renewal: &Renewal{desk: d, on: on, headers: h, mailbox: m}}
	g.twins = &twins{desk: d, on: on, headers: h, known: g}
	return g
}

// recogniseAll makes sure of messages before anything that cannot be undone: those due for deletion (the delete guard)
// and those that may be others than the ledger thinks. A header fingerprint by TOP decides. Without TOP, a due message
// passes if its size is the same and it was never missing from a listing; one in question is retrieved and compared.
func (g *Recogniser) recogniseAll(ctx context.Context) error {
	pl := g.on.plan
	g.on.cut = g.on.cut || pl.Later > 0
	if len(pl.Due) > g.desk.Options.SessionMessages {
		// Those that share a UID may have to stay; they must not take the others' places for ever.
		slices.SortStableFunc(pl.Due, func(a, b plan.KnownStep) int { return cmp.Compare(b2i(a.Shared), b2i(b.Shared)) })
		pl.Due, g.on.cut = pl.Due[:g.desk.Options.SessionMessages], true
	}
	steps := slices.Concat(pl.Due, pl.Question)
	if len(steps) == 0 {
		return nil
	}
	if err := g.loadDetails(ctx, steps); err != nil {
		return err
	}
	tops, err := g.tops(ctx, steps)
	if err != nil {
		return err
	}
	if g.desk.cutFlights == 0 && !g.desk.alone && !g.desk.turns.Suspecting { // else they were counted by the session before
		g.desk.rec.Count(func(r *report.Report) { r.Questioned += len(pl.Question) })
	}
	due := pl.Due
	pl.Due = nil
	shared := map[string][]plan.KnownStep{}
	for _, k := range due {
		if k.Shared {
			shared[k.Key.UID] = append(shared[k.Key.UID], k)
			continue
		}
		if err := g.guard(ctx, k, tops[k.Num]); err != nil {
			return err
		}
	}
	for _, group := range shared {
		if err := g.guardShared(ctx, group, tops); err != nil {
			return err
		}
	}
	for _, k := range pl.Question {
		if err := g.answer(ctx, k, tops[k.Num]); err != nil {
			return err
		}
	}
	pl.Sort()
	return nil
}

// loadDetails reads the fingerprints and hashes of the rows at hand.
func (g *Recogniser) loadDetails(ctx context.Context, steps []plan.KnownStep) error {
	g.details = make(map[uidl.Key]*uidl.Message, len(steps))
	keys := make([]uidl.Key, len(steps))
	for i := range steps {
		keys[i] = steps[i].Key
	}
	for chunk := range slices.Chunk(keys, 500) {
		found, err := g.desk.Settler.L.Find(ctx, chunk)
		if err != nil {
			return err
		}
		for i := range found {
			g.details[found[i].Key] = &found[i]
		}
	}
	return nil
}

// tops fetches the headers of messages, pipelined, and returns their fingerprints by number; what is missing or zero
// could not be had.
func (g *Recogniser) tops(ctx context.Context, steps []plan.KnownStep) (map[int]uidl.Fingerprint, error) {
	nums := make([]int, len(steps))
	for i := range steps {
		nums[i] = steps[i].Num
	}
	slices.Sort(nums)
	return g.headers.fingerprints(ctx, nums)
}

// verdict of a comparison.
type likeness int

const (
	unknown likeness = iota
	same
	other
)

// likenessOf compares what was stored at delivery with what TOP gave.
func (g *Recogniser) likenessOf(k plan.KnownStep, top uidl.Fingerprint) likeness {
	row := g.details[k.Key]
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
	if like == same && g.headers.weak[k.Num] && k.Reason == plan.ReasonUndeleted {
		like = unknown // such a header other messages have too, and its unique-id may be another's by now
	}
	switch like {
	case same:
		g.on.plan.Due = append(g.on.plan.Due, k)
	case other:
		return g.isNew(ctx, k, top)
	default:
		if k.Reason == plan.ReasonUndeleted {
			// Its UID may have been given to a new message since DELE: look at it before the next DELE.
			g.compare(k)
			return nil
		}
		if row := g.details[k.Key]; row == nil || row.SHA256 == ([32]byte{}) {
			// Only its unique-id says that it was delivered: see rebuild.
			g.on.plan.Kept++
			g.desk.rec.Reason(plan.ReasonUnproven)
			return nil
		}
		g.on.plan.Due = append(g.on.plan.Due, k)
	}
	return nil
}

// guardShared lets messages with one UID through only all together, and only if their headers are those that were
// delivered: which of them a number means may have changed.
func (g *Recogniser) guardShared(ctx context.Context, group []plan.KnownStep, tops map[int]uidl.Fingerprint) error {
	left := map[uidl.Fingerprint]int{}
	for _, k := range group {
		if row := g.details[k.Key]; row != nil {
			left[row.Fingerprint]++
		}
	}
	known := true
	for _, k := range group {
		top, ok := tops[k.Num]
		switch {
		case !ok || top == (uidl.Fingerprint{}) || g.headers.weak[k.Num]:
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
	if known && len(group) == group[0].Copies {
		g.on.plan.Due = append(g.on.plan.Due, group...)
		return nil
	}
	g.desk.rec.Count(func(r *report.Report) { r.Kept += len(group) })
	g.desk.rec.Reason(plan.ReasonDuplicate)
	return nil
}

// answer settles a question.
func (g *Recogniser) answer(ctx context.Context, k plan.KnownStep, top uidl.Fingerprint) error {
	like := g.likenessOf(k, top)
	if open := k.Row.State != uidl.Delivered && k.Row.State != uidl.DeleteSent; open && like == other {
		g.mailbox.displace(k.Key, uidl.Key{})
		g.on.plan.Pending++
		return nil
	}
	if like == same && g.headers.weak[k.Num] {
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
		g.on.plan.Pending++ // it is on its way
		return
	}
	if !k.Shared && g.dueNow(k.Row) {
		g.on.plan.Due = append(g.on.plan.Due, k)
		return
	}
	g.on.plan.Kept++
}

func (g *Recogniser) markSame(c *uidl.Change, e plan.Entry, row uidl.Row) {
	fresh := row.GoneAt != 0 || e.Size != 0 && e.Size != row.Size || g.desk.elsewhere && !g.mailbox.met[e.Key]
	if g.desk.elsewhere {
		if g.mailbox.met == nil {
			g.mailbox.met = map[uidl.Key]bool{}
		}
		g.mailbox.met[e.Key] = true
	}
	if came := g.desk.Health.Wire.Reading(e.Key); came != nil && !came.Done { // it was delivered, whatever came since
		g.desk.Health.Wire.Forget(e.Key)
	}
	c.At = g.desk.now().Unix()
	if row.GoneAt != 0 {
		c.Back = append(c.Back, e.Key)
	}
	if row.State != uidl.Delivered && row.State != uidl.DeleteSent || g.desk.Settler.Pending[e.Key] != nil {
		// It was on its way when its row was read, and may have arrived since: whoever settles it writes the rest.
		if e.Size != 0 {
			c.Mark = append(c.Mark, uidl.Mark{Key: e.Key, Size: e.Size})
		}
		if fresh && !strings.HasPrefix(e.Key.UID, plan.ContentName) {
			g.desk.haul.gain(1)
		}
		return
	}
	state := row.State
	if state == uidl.DeleteSent && !g.dueNow(row) {
		state = uidl.Delivered // recognised and kept: no question any more
	}
	if (fresh || state != row.State) && !strings.HasPrefix(e.Key.UID, plan.ContentName) { // else the next session asks once more
		g.desk.haul.gain(1)
	}
	c.Mark = append(c.Mark, uidl.Mark{Key: e.Key, State: state, Size: e.Size, Attempts: row.Attempts, NextTry: row.NextTry})
}

func (g *Recogniser) dueNow(row uidl.Row) bool {
	in := plan.Input{Policy: g.desk.Account.Policy, NeverDelete: g.desk.Account.NeverDelete || g.desk.epoch.spare, Aged: g.on.clock.Aged, Now: g.desk.now()}
	return in.Due(row) && g.desk.Settler.Set.Keeps(row.Facts) == ""
}

// isNew plans a message that came under a known UID: its row is replaced when it is delivered.
func (g *Recogniser) isNew(ctx context.Context, k plan.KnownStep, top uidl.Fingerprint) error {
	moved, err := g.sibling(ctx, k.Key, func(m *uidl.Message) bool { return m.Fingerprint == top })
	if err != nil {
		return err
	}
	if moved != nil {
		g.takePlace(k.Entry, moved)
		g.on.plan.Kept++
		return nil
	}
	if old, err := g.renewal.former(ctx, k.Entry, top); old != nil || err != nil {
		if err == nil {
			g.renewal.returns(k.Entry, old)
		}
		return err
	}
	g.desk.rec.Reason(plan.ReasonNotSame)
	if g.holds(k.Entry, k.Row) {
		return nil
	}
	g.on.plan.Wanted(&plan.Input{Policy: g.desk.Account.Policy}, plan.FetchStep{Entry: k.Entry, Row: plan.NoRow, Reason: plan.ReasonNotSame})
	return nil
}

// holds holds a message back that came under a known unique-id, where an older ledger may not know that it was delivered.
// For a while after, that is so of unique-ids that the older one had: a listing may have hidden the message until now; and of
// those that a Maildir showed, where nothing could be compared: what it shows may be of a message that had the unique-id before.
// before is the row that it has the unique-id of.
func (g *Recogniser) holds(e plan.Entry, before uidl.Row) bool {
	lost := g.desk.Health.LostAt
	late := lost != 0 && g.desk.now().Unix()-lost < plan.Lately && before.FirstSeen <= lost &&
		(before.Generation != uidl.BeforeAll || before.Have.Has(uidl.Unsure))
	if !g.doubted && !late {
		return false
	}
	held := g.desk.lost.HeldBack(e)
	g.desk.Settler.Later(func(c *uidl.Change) {
		c.At = g.desk.now().Unix()
		c.Put = append(c.Put, held)
	})
	g.desk.rec.Count(func(r *report.Report) { r.Unfetched++ })
	return true
}

// compare plans to retrieve a message only to see whether it is the known one.
func (g *Recogniser) compare(k plan.KnownStep) {
	if g.on.noCompare {
		g.on.plan.Kept++
		g.on.partial = true
		return
	}
	g.on.plan.Fetch = append(g.on.plan.Fetch, plan.FetchStep{Entry: k.Entry, Row: plan.OwnRow(k.Row), Reason: k.Reason, Compare: true})
}

// isLike tells whether a message that was read is the one that a row stands for: by its content, or by its header if that
// says enough, since servers add and change lines.
func (g *Recogniser) isLike(row *uidl.Message, m *settle.Received) bool {
	if m.Strong && row.Fingerprint == m.Msg.Fingerprint {
		return true
	}
	return row.SHA256 != [32]byte{} && (row.SHA256 == m.Msg.SHA256 || row.SHA256 == m.Whole)
}

// isSame compares a message that was retrieved again with the one that was delivered.
func (g *Recogniser) isSame(ctx context.Context, f *plan.FetchStep, m *settle.Received) bool {
	g.on.steps.WentWell("RETR", f.Num)
	row := g.details[f.Key]
	open := f.Row.State != uidl.Delivered && f.Row.State != uidl.DeleteSent
	if open && row != nil {
		if g.isLike(row, m) {
			g.desk.Settler.Later(func(c *uidl.Change) { g.markSame(c, f.Entry, *f.Row) })
		} else {
			g.mailbox.displace(f.Key, uidl.Key{})
		}
		return true
	}
	if row == nil || g.renewal.moved[f.Key] || !g.isLike(row, m) && !g.desk.lost.Shows(ctx, row, m) {
		moved, err := g.sibling(ctx, f.Key, func(o *uidl.Message) bool { return g.isLike(o, m) })
		if err != nil || moved == nil { // an error here is met again at the next commit
			g.desk.rec.Reason(plan.ReasonNotSame)
			return g.holds(f.Entry, *f.Row)
		}
		g.takePlace(f.Entry, moved)
		g.desk.haul.keepSafe(f.Num)
		g.desk.rec.Count(func(rep *report.Report) { rep.Kept++ })
		return true
	}
	if f.Reason == plan.ReasonSize {
		if g.stands == nil {
			g.stands = map[uidl.Key]bool{}
		}
		g.stands[f.Key] = true
	}
	g.desk.Settler.Later(func(c *uidl.Change) { g.markSame(c, f.Entry, *f.Row) })
	g.desk.haul.keepSafe(f.Num)
	if g.dueNow(*f.Row) {
		if f.Row.State == uidl.DeleteSent {
			g.on.redo(f.Key)
		}
		g.on.same = append(g.on.same, f.Entry)
		return true
	}
	if f.Nameless {
		g.desk.haul.rereads()
	}
	g.desk.rec.Count(func(rep *report.Report) { rep.Kept++ })
	return true
}
