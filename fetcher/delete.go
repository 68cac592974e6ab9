package fetcher

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// Deleter deletes what policy and the delete guard allow.
type Deleter struct {
	desk    *Desk
	on      *Session
	told    []uidl.Key  // messages whose DELE was answered +OK, while QUIT has not been sent
	claimed int         // of those: reported as deleted
	marks   []uidl.Mark // DELEs, to be committed before QUIT
}

// asked takes out of the plan what an earlier session of this pass has told the server to delete: it is listed still, so
// to ask again at once would go on for ever. The next pass does.
func (d *Deleter) asked() {
	pl := d.on.plan
	before := len(pl.Due)
	pl.Due = slices.DeleteFunc(pl.Due, func(k plan.KnownStep) bool { return d.desk.deleted[k.Key] })
	n := before - len(pl.Due)
	pl.Kept, pl.Asked = pl.Kept+n, pl.Asked+n
	if pl.Asked > 0 {
		d.desk.rec.Reason(plan.ReasonUndeleted)
	}
}

// deleteDue deletes what earlier sessions delivered and recognise let through.
func (d *Deleter) deleteDue(ctx context.Context) error {
	var again []uidl.Key
	for _, k := range d.on.plan.Due {
		if k.Row.State == uidl.DeleteSent {
			again = append(again, k.Key)
			d.on.redo(k.Key)
		}
	}
	d.inVain(again)
	var due []plan.Entry
	for _, k := range d.on.plan.Due {
		if !d.leftInVain(k.Key) {
			due = append(due, k.Entry)
		}
	}
	if left := len(d.on.plan.Due) - len(due); left > 0 {
		d.on.partial = true
		d.desk.rec.Count(func(r *report.Report) { r.Kept += left })
		due = d.wholly(due)
	}
	if len(due) > d.desk.Options.SessionMessages {
		due, d.on.cut = d.wholly(due[:d.desk.Options.SessionMessages]), true
	}
	if d.on.deletesNothing() {
		d.desk.rec.Count(func(r *report.Report) { r.Kept += len(due) })
		d.on.partial = d.on.partial || len(due) > 0
		return nil
	}
	if len(due) == 0 {
		return nil
	}
	if err := d.desk.Settler.LeaseLost(); err != nil {
		return err
	}
	err := d.on.c.Delete(ctx, numbers(due), d.deletion(due, func(e plan.Entry, accepted bool) {
		if accepted {
			d.marks = append(d.marks, uidl.Mark{Key: e.Key, State: uidl.DeleteSent})
		}
	}))
	d.on.steps.Stumbled(ctx, "DELE", err)
	if err == nil {
		err = d.on.steps.Lives(ctx)
	}
	return d.on.pipelined(err)
}

// toDelete is what this session delivered and the policy wants deleted at once.
func (d *Deleter) toDelete() []plan.Entry {
	due := d.desk.haul.deletable()
	var again []uidl.Key
	for _, e := range d.on.same {
		if d.on.twice[e.Key] {
			again = append(again, e.Key)
		}
	}
	d.inVain(again)
	resting := d.on.deletesNothing()
	d.on.partial = d.on.partial || resting
	if resting {
		d.desk.rec.Count(func(r *report.Report) { r.Kept += len(d.on.same) })
		d.on.same = nil
	}
	// What is wrong with deleting must not take back what else the session did: where it broke one, it has a session of its own.
	if d.desk.Account.NeverDelete || d.desk.Account.Policy.Delete != plan.DeleteAfterDelivery || d.desk.epoch.proven || resting || d.desk.turns.Purpose == health.NewMail {
		d.desk.rec.Count(func(r *report.Report) { r.Kept += len(due) })
		due = nil
	}
	due = slices.DeleteFunc(due, func(e plan.Entry) bool {
		came := d.desk.Health.Wire.Reading(e.Key)
		d.desk.rec.Count(func(r *report.Report) { r.Kept += b2i(came != nil) })
		return came != nil // it is looked at again on another day
	})
	due = slices.DeleteFunc(append(due, d.on.same...), d.leftThere)
	due = d.wholly(due)
	slices.SortFunc(due, func(a, b plan.Entry) int { return cmp.Compare(a.Num, b.Num) })
	return due
}

