// Package deletions deletes on the server what policy and the delete guard allow, and ends the session.
//
// What is due by the plan, and what the session delivered if the policy says so, is told to the server by DELE. QUIT makes that count
// (RFC 1939, section 6), so 'delete_sent' is committed before QUIT leaves; both need the lease. Nothing else is deleted: not what
// shares its unique-id with a message that stays, nothing while a step rests, nor what broke sessions before, or what the server keeps
// in spite of its +OK, while that is left alone. A session that ends without QUIT is rolled back.
//
// It does not decide what is due: that is for fetcher/plan and fetcher/recognise. The fetcher calls it, on the session's goroutine.
package deletions

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/desk"
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
	Desk    *desk.Desk
	On      *desk.Session
	told    []uidl.Key  // messages whose DELE was answered +OK, while QUIT has not been sent
	claimed int         // of those: reported as deleted
	marks   []uidl.Mark // DELEs, to be committed before QUIT
}

// SkipAsked takes out of the plan what an earlier session of this pass has told the server to delete: it is listed still, so
// to ask again at once would go on for ever. The next pass does.
func (d *Deleter) SkipAsked() {
	pl := d.On.Plan
	before := len(pl.Due)
	pl.Due = slices.DeleteFunc(pl.Due, func(k plan.KnownStep) bool { return d.Desk.Deleted[k.Key] })
	n := before - len(pl.Due)
	pl.Kept, pl.Asked = pl.Kept+n, pl.Asked+n
	if pl.Asked > 0 {
		d.Desk.Rec.Reason(plan.ReasonUndeleted)
	}
}

// DeleteDue deletes what earlier sessions delivered, and recognising let through.
func (d *Deleter) DeleteDue(ctx context.Context) error {
	var again []uidl.Key
	for _, k := range d.On.Plan.Due {
		if k.Row.State == uidl.DeleteSent {
			again = append(again, k.Key)
			d.On.Redo(k.Key)
		}
	}
	d.inVain(again)
	var due []plan.Entry
	for _, k := range d.On.Plan.Due {
		if !d.leftInVain(k.Key) {
			due = append(due, k.Entry)
		}
	}
	if left := len(d.On.Plan.Due) - len(due); left > 0 {
		d.On.Partial = true
		d.Desk.Rec.Count(func(r *report.Report) { r.Kept += left })
		due = d.wholly(due)
	}
	if len(due) > d.Desk.Options.SessionMessages {
		due, d.On.Cut = d.wholly(due[:d.Desk.Options.SessionMessages]), true
	}
	if d.On.DeletesNothing() {
		d.Desk.Rec.Count(func(r *report.Report) { r.Kept += len(due) })
		d.On.Partial = d.On.Partial || len(due) > 0
		return nil
	}
	if len(due) == 0 {
		return nil
	}
	if err := d.Desk.Settler.LeaseLost(); err != nil {
		return err
	}
	err := d.On.C.Delete(ctx, numbers(due), d.deletion(due, func(e plan.Entry, accepted bool) {
		if accepted {
			d.marks = append(d.marks, uidl.Mark{Key: e.Key, State: uidl.DeleteSent})
		}
	}))
	d.On.Steps.Stumbled(ctx, "DELE", err)
	if err == nil {
		err = d.On.Steps.Lives(ctx)
	}
	return d.On.Pipelined(err)
}

// toDelete is what this session delivered and the policy wants deleted at once.
func (d *Deleter) toDelete() []plan.Entry {
	due := d.Desk.Haul.Deletable()
	var again []uidl.Key
	for _, e := range d.On.Same {
		if d.On.Twice[e.Key] {
			again = append(again, e.Key)
		}
	}
	d.inVain(again)
	resting := d.On.DeletesNothing()
	d.On.Partial = d.On.Partial || resting
	if resting {
		d.Desk.Rec.Count(func(r *report.Report) { r.Kept += len(d.On.Same) })
		d.On.Same = nil
	}
	// What is wrong with deleting must not take back what else the session did: where it broke one, it has a session of its own.
	if d.Desk.Account.NeverDelete || !d.Desk.Account.Policy.DeletesAtOnce() || d.Desk.Epoch.Proven || resting || d.Desk.Turns.Purpose == health.NewMail {
		d.Desk.Rec.Count(func(r *report.Report) { r.Kept += len(due) })
		due = nil
	}
	due = slices.DeleteFunc(due, func(e plan.Entry) bool {
		stays := !d.On.GoesAtOnce(e)
		d.Desk.Rec.Count(func(r *report.Report) { r.Kept += desk.Count(stays) })
		return stays
	})
	due = slices.DeleteFunc(due, func(e plan.Entry) bool {
		came := d.Desk.Health.Wire.Reading(e.Key)
		d.Desk.Rec.Count(func(r *report.Report) { r.Kept += desk.Count(came != nil) })
		return came != nil // it is looked at again on another day
	})
	due = slices.DeleteFunc(append(due, d.On.Same...), d.leftThere)
	due = d.wholly(due)
	slices.SortFunc(due, func(a, b plan.Entry) int { return cmp.Compare(a.Num, b.Num) })
	return due
}

