package fetcher

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
)

// settleDown ends all faults and lets popsync run until nothing changes any more; then all promises must be kept.
func (w *world) settleDown() {
	w.quiet, w.common.d, w.wired, w.sores, w.keys = true, &dice{}, &dice{}, &dice{}, &dice{}
	w.logf("the faults are over")
	for _, l := range w.letters {
		if l.onServer {
			l.listed = true
		}
	}
	for w.mount() {
	}
	for _, r := range w.remotes {
		r.down = false
	}
	w.skew = 0
	w.said(health.Pause(context.Background(), w.ledger, w.name, false))
	w.offset = max(w.offset, 0) + 50*24*time.Hour // later than ever before
	still, enough := 0, 3
	if w.acc.Policy.Delete == plan.DeleteAfterAge {
		enough = 6 // an age counts from when a clock was right
	}
	if w.m.clocks {
		enough = 8 // a clock that was wrong for days takes days to be right again
	}
	if slices.ContainsFunc(w.letters, func(l *letter) bool { return l.onServer && l.ListSize != 0 && l.ListSize != l.octets }) {
		enough = max(enough, 6) // what came with another size takes days to be believed
	}
	for n := 0; still < enough; n++ {
		if n == 60 {
			w.fail("no end")
			return
		}
		rep := w.pass(&trouble{vanish: -1})
		if w.broken {
			return
		}
		if still++; rep.New+rep.Deleted+rep.Failed+rep.Recovered+rep.Adopted+rep.Rebuilt > 0 {
			still = 0
		}
		if rep.Verdict.Class == verdict.Config && !w.steady {
			w.sayAdopt()
		}
		if rep.Held > 0 {
			w.accept()
			still = 0
		}
		w.offset += 25 * time.Hour
	}
	if w.judge(); w.m.plain() && !w.broken {
		w.sweep()
	}
}

// sweep: what is left in tmp goes when it is old.
func (w *world) sweep() {
	tmp := filepath.Join(w.slots[0].path, "tmp")
	files, _ := os.ReadDir(tmp)
	old := time.Now().Add(-37 * time.Hour)
	for _, f := range files {
		if err := os.Chtimes(filepath.Join(tmp, f.Name()), old, old); err != nil {
			w.t.Fatal(err)
		}
	}
	if len(files) == 0 {
		return
	}
	w.pass(&trouble{vanish: -1})
	if files, _ = os.ReadDir(tmp); len(files) > 0 {
		w.fail("%d old files are left in tmp", len(files))
	}
}
