package fetcher

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// history plays passes with faults and what happens between them, then passes without, and checks that every message
// that the server kept offering is delivered exactly once. It returns how many passes it made. The ledger is kept in
// place, or in SQLite if that is nil.
func history(t *testing.T, root string, place *uidltest.Memory, data []byte) (passes int) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &dice{data}, root, place)
		defer w.close()
		for range 1 + w.d.n(8) {
			w.pass(w.draw())
			w.between()
			if t.Failed() {
				return
			}
		}
		w.settleDown()
		passes = w.passes
	})
	return passes
}

// settleDown ends all faults and lets popsync run until nothing changes any more; then all promises must be kept.
func (w *world) settleDown() {
	w.quiet, w.d = true, &dice{}
	for _, l := range w.letters {
		if l.onServer {
			l.listed = true
		}
	}
	w.offset = max(w.offset, 0) + 50*24*time.Hour // later than ever before
	still := 0
	for n := 0; still < 3; n++ {
		if n == 40 {
			w.fail("no end")
			return
		}
		rep := w.pass(&trouble{vanish: -1})
		if w.t.Failed() {
			return
		}
		if still++; rep.New+rep.Deleted+rep.Failed+rep.Recovered > 0 {
			still = 0
		}
		w.offset += 25 * time.Hour
	}
	w.judge()
	w.sweep()
}

// judge is I1, I2 and I9.
func (w *world) judge() {
	type bounds struct {
		least, most int
		uids        []string
	}
	want := map[[32]byte]*bounds{}
	for _, l := range w.letters {
		b := want[l.hash]
		if b == nil {
			b = &bounds{}
			want[l.hash] = b
		}
		b.uids = append(b.uids, l.name)
		gone := !l.onServer && !l.lost // popsync removed it
		switch {
		case l.name == "" || !l.fits:
			if gone {
				w.fail("%s was deleted although it could not be delivered", l.UID)
			}
		case l.lost:
			b.most++
		case gone || w.eligible(l):
			b.most++
			if !l.shared || !slices.Contains(b.uids[:len(b.uids)-1], l.name) {
				b.least++ // of equal messages under one name, one is as good as both
			}
		default:
			b.most++
		}
		if l.onServer && w.eligible(l) && w.acc.Policy.Delete != DeleteNever && !w.undecided(l) {
			w.fail("%s was delivered and due, and is still on the server: %s", l.UID, w.rowsOf(l))
		}
	}
	for _, hash := range w.twice {
		want[hash].most++
	}
	for hash, n := range w.copies() {
		b := want[hash]
		if b == nil {
			w.fail("the Maildir has a message that nobody sent")
			continue
		}
		if n > b.most {
			w.fail("%v: %d copies, at most %d are right: %x", b.uids, n, b.most, hash[:3])
		}
		if n < b.least {
			w.fail("%v: %d copies, at least %d are due", b.uids, n, b.least)
		}
		b.least = 0
	}
	for _, b := range want {
		if b.least > 0 {
			w.fail("%v: lost", b.uids)
		}
	}
	w.judgeRemote()
	w.withAccount(func(a uidl.Account) {
		open, err := a.Pending(w.t.Context())
		for _, r := range open {
			if r.State != uidl.Owed || err != nil {
				w.fail("still open: %+v, %v", r, err)
			}
		}
	})
}

// rowsOf is what the ledger has of a UID.
func (w *world) rowsOf(l *letter) (s string) {
	w.withAccount(func(a uidl.Account) {
		for row := range a.Messages(context.Background()) {
			if row.UID == l.name {
				m, _ := a.Find(context.Background(), []uidl.Key{row.Key})
				s += fmt.Sprintf("%+v %x %x; ", row, m[0].SHA256[:3], m[0].Fingerprint[:3])
			}
		}
	})
	return s
}

// undecided: of messages with one UID none is deleted while one has nothing in its header to be recognised by; and where
// there are more such than fit into a session, some may never have their turn.
func (w *world) undecided(l *letter) bool {
	shared := 0
	for _, o := range w.letters {
		shared += b2i(o.shared && o.onServer)
	}
	if l.shared && shared > w.opt.SessionMessages {
		return true
	}
	for _, o := range w.letters {
		if l.shared && o.name == l.name && (fingerprint(o.Data) == (uidl.Fingerprint{}) || !w.eligible(o)) {
			return true
		}
	}
	return false
}

// eligible tells whether policy wants a message fetched, as it is listed now.
func (w *world) eligible(l *letter) bool {
	size, most := l.ListSize, w.acc.Policy.MaxSize
	if size == 0 {
		size = l.octets
	}
	return l.name != "" && (most == 0 || size <= most && l.octets <= most)
}

// judgeRemote: what is not lost is at the remote destination, and Memory, which never forgets a ticket, has it once.
func (w *world) judgeRemote() {
	if w.remote == nil {
		return
	}
	want := map[string]int{}
	for _, l := range w.letters {
		if !l.lost && l.fits && (!l.onServer || w.eligible(l)) && l.name != "" && !(l.shared && want[string(l.wire())] > 0) {
			want[string(l.wire())]++
		} else {
			want[string(l.wire())] += 1000
		}
	}
	got := w.atRemote()
	for body, n := range want {
		if got[body] != n%1000 && (n < 1000 || got[body] > n%1000+n/1000) {
			w.fail("the remote has %d copies instead of %d of a message of %d octets", got[body], n, len(body))
		}
	}
}

// sweep: what is left in tmp goes when it is old.
func (w *world) sweep() {
	files, _ := os.ReadDir(w.mail("tmp"))
	old := time.Now().Add(-37 * time.Hour)
	for _, f := range files {
		if err := os.Chtimes(w.mail("tmp", f.Name()), old, old); err != nil {
			w.t.Fatal(err)
		}
	}
	if len(files) == 0 {
		return
	}
	w.pass(&trouble{vanish: -1})
	if files, _ = os.ReadDir(w.mail("tmp")); len(files) > 0 {
		w.fail("%d old files are left in tmp", len(files))
	}
}

// memory is a directory in memory where there is one: no disk is to be measured here.
func memory(t testing.TB) string {
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

// TestChaos plays random histories, the same ones every time: 200, 12 under the race detector, 10,000 with
// POPSYNC_LARGE. POPSYNC_CHAOS says how many, POPSYNC_CHAOS_SEED which is the first; alone it plays one history again.
func TestChaos(t *testing.T) {
	n, first := uint64(200), uint64(0)
	switch {
	case os.Getenv("POPSYNC_LARGE") != "":
		n = 10_000
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
	dir := memory(t)
	history(t, t.TempDir(), nil, nil) // opens what a process opens once
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
		passes += history(t, root, place, seeded(seed))
		if t.Failed() {
			return
		}
		if err := os.RemoveAll(root); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < 1000 && runtime.NumGoroutine() > routines; i++ {
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
		history(t, memory(t), uidltest.NewMemory(), data)
	})
}
