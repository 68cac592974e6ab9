//go:build bench

package ratio

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/proxy"
)

// bench is one run of the yardsticks. The environment says what is measured:
//
//	POPSYNC_BENCH    the popsync to measure
//	POPSYNC_FLOOR    the ideal client to measure it by
//	BENCH            scenarios, by their letters and commas; "": all of them
//	BENCH_ONLY       programs as the tables name them, by commas; "": all that are installed
//	BENCH_QUICK      not "": a tenth of the messages, and each program once
//	BENCH_REPEATS    runs of popsync and of the ideal client; 5
//	BENCH_DIR        where mail is delivered to: a directory on the disk in question; "": the temporary folder
//	BENCH_PAGE       the page to write; "": nothing is written
type bench struct {
	t       *testing.T
	base    string // on the disk that is measured
	quick   bool
	repeats int
	all     []program
	page    page
	user    int // accounts made so far
}

var scenarios = []struct {
	key string
	run func(*bench)
}{
	{"A", (*bench).scenarioA}, {"B", (*bench).scenarioB}, {"C", (*bench).scenarioC}, {"E", (*bench).scenarioE},
	{"F", (*bench).scenarioF}, {"G", (*bench).scenarioG}, {"H", (*bench).scenarioH}, {"S", (*bench).scenarioS},
	{"M", (*bench).scenarioM}, {"N", (*bench).scenarioN}, {"R", (*bench).scenarioR}, {"D", (*bench).scenarioD},
}

// TestBench runs what BENCH asks for. What the runs leave behind is removed at the very end: to delete many files makes
// a filesystem slow for a while.
func TestBench(t *testing.T) {
	b := &bench{t: t, quick: os.Getenv("BENCH_QUICK") != "", repeats: 5}
	if n, err := strconv.Atoi(os.Getenv("BENCH_REPEATS")); err == nil && n > 0 {
		b.repeats = n
	}
	if b.quick {
		b.repeats = 1
	}
	var err error
	if b.base, err = os.MkdirTemp(os.Getenv("BENCH_DIR"), "popsync-bench-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(b.base) })
	if err := os.Chmod(b.base, 0o755); err != nil { // programs run as nobody
		t.Fatal(err)
	}
	b.all = programs(t, b.base)
	b.page.machine(t, b)
	b.calm()
	asked := strings.FieldsFunc(os.Getenv("BENCH"), func(r rune) bool { return r == ',' || r == ' ' })
	for _, s := range scenarios {
		if len(asked) == 0 || slices.Contains(asked, s.key) {
			t.Run(s.key, func(t *testing.T) {
				b.t = t
				s.run(b)
			})
		}
	}
	b.t = t
	b.page.write(t, os.Getenv("BENCH_PAGE"))
}

// calm waits until files are made as fast as they should be: ext4 steps over each inode that was deleted in the last
// five minutes, and what an earlier run left was removed at its end.
func (b *bench) calm() {
	b.t.Helper()
	const files, fast = 500, 60 * time.Microsecond
	for try := range 13 {
		dir, err := os.MkdirTemp(b.base, "calm-") // removed with everything else
		b.must(err)
		began := time.Now()
		for i := range files {
			f, err := os.Create(filepath.Join(dir, strconv.Itoa(i)))
			b.must(err)
			f.Close()
		}
		took := time.Since(began) / files
		if b.quick || took < fast {
			return
		}
		b.t.Logf("a new file takes %v here; files were deleted lately, or others are busy", took)
		if try < 12 {
			time.Sleep(30 * time.Second)
		}
	}
	b.page.head += " The filesystem was slow to make files all the time."
}

// size is how many of a thing a scenario has.
func (b *bench) size(n int) int {
	if b.quick {
		return max(n/10, 1)
	}
	return n
}

// far puts a distance before a server; rate is in octets per second, 0 without a limit.
func (b *bench) far(addr string, roundTrip time.Duration, rate int64) string {
	if roundTrip == 0 && rate == 0 {
		return addr
	}
	p, err := proxy.Start(addr, proxy.Options{Delay: roundTrip / 2, Rate: rate})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { p.Close() })
	return p.Addr()
}

// with gives the programs by name, as far as they are there and asked for.
func (b *bench) with(names ...string) (some []program) {
	for _, name := range names {
		for _, p := range b.all {
			if p.name == name {
				some = append(some, p)
			}
		}
	}
	return some
}

