package fetcher

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/uidl/uidltest"
)

// scene is a history in play.
type scene struct {
	*common
	worlds []*world
}

// history plays passes with faults and what happens between them, then passes without, and checks that every message
// that the server kept offering is delivered exactly once. It returns how many passes it made, and what a promise was
// broken by if that is no failure of the test but asked for. The ledger is kept in place, or in SQLite if that is nil.
func history(t *testing.T, root string, place *uidltest.Memory, data []byte, complain func(string, ...any)) (passes int) {
	synctest.Test(t, func(t *testing.T) {
		h := &scene{common: &common{t: t, d: &dice{data}, root: root, place: place, complain: complain}}
		h.wired, h.sores, h.keys = h.d.other(), h.d.third(), h.d.fourth()
		h.reopen()
		h.m = drawModels(h.d)
		h.m.wire, h.m.sores = h.wired.one(3), h.sores.one(3)
		h.worlds = []*world{newWorld(h.common, "a")}
		if h.m.accounts && h.d.one(2) {
			h.worlds = append(h.worlds, newWorld(h.common, "b"))
		}
		defer h.close()
		h.play()
		passes = h.passes
	})
	return passes
}

func (h *scene) play() {
	for range 1 + h.d.n(8) {
		for _, w := range h.worlds {
			w.pass(w.draw())
			if h.broken {
				return
			}
			w.between()
		}
		if h.m.accounts && h.d.one(4) {
			h.swapNames()
		}
		if h.m.copies {
			h.copies()
		}
		if h.broken {
			return
		}
	}
	for _, w := range h.worlds {
		if w.settleDown(); h.broken {
			return
		}
	}
}

func (h *scene) close() {
	h.closeLedger()
	for _, w := range h.worlds {
		w.server.Close()
	}
}

func (h *scene) names() (s string) {
	for _, w := range h.worlds {
		s += w.name + " "
	}
	return s
}

// inMemory is a directory in memory where there is one: no disk is to be measured here.
func inMemory(t testing.TB) string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		if dir, err := os.MkdirTemp("/dev/shm", "popsync-chaos-"); err == nil {
			t.Cleanup(func() { os.RemoveAll(dir) })
			return dir
		}
	}
	return t.TempDir()
}

// descriptors counts the open files of this process, where that can be known.
func descriptors() int {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(open)
}

// seeded gives the bytes of a random history.
func seeded(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 15))
	b := make([]byte, 100+r.IntN(900))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestChaos plays random histories, the same ones every time: 200, 12 under the race detector, 20,000 with
// POPSYNC_LARGE. POPSYNC_CHAOS says how many, POPSYNC_CHAOS_SEED which is the first; alone it plays one history again.
func TestChaos(t *testing.T) {
	n, first := uint64(200), uint64(0)
	switch {
	case os.Getenv("POPSYNC_LARGE") != "":
		n = 20_000
	case raceDetector:
		n = 12
	}
	if s := os.Getenv("POPSYNC_CHAOS_SEED"); s != "" {
		first, _ = strconv.ParseUint(s, 10, 64)
		n = 1
	}
	if s := os.Getenv("POPSYNC_CHAOS"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	if n == 0 {
		t.Fatal("POPSYNC_CHAOS is not a number of histories")
	}
	dir := inMemory(t)
	history(t, t.TempDir(), nil, nil, nil) // opens what a process opens once
	started, passes := time.Now(), 0
	files, routines := descriptors(), runtime.NumGoroutine()
	seed := first
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("history %d: POPSYNC_CHAOS_SEED=%d plays it again", seed, seed)
		}
	})
	for ; seed < first+n; seed++ {
		root := filepath.Join(dir, fmt.Sprint(seed))
		if err := os.Mkdir(root, 0o700); err != nil {
			t.Fatal(err)
		}
		var place *uidltest.Memory // SQLite, but for every fourth
		if seed%4 == 3 {
			place = uidltest.NewMemory()
		}
		passes += history(t, root, place, seeded(seed), nil)
		if t.Failed() {
			return
		}
		if err := os.RemoveAll(root); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < 30_000 && runtime.NumGoroutine() > routines; i++ {
		time.Sleep(time.Millisecond) // those that are just ending
	}
	took := time.Since(started)
	f, r := descriptors(), runtime.NumGoroutine()
	if f > files || r > routines {
		t.Error("there are more descriptors or goroutines than before")
	}
	t.Logf("%d histories, %d passes, %.0f passes/s: none lost, none twice; %d descriptors, %d before; %d goroutines, %d before",
		n, passes, float64(passes)/took.Seconds(), f, files, r, routines)
}

// FuzzPass looks for histories that break a promise. The fuzzer instruments all code, and SQLite, which is C made into
// Go, would be most of it. Run it with -fuzzminimizetime=5x or so: to make an input smaller that only found a new path
// takes a minute otherwise, in which nothing else is tried.
func FuzzPass(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		history(t, inMemory(t), uidltest.NewMemory(), data, nil)
	})
}