// leftThere tells whether a message that is to be deleted broke a session and is left alone. It goes by its place while it has no
// unique-id.
func (d *Deleter) leftThere(e plan.Entry) bool {
	if len(d.Desk.Health.Stumbles.Marks) == 0 {
		return false
	}
	k, ok := d.On.Steps.Marked()[e.Num]
	if !ok {
		return false
	}
	m := d.Desk.Health.Stumbles.Mark(k)
	left := m.Alone(d.Desk.Now()) || d.Desk.Turns.Charged[k]
	if !left && m.Step != health.StepQuit && d.Desk.Turns.Purpose != health.OldTrouble {
		d.Desk.Turns.Retry, left = append(d.Desk.Turns.Retry, k), true
	}
	d.On.Partial = d.On.Partial || left
	d.Desk.Rec.Count(func(r *report.Report) { r.Kept += desk.Count(left) })
	return left
}

// RollBack takes back what a session deleted that ended without QUIT: nothing of it counts (RFC 1939, section 6), and it is to
// be done again.
func (d *Deleter) RollBack() {
	for _, k := range d.told {
		delete(d.Desk.Deleted, k)
	}
	d.Desk.Rec.Count(func(r *report.Report) { r.Deleted -= d.claimed })
	d.told, d.claimed = nil, 0
}

// wholly leaves out messages that share their UID with a listed one that is not to go now: the others would move up in
// its place, and nothing but their content could tell which was delivered.
func (d *Deleter) wholly(due []plan.Entry) []plan.Entry {
	if d.On.Plan.SharedBy == 0 {
		return due
	}
	going := map[string]int{}
	for _, e := range due {
		going[e.Key.UID]++
	}
	return slices.DeleteFunc(due, func(e plan.Entry) bool {
		stays := going[e.Key.UID] < d.On.Plan.Shared(e.Key.UID)
		if stays {
			d.Desk.Rec.Reason(plan.ReasonDuplicate)
			d.Desk.Rec.Count(func(r *report.Report) { r.Kept++ })
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
			d.On.Steps.WasRefused("DELE", e.Num, r.Err)
			if verdict.SaysGone(r.Err) && !d.Desk.SaysGoneAgain() { // what was to be done is done; the next listing tells
				d.Desk.Rec.Reason(desk.ReasonVanished)
				then(e, false)
				return nil
			}
			d.Desk.Rec.Fails("server refused DELE: " + r.Err.Error())
			d.Desk.Rec.Count(func(rep *report.Report) { rep.Kept++ })
			d.Desk.Log.Warn("not deleted", zap.String("uid", words.Quote(e.Key.UID)), zap.String("error", r.Err.Error()))
			then(e, false)
			return nil
		}
		d.On.Steps.WentWell("DELE", e.Num)
		d.Desk.Deleted[uidl.Key{UID: strings.Clone(e.Key.UID), Dup: e.Key.Dup}] = true // a part of it would keep much of this listing
		d.told = append(d.told, e.Key)
		if d.On.Removed == nil {
			d.On.Removed = map[int]bool{}
		}
		d.On.Removed[e.Num] = true
		claims := desk.Count(d.claims(e.Key))
		d.claimed += claims
		d.Desk.Rec.Count(func(rep *report.Report) { rep.Deleted += claims; rep.Kept += 1 - claims })
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
	if err == nil || deleted == 0 || !d.On.Redone {
		return
	}
	d.Desk.Rec.Count(func(r *report.Report) { r.Deleted -= d.claimed; r.Kept += d.claimed })
	d.Desk.Rec.Befell(verdict.Verdict{Class: verdict.Temporary, Message: words.Clip("the server did not confirm that it deletes anything: " + err.Error()),
		Hint: "nothing is lost: what it still lists is deleted again; if it goes on, ask the provider"})
}
