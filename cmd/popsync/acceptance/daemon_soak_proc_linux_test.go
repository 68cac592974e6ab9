//go:build amd64 || arm64

package acceptance_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// sample is a process at one moment.
type sample struct {
	at      time.Duration // since the beginning of the run
	pid     int
	rss     int // resident memory, KiB
	files   int // descriptors
	threads int
}

// usage is what a process has used so far.
type usage struct {
	ticks    int // of processor time, 1/100 s
	switches int // voluntary ones, of all threads: each is a wake-up
}

// watch takes samples until the function that it returns was called, which gives them to the soak.
func (k *soak) watch() (enough func()) {
	quit := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(max(k.length/400, 100*time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			pid := int(k.pid.Load())
			if s, err := look(pid); pid != 0 && err == nil && s.rss > 0 && int(k.pid.Load()) == pid {
				s.at, s.pid = time.Since(k.begun), pid
				k.samples = append(k.samples, s)
			}
		}
	})
	return func() { close(quit); done.Wait() }
}

func processes(part []sample) int {
	seen := map[int]bool{}
	for _, s := range part {
		seen[s.pid] = true
	}
	return len(seen)
}

// look looks at a process.
func look(pid int) (s sample, err error) {
	dir := fmt.Sprintf("/proc/%d", pid)
	files, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return s, err
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	s.files, s.rss, s.threads = len(files), field(status, "VmRSS:"), field(status, "Threads:")
	return s, err
}

// used is what a process has used.
func used(t testing.TB, pid int) (u usage) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name before may hold anything
	var user, system int
	if n := strings.Fields(rest); len(n) > 12 {
		_, err = fmt.Sscan(n[11]+" "+n[12], &user, &system)
	}
	tasks, gerr := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err = cmp.Or(err, gerr); err != nil || len(tasks) == 0 {
		t.Fatal(err, len(tasks))
	}
	for _, task := range tasks {
		if status, err := os.ReadFile(task); err == nil { // else it has ended
			u.switches += field(status, "voluntary_ctxt_switches:")
		}
	}
	u.ticks = user + system
	return u
}

// field is a number in a file such as /proc/PID/status.
func field(status []byte, name string) (n int) {
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, name); ok {
			_, _ = fmt.Sscan(v, &n)
		}
	}
	return n
}

// flat logs how the daemon was over the run, and wants memory and descriptors not to grow after the first tenth, which
// starts from nothing.
func (k *soak) flat() {
	k.t.Helper()
	tenths := make([][]sample, 10)
	for _, s := range k.samples {
		i := min(9, int(10*s.at/k.length))
		tenths[i] = append(tenths[i], s)
	}
	var b strings.Builder
	b.WriteString("tenth  samples  processes  rss median  rss max  files median  max  threads median  max\n")
	for i, part := range tenths {
		if len(part) == 0 { // a short run on a busy machine
			continue
		}
		fmt.Fprintf(&b, "%5d  %7d  %9d  %6d KiB  %4d KiB  %11d  %4d  %13d  %4d\n", i+1, len(part), processes(part),
			median(part, rssOf), most(part, rssOf), median(part, filesOf), most(part, filesOf), median(part, threadsOf), most(part, threadsOf))
	}
	k.t.Logf("the daemon over the run:\n%s", &b)
	early, late := append(tenths[1], tenths[2]...), tenths[9]
	if len(early) == 0 || len(late) == 0 {
		k.t.Fatal("the daemon was hardly seen")
	}
	if before, after := median(early, rssOf), median(late, rssOf); after > before*3/2+10<<10 || after == 0 {
		k.t.Errorf("resident memory grew from %d to %d KiB", before, after)
	}
	if before, after := median(early, filesOf), median(late, filesOf); after > before+5 || after == 0 {
		k.t.Errorf("descriptors grew from %d to %d", before, after)
	}
	if n := most(k.samples, filesOf); n > 100 {
		k.t.Errorf("%d descriptors", n)
	}
}

func rssOf(s sample) int { return s.rss }

func filesOf(s sample) int { return s.files }

func threadsOf(s sample) int { return s.threads }

func median(all []sample, of func(sample) int) int {
	all = slices.SortedFunc(slices.Values(all), func(a, b sample) int { return cmp.Compare(of(a), of(b)) })
	return of(all[len(all)/2])
}

func most(all []sample, of func(sample) int) int {
	return of(slices.MaxFunc(all, func(a, b sample) int { return cmp.Compare(of(a), of(b)) }))
}

// idle starts the daemon with nothing to do for an hour, and wants it to do nothing.
func (k *soak) idle() {
	k.t.Helper()
	for _, every := range []string{"1s", "5s"} {
		text := strings.ReplaceAll(k.h.conf.String(), "@every "+every, "@every 1h")
		k.h.conf.Reset()
		k.h.conf.WriteString(text)
	}
	k.start()
	for _, a := range k.accounts {
		k.now.says("pass finished", `"account":"`+a.name+`"`)
	}
	look := 10 * time.Second
	if k.length < time.Minute {
		look = 3 * time.Second
	}
	time.Sleep(time.Second) // the look through the ledger, and the collector of garbage
	pid := k.now.cmd.Process.Pid
	before := used(k.t, pid)
	time.Sleep(look)
	after := used(k.t, pid)
	ticks, switches := after.ticks-before.ticks, after.switches-before.switches
	k.t.Logf("idle for %v: %d ms of processor time, %d wake-ups", look, ticks*10, switches)
	if ticks > 20 || switches > 300 {
		k.t.Errorf("it does not rest: %d ticks, %d wake-ups in %v", ticks, switches, look)
	}
	k.now.stops(0)
}