// leftThere tells whether a message that is to be deleted broke a session and is left alone. It goes by its place while it has no
// unique-id.
func (d *Deleter) leftThere(e plan.Entry) bool {
	if len(d.desk.Health.Stumbles.Marks) == 0 {
		return false
	}
	k, ok := d.on.steps.Marked()[e.Num]
	if !ok {
		return false
	}
	m := d.desk.Health.Stumbles.Mark(k)
	left := m.Alone(d.desk.now()) || d.desk.turns.Charged[k]
	if !left && m.Step != health.StepQuit && d.desk.turns.Purpose != health.OldTrouble {
		d.desk.turns.Retry, left = append(d.desk.turns.Retry, k), true
	}
	d.on.partial = d.on.partial || left
	d.desk.rec.Count(func(r *report.Report) { r.Kept += b2i(left) })
	return left
}

// deletesNothing tells whether DELE rests.
func (s *Session) deletesNothing() bool {
	t := &s.desk.Health.Stumbles
	return s.leftOut || t.Rests("DELE", s.desk.now()) != nil || t.Rests(health.StepQuit, s.desk.now()) != nil
}

// rollBack takes back what a session deleted that ended without QUIT: nothing of it counts (RFC 1939, section 6), and it is to
// be done again.
func (d *Deleter) rollBack() {
	for _, k := range d.told {
		delete(d.desk.deleted, k)
	}
	d.desk.rec.Count(func(r *report.Report) { r.Deleted -= d.claimed })
	d.told, d.claimed = nil, 0
}

// wholly leaves out messages that share their UID with a listed one that is not to go now: the others would move up in
// its place, and nothing but their content could tell which was delivered.
func (d *Deleter) wholly(due []plan.Entry) []plan.Entry {
	if len(d.on.plan.Shared) == 0 {
		return due
	}
	going := map[string]int{}
	for _, e := range due {
		going[e.Key.UID]++
	}
	return slices.DeleteFunc(due, func(e plan.Entry) bool {
		stays := going[e.Key.UID] < d.on.plan.Shared[e.Key.UID]
		if stays {
			d.desk.rec.Reason(plan.ReasonDuplicate)
			d.desk.rec.Count(func(r *report.Report) { r.Kept++ })
		}
		return stays
	})
}

// numbers are the messages to delete. Until QUIT nothing has happened to them.
func numbers(due []plan.Entry) iter.Seq[pop3.Item] {
	return func(yield func(pop3.Item) bool) {
		for _, e := range due {
			if !yield(pop3.Item{Num: e.Num}) {
				return
			}
		}
	}
}

// deletion takes the replies to DELE for messages that the ledger has as delivered, and hands each on.
func (d *Deleter) deletion(due []plan.Entry, then func(e plan.Entry, accepted bool)) func(pop3.Response) error {
	n := 0
	return func(r pop3.Response) error {
		e := due[n]
		n++
		if r.Err != nil {
			d.on.steps.WasRefused("DELE", e.Num, r.Err)
			if verdict.SaysGone(r.Err) && !d.desk.vanishedUnnoted() { // what was to be done is done; the next listing tells
				d.desk.rec.Reason(reasonVanished)
				then(e, false)
				return nil
			}
			d.desk.rec.Fails("server refused DELE: " + r.Err.Error())
			d.desk.rec.Count(func(rep *report.Report) { rep.Kept++ })
			d.desk.Log.Warn("not deleted", zap.String("uid", words.Quote(e.Key.UID)), zap.String("error", r.Err.Error()))
			then(e, false)
			return nil
		}
		d.on.steps.WentWell("DELE", e.Num)
		d.desk.deleted[uidl.Key{UID: strings.Clone(e.Key.UID), Dup: e.Key.Dup}] = true // a part of it would keep much of this listing
		d.told = append(d.told, e.Key)
		if d.on.removed == nil {
			d.on.removed = map[int]bool{}
		}
		d.on.removed[e.Num] = true
		claims := b2i(d.claims(e.Key))
		d.claimed += claims
		d.desk.rec.Count(func(rep *report.Report) { rep.Deleted += claims; rep.Kept += 1 - claims })
		then(e, true)
		return nil
	}
}

// unconfirmed tells of a QUIT that was not answered with +OK, after so many DELEs (RFC 1939, section 6), if what was deleted the
// last time is listed still. Once it means little: another client may have deleted a message meanwhile.
func (d *Deleter) unconfirmed(err error, deleted int) {
	if err == nil {
		d.answered()
	}
	if err == nil || deleted == 0 || !d.on.redone {
		return
	}
	d.desk.rec.Count(func(r *report.Report) { r.Deleted -= d.claimed; r.Kept += d.claimed })
	d.desk.rec.Befell(verdict.Verdict{Class: verdict.Temporary, Message: words.Clip("the server did not confirm that it deletes anything: " + err.Error()),
		Hint: "nothing is lost: what it still lists is deleted again; if it goes on, ask the provider"})
}