// entrant is a program in a scenario.
type entrant struct {
	program
	few   int // it gets that many times fewer messages, and its times are multiplied: what takes hours is not waited for
	times int // runs; 0: as many as popsync's
	note  string
}

// entrants are popsync, the ideal client and the peers; few says which of them would take too long.
func (b *bench) entrants(peers []string, few map[string]int) (all []entrant) {
	for i, p := range b.with(append([]string{"popsync", "floor"}, peers...)...) {
		e := entrant{program: p, few: max(1, few[p.name])}
		if i > 1 {
			e.times = max(1, b.repeats/2)
		}
		if e.few > 1 {
			e.times, e.note = 1, fmt.Sprintf("1/%d of the messages, time multiplied", e.few)
		}
		all = append(all, e)
	}
	return all
}

// atMost bounds the runs of each entrant, where the line takes all of the time and the runs hardly differ.
func atMost(n int, all []entrant) []entrant {
	for i := range all {
		if all[i].times == 0 || all[i].times > n {
			all[i].times = n
		}
	}
	return all
}

// race lets the entrants take turns and enters the medians. one makes a single run of an entrant and returns the number
// of messages that it had to deal with; counted tells that syncs are counted in it and times mean nothing.
func (b *bench) race(title string, all []entrant, one func(e entrant, counted bool) (outcome, int)) *table {
	b.t.Helper()
	tab := &table{title: title}
	got := make([][]outcome, len(all))
	n := make([]int, len(all))
	for round := range b.repeats {
		for i, e := range all {
			if e.times > 0 && round >= e.times {
				continue
			}
			var o outcome
			o, n[i] = one(e, false)
			b.t.Logf("%s: %s", e.name, o)
			got[i] = append(got[i], o)
		}
	}
	for i, e := range all {
		r := row{program: e.program.name, n: n[i] * e.few, note: e.note, syncs: -1}
		r.wall = median(got[i], func(o outcome) time.Duration { return o.wall }) * time.Duration(e.few)
		r.cpu = median(got[i], func(o outcome) time.Duration { return o.cpu }) * time.Duration(e.few)
		for _, o := range got[i] {
			r.rss = max(r.rss, o.rss)
			if o.note != "" {
				r.note = strings.TrimPrefix(r.note+"; "+o.note, "; ")
			}
		}
		if canCount() {
			if o, k := one(e, true); o.syncs >= 0 && k > 0 {
				r.syncs = float64(o.syncs) / float64(k)
			}
		}
		tab.rows = append(tab.rows, r)
	}
	b.page.add(b.t, tab)
	return tab
}

func median(all []outcome, of func(outcome) time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(all), func(x, y outcome) int { return cmp.Compare(of(x), of(y)) })
	return of(sorted[len(sorted)/2])
}

// home is a person's directory for one program.
type home struct {
	b   *bench
	dir string
}

func (b *bench) home() *home {
	b.t.Helper()
	dir, err := os.MkdirTemp(b.base, "home-")
	if err != nil {
		b.t.Fatal(err)
	}
	h := &home{b, dir}
	h.own("")
	return h
}

func (h *home) path(name string) string { return filepath.Join(h.dir, name) }

func (h *home) own(name string) {
	if os.Geteuid() == 0 {
		if err := os.Chown(h.path(name), nobody, nobody); err != nil {
			h.b.t.Fatal(err)
		}
	}
}

// maildir makes a user's empty Maildir.
func (h *home) maildir(user string) string {
	h.b.t.Helper()
	for _, d := range []string{"Mail", "Mail/" + user, "Mail/" + user + "/tmp", "Mail/" + user + "/new", "Mail/" + user + "/cur"} {
		if err := os.Mkdir(h.path(d), 0o700); err == nil {
			h.own(d)
		} else if !os.IsExist(err) {
			h.b.t.Fatal(err)
		}
	}
	return h.path("Mail/" + user)
}

// write makes a file.
func (h *home) write(name string, mode os.FileMode, format string, args ...any) {
	h.b.t.Helper()
	if err := os.WriteFile(h.path(name), fmt.Appendf(nil, format, args...), mode); err != nil {
		h.b.t.Fatal(err)
	}
	h.own(name)
}
