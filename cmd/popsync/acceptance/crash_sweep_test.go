//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/popsync/popsync/internal/crash"
)

// crashScenario is one way to interrupt popsync and to go on.
type crashScenario struct {
	name    string
	control string // what is wrong with the program; "": nothing
	policy  string // delete
	users   int    // accounts that deliver into the one Maildir; 0: one
	batch   int    // messages of a batch; 0: 3, of 10 messages for each user
	disk    bool   // not in memory
	remote  string // "smtp" or "command": such a destination beside the Maildir
	older   bool   // the ledger is an ordinary build's: it makes a pass, and the runs before
	first   bool   // with older: the ledger is given the first schema then

	before  []crashStop                          // runs before the one that is swept, each killed at a step
	prepare func(w *crashWorld, r *rand.Rand)    // between these and the one that is swept
	between func(w *crashWorld, r *rand.Rand)    // between the swept run and the next
	counts  func(c crash.Call, step string) bool // which calls are points; nil: all
	fault   crashFault
	varies  bool     // the calls of a run depend on what a reader took before
	stride  int      // every how many-th point; 0: every one
	plain   int      // runs without interruption before all points; 0: three
	must    []string // steps that must be hit
}

// crashStop is the n-th call of a step; call "" means any.
type crashStop struct {
	step, call string
	n          int
}

// crashFault is what happens at a point.
type crashFault int

const (
	faultKill       crashFault = iota // the process is killed before the call
	faultOnce                         // the call fails with EIO
	faultFromThenOn                   // it and every later one fail
	faultThenKill                     // it fails, and the process is killed before it next touches the ledger
)

// tries is how often a point is tried again when a run had fewer calls than others: with two batches on the way, and
// the pages of a database, runs differ by a few.
const tries = 20

// sweep goes through a scenario's points, two at a time, until no run has further calls.
func (sc *crashScenario) sweep(t *testing.T) *tally {
	t.Helper()
	y := &tally{hits: map[string]int{}}
	root := crashRoot(t)
	if sc.disk {
		root = t.TempDir()
	}
	program(t, sc.control)
	// Without interruption: how many calls there are, and that all is well then.
	least := 1 << 30
	for range cmp.Or(sc.plain, 3) {
		o, err := sc.point(t, root, 1<<30)
		if errors.Is(err, syscall.EPERM) && os.Getenv("CI") == "" {
			t.Skipf("NOT TESTED: %v", err)
		} else if err != nil {
			t.Fatal(err)
		}
		if o.fired || o.calls == 0 {
			t.Fatalf("%d calls in a run without interruption", o.calls)
		}
		least = min(least, o.calls)
		y.add(0, o)
	}
	stride := max(1, sc.stride)
	next, end := 1, false
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				y.mu.Lock()
				n, done := next, end
				next += stride
				y.mu.Unlock()
				if done {
					return
				}
				if !sc.try(t, y, root, n, least) {
					y.mu.Lock()
					end = true
					y.mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if y.missed*20 > y.points {
		y.wrong("%d points never fired, although runs have at least %d calls", y.missed, least)
	}
	// A step of a single call may have been passed by, since it is not the n-th call in every run.
	for _, step := range sc.must {
		if y.hits[step] == 0 {
			only := *sc
			only.counts = func(c crash.Call, s string) bool { return s == step && (sc.counts == nil || sc.counts(c, s)) }
			if only.try(t, y, root, 1, 1); y.hits[step] == 0 {
				y.wrong("no point hit the step %s", step)
			}
		}
	}
	return y
}

// try makes point n until it fires, and returns false when it is beyond the end of the run.
func (sc *crashScenario) try(t *testing.T, y *tally, root string, n, least int) bool {
	for k := range tries {
		o, err := sc.point(t, root, n)
		if err != nil {
			y.wrong("point %d: %v", n, err)
			return false
		}
		if o.fired {
			y.add(n, o)
			return true
		}
		if o.calls >= n {
			y.wrong("point %d did not fire, although there were %d calls", n, o.calls)
			return false
		}
		if n > least && k >= 2 {
			return false
		}
	}
	if len(sc.before) == 0 || sc.remote == "" && !sc.varies {
		y.wrong("point %d never fired, although runs have at least %d calls", n, least)
		return false
	}
	// What a kill leaves at a mail server, or a reader takes unseen, may differ by a whole message, and so do the calls of the
	// run after it. The sweep goes on.
	y.mu.Lock()
	defer y.mu.Unlock()
	y.missed++
	return true
}

// point is one world from its beginning: the runs before, the run that is interrupted at its n-th call, and the next.
func (sc *crashScenario) point(t *testing.T, root string, n int) (o crashOutcome, err error) {
	w, err := newCrashWorld(t, root, sc)
	if err != nil {
		return o, err
	}
	defer w.close()
	r := rand.New(rand.NewPCG(uint64(n), 30))
	if sc.older {
		w.earlier()
	}
	for _, stop := range sc.before {
		if err := w.killAt(stop); err != nil {
			return o, err
		}
	}
	if sc.prepare != nil {
		sc.prepare(w, r)
	}
	if sc.older {
		if err := w.later(sc); err != nil {
			return o, err
		}
	}
	result, err := w.traced(func(c crash.Call, step string) crash.Action {
		ledger := strings.HasPrefix(c.Path, w.state()+"/ledger.db")
		if o.fired && sc.fault == faultThenKill && ledger {
			return crash.Kill
		}
		if sc.counts != nil && !sc.counts(c, step) {
			return crash.Proceed
		}
		o.calls++
		if o.calls == n {
			o.fired, o.hit, o.step = true, strings.ReplaceAll(c.String(), w.dir+"/", ""), step
		}
		switch {
		case o.calls < n, o.calls > n && sc.fault != faultFromThenOn:
			return crash.Proceed
		case sc.fault == faultKill:
			return crash.Kill
		}
		return crash.Fail
	})
	if err != nil {
		return o, err
	}
	if o.fired && sc.fault == faultKill && !result.Killed {
		return o, fmt.Errorf("it was not killed before %s", o.hit)
	}
	if !o.fired && result.Code != 0 {
		w.wrong("without interruption it ended with exit code %d", result.Code)
	}
	if sc.between != nil {
		sc.between(w, r)
	}
	after := w.resume()
	o.lost, o.twice, o.again, o.trouble = after.lost, after.twice, after.again, after.trouble
	return o, nil
}
