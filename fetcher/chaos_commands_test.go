package fetcher

import (
	"context"
	"errors"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/uidl"
)

// command is something that a person says or looks at between two passes.
func (w *world) command() {
	d := w.d
	ctx := context.Background()
	switch d.n(12) {
	case 1:
		w.sayAdopt()
	case 2:
		w.backfill(w.slots[d.n(len(w.slots))], uidl.Fetch)
	case 3:
		w.backfill(w.slots[d.n(len(w.slots))], uidl.Without)
	case 4:
		w.logf("vouch")
		w.riskVouch()
		_ = operator.Vouch(ctx, w.ledger, w.name) // it knows the account, or not yet
	case 5:
		w.said(health.Wake(ctx, w.ledger, w.name, false))
	case 6:
		w.said(health.Pause(ctx, w.ledger, w.name, d.one(2)))
	case 7, 8:
		w.accept()
	case 9:
		w.dryRun()
	case 10, 11:
		a, err := w.ledger.Acquire(ctx, w.name) // a look
		if w.said(err); err == nil {
			w.said(a.Close())
		}
	}
}

func (w *world) said(err error) {
	if err != nil {
		w.fail("a person is told: %v", err)
	}
}

func (w *world) sayAdopt() {
	w.logf("adopt")
	w.said(operator.Adopt(context.Background(), w.ledger, w.name))
	w.adopt = w.info.Epoch > 0
}

func (w *world) accept() {
	w.riskAccept()
	_, held, err := operator.Accept(context.Background(), w.ledger, w.name, w.now())
	w.logf("accept: %d were held", held)
	w.said(err)
}

func (w *world) backfill(s *slot, rest uidl.Rest) {
	if rest == uidl.Fetch {
		w.riskFetch()
	}
	err := operator.Backfill(context.Background(), w.ledger, w.name, s.name, rest)
	w.logf("backfill %s %d: %v", s.name, rest, err)
}

// dryRun changes nothing anywhere.
func (w *world) dryRun() {
	tr := &trouble{vanish: -1}
	w.offer()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w.wire(tr, cancel)
	tr.ledger.Ledger, tr.ledger.life, tr.life.end = w.ledger, &tr.life, cancel
	a, o := w.account(tr), w.opt
	o.DryRun = true
	rep := Run(ctx, &tr.ledger, a, o)
	w.serving.Wait()
	w.logf("dry run: %s %s", rep.Verdict.Class, rep.Verdict.Message)
	if tr.ledger.commits > 0 {
		w.fail("a dry run writes")
	}
	var p *settle.PanicError
	if errors.As(rep.Err, &p) {
		w.fail("a dry run panics: %v\n%s", p.Value, p.Stack)
	}
}
