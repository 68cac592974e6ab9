package fetcher

import (
	"context"
	"net"
	"path/filepath"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test/fault"
	"github.com/popsync/popsync/uidl"
)

// account is what a pass is given.
func (w *world) account(tr *trouble) Account {
	a := w.acc
	a.Name = w.name
	a.Destinations = w.destinations(tr)
	a.Server.NoPipelining = w.d.one(4)
	a.Server.Dial = w.dial(cut(tr.conn, tr.plan), tr.buffered, tr.plan.Kind == fault.Stall)
	if tr.reset {
		dial := a.Server.Dial
		a.Server.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dial(ctx, network, addr)
			return reset{c}, err
		}
	}
	return a
}

// pass makes one pass with its trouble and checks what must hold after every one.
func (w *world) pass(tr *trouble) report.Report {
	w.passes++
	w.offer()
	w.look() // everything that is published now is known by its name
	before := w.foresee()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tr.life.end = cancel
	w.wire(tr, cancel)
	tr.ledger.Ledger, tr.ledger.life = w.ledger, &tr.life
	plan := tr.String()
	a := w.account(tr)
	tr.ledger.panics, tr.ledger.nameless = tr.panics, w.noUIDL
	w.clocks = append(w.clocks, w.now().Unix())
	rep := Run(ctx, &tr.ledger, a, w.opt)
	w.collect()
	w.look()
	w.logf("pass %d of %s [%s]: listed %d new %d deleted %d failed %d parked %d refetched %d adopted %d rebuilt %d held %d: %s %s %v %v", w.passes, w.name,
		plan, rep.Listed, rep.New, rep.Deleted, rep.Failed, rep.Parked, rep.Refetched, rep.Adopted, rep.Rebuilt, rep.Held, rep.Verdict.Class,
		rep.Verdict.Message, rep.Reasons, rep.Notes)
	if tr.ledger.snapped != nil {
		w.fail("%v", tr.ledger.snapped)
	} else if tr.ledger.left != nil {
		forgets := w.rows
		w.snap = *tr.ledger.left
		w.purged(forgets)
		w.adopt = w.facts().Adopt
	}
	w.after(tr, rep, before)
	return rep
}

// outlook is what is known before a pass of what it must do.
type outlook struct {
	refetches int    // published mail of an interrupted batch that its reader removed
	refuse    string // why it must not deliver; "": it may
	had       int    // how much all places have
}

// after checks what must hold after every pass.
func (w *world) after(tr *trouble, rep report.Report, before outlook) {
	w.t.Helper()
	dead, doubt := tr.life.isDead(), tr.ledger.hit && !nothingApplied(tr.ledger.err)
	switch {
	case dead:
	case doubt && rep.Verdict.Class == verdict.OK:
		w.fail("the pass counts as a success after a commit in doubt")
	case tr.ledger.late > 0:
		w.fail("%d commits after one in doubt", tr.ledger.late)
	case rep.Verdict.Stop:
		w.fail("the process stops without need: %v", rep.Err)
	case w.m.plain() && !w.m.readers && rep.Refetched != before.refetches && rep.Refetched > 0:
		w.fail("%d messages count as refetched, %d left no trace", rep.Refetched, before.refetches)
	}
	if p, ok := rep.Err.(*settle.PanicError); ok && p.Value != "injected" {
		w.fail("popsync panics: %v\n%s", p.Value, p.Stack)
	}
	if dead || rep.Verdict.Stop {
		w.reopen()
	}
	if before.refuse != "" && !rep.Untried {
		if rep.Verdict.Class == verdict.OK || rep.New > 0 || rep.Deleted > 0 || w.stock() > before.had {
			w.fail("the pass goes on although %s", before.refuse)
		}
	}
	w.orphaned(tr, dead)
	w.factsAreTrue()
	if w.verify && rep.Verdict.Class == verdict.OK && !rep.Untried {
		w.verify = w.facts().Verify
	}
}

// orphaned: what lies in tmp is named by the ledger, or was left there by a death, a panic or a failed commit.
func (w *world) orphaned(tr *trouble, dead bool) {
	op, err := tr.hit()
	rough := dead || tr.ledger.hit || tr.panics > 0 || op != opNone && (err == nil || op == opDiscard) || !w.m.plain()
	held := map[string]bool{}
	if !rough {
		for _, r := range w.tickets() {
			held[baseOf(r.Ticket)] = true
		}
	}
	for _, s := range w.slots {
		if s.remote != nil {
			continue
		}
		files, _ := readNames(filepath.Join(s.path, "tmp"))
		for _, f := range files {
			switch {
			case held[f] || w.orphans[f]:
			case rough:
				w.orphans[f] = true
			default:
				w.fail("%s is left in tmp and nobody knows of it", f)
			}
		}
	}
}

// stock counts all that any place ever got.
func (w *world) stock() (n int) {
	for _, b := range w.boxes {
		n += len(b.files)
	}
	for _, r := range w.remotes {
		n += r.seen
	}
	return n
}

var _ deliver.Target = (*chaosTarget)(nil)

// tickets are those that the ledger holds for Maildirs, with the rows that hold them, oldest first.
func (w *world) tickets() (rows []uidl.Delivery) {
	for _, r := range w.open {
		if len(r.Ticket) > 0 && r.Ticket[0] == '1' { // see deliver: the version of a Maildir's
			rows = append(rows, r)
		}
	}
	return rows
}
