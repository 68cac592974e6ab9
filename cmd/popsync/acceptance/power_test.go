//go:build power && linux && (amd64 || arm64)

package acceptance_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
)

// The tests named TestPower cut the power of a machine: popsync dies, and of its disks remains what had reached them.
// They need root, loop devices and the mkfs of each filesystem; 'make test-power' gets them.

const inside = "POPSYNC_POWER_INSIDE"

// apart runs the test again in a mount namespace of its own, where nothing that it mounts outlives it, and tells
// whether this is there.
func apart(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		return true
	}
	missing := ""
	if os.Geteuid() != 0 {
		missing = "root"
	} else if _, err := os.Stat("/dev/loop-control"); err != nil {
		missing = "loop devices"
	}
	if missing != "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("power cuts need %s", missing)
		}
		t.Skipf("NOT TESTED: power cuts need %s", missing)
	}
	// Only this test, and of its parts those that were asked for.
	only := "^" + t.Name() + "$"
	if _, parts, ok := strings.Cut(flag.Lookup("test.run").Value.String(), "/"); ok {
		only += "/" + parts
	}
	cmd := exec.Command(os.Args[0], "-test.run="+only, "-test.v", "-test.timeout=60m")
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		t.Fatalf("in a mount namespace of its own: %v", err)
	}
	return false
}

// usable are the filesystems that can be made and mounted here. ext4 and xfs must be; btrfs is an extra.
func usable(t *testing.T) (all []filesystem) {
	t.Helper()
	for _, fs := range filesystems {
		reason := ""
		if _, err := exec.LookPath(fs.mkfs[0]); err != nil {
			reason = fs.mkfs[0] + " is missing"
		} else if b, _ := os.ReadFile("/proc/filesystems"); !slices.Contains(strings.Fields(string(b)), fs.name) {
			reason = "the kernel does not know it"
		}
		switch {
		case reason == "":
			all = append(all, fs)
		case os.Getenv("CI") != "" && fs.name != "btrfs":
			t.Fatalf("%s: %s", fs.name, reason)
		default:
			t.Logf("NOT TESTED: %s: %s", fs.name, reason)
		}
	}
	return all
}

// The method itself: of five messages that were written, synced, renamed and had their directory synced, a power cut
// leaves what was synced and nothing else. Without this, the other tests would prove nothing.
func TestPowerMethod(t *testing.T) {
	if !apart(t) {
		return
	}
	for _, fs := range usable(t) {
		for _, test := range []struct {
			name           string
			file, dir      bool
			inTmp, visible int // complete ones in tmp and in new
		}{
			{"nothing synced", false, false, 0, 0},
			{"files synced", true, false, 1, 4}, // a later file's sync takes earlier renames along
			{"files and directory synced", true, true, 0, 5},
		} {
			t.Run(fs.name+"/"+test.name, func(t *testing.T) {
				w := newPowerWorld(t, fs, 1, "", "", "never", nil)
				w.on()
				dir := w.disks[0].mount
				for _, sub := range []string{"tmp", "new"} {
					if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
						t.Fatal(err)
					}
				}
				if err := syncDisk(t, dir); err != nil {
					t.Fatal(err)
				}
				for i := range 5 {
					f, err := os.Create(filepath.Join(dir, "tmp", fmt.Sprint(i)))
					if err != nil {
						t.Fatal(err)
					}
					fmt.Fprint(f, "text")
					if test.file {
						if err := f.Sync(); err != nil {
							t.Fatal(err)
						}
					}
					f.Close()
					if err := os.Rename(f.Name(), filepath.Join(dir, "new", fmt.Sprint(i))); err != nil {
						t.Fatal(err)
					}
				}
				if test.dir {
					d, err := os.Open(filepath.Join(dir, "new"))
					if err != nil {
						t.Fatal(err)
					}
					if err := d.Sync(); err != nil {
						t.Fatal(err)
					}
					d.Close()
				}
				w.powerCut()
				count := func(sub string) (n int) {
					files, _ := filepath.Glob(filepath.Join(dir, sub, "*"))
					for _, f := range files {
						if b, err := os.ReadFile(f); err == nil && string(b) == "text" {
							n++
						}
					}
					return n
				}
				if a, b := count("tmp"), count("new"); a != test.inTmp || b != test.visible {
					t.Errorf("%d complete in tmp and %d in new; want %d and %d", a, b, test.inTmp, test.visible)
				}
			})
		}
	}
}

// powerLoad is a mailbox and how it is cut into batches.
type powerLoad struct {
	name            string
	messages, batch int
}

var powerLoads = []powerLoad{
	{"10 by 3", 10, 3},   // an fsync for each file
	{"50 by 20", 50, 20}, // one syncfs for each batch but the last
}

// powerPoint is a point at which the power is cut.
type powerPoint struct {
	kind string // of powerTrigger, or "time" (n is nanoseconds), or "end" (after the run, n is nanoseconds later)
	n    int64
}

// powerTally is what came out of many cuts.
type powerTally struct {
	points, lost, twice, left int
	phases, steps             map[string]int
}

func (y powerTally) String() string {
	phases, steps := "", ""
	for _, p := range []string{"no ledger", "nothing", "publishing", "some", "all"} {
		if y.phases[p] > 0 {
			phases += fmt.Sprintf(", %s %d", p, y.phases[p])
		}
	}
	for _, s := range slices.Sorted(maps.Keys(y.steps)) {
		steps += fmt.Sprintf(", %s %d", s, y.steps[s])
	}
	return fmt.Sprintf("%3d points: %d lost, %d twice, %d left on the server\nthe ledger was at%s\ncut before%s", y.points,
		y.lost, y.twice, y.left, strings.TrimPrefix(phases, ","), strings.TrimPrefix(steps, ","))
}

// points are where a run can be cut: before about n system calls, of each kind of step some, and at fewer points of
// each other kind.
func (w *powerWorld) points(n int) (all []powerPoint) {
	spread := func(kind string, n int, at []int64) {
		n = min(n, len(at))
		for i := range n {
			all = append(all, powerPoint{kind, at[i*len(at)/n]})
		}
	}
	g := newPowerTrigger("call", 0)
	w.try(g)
	calls := map[string][]int64{}
	for i, s := range g.steps {
		calls[s] = append(calls[s], int64(i+1))
	}
	for _, s := range slices.Sorted(maps.Keys(calls)) {
		spread("call", (n+len(calls)-1)/len(calls), calls[s])
	}
	upTo := func(total int64) (at []int64) {
		for i := range min(total, 100) {
			at = append(at, 1+i*total/min(total, 100))
		}
		return at
	}
	spread("DELE", n/8, upTo(g.counts["DELE"].Load()))
	spread("octet", n/8, upTo(g.counts["octet"].Load()))
	w.refill()
	g = newPowerTrigger("", 0)
	start := time.Now()
	w.try(g)
	spread("time", n/8, upTo(int64(time.Since(start))))
	all = append(all, powerPoint{"QUIT", 1}, powerPoint{"end", 0}, powerPoint{"end", int64(time.Second)})
	if large() {
		all = append(all, powerPoint{"end", int64(6 * time.Second)}) // longer than most filesystems wait by themselves
	}
	return all
}

// sweep cuts the power at each point, recovers, and counts. When lucky, the kernel wrote something by itself: every
// fourth cut happens right after it wrote one disk, every fourth after the other. When again, every second recovery is
// cut too.
func (w *powerWorld) sweep(points []powerPoint, lucky, again bool) powerTally {
	w.t.Helper()
	y := powerTally{phases: map[string]int{}, steps: map[string]int{}}
	var messages [][]byte
	for _, m := range w.box {
		messages = append(messages, m.Data)
	}
	for i, c := range points {
		w.restore()
		w.refill()
		w.on()
		g := newPowerTrigger(c.kind, c.n)
		w.try(g)
		last := ""
		if c.kind == "call" && g.fired.Load() && len(g.steps) > 0 {
			last = g.steps[len(g.steps)-1]
			y.steps[last]++
		}
		if c.kind == "end" {
			time.Sleep(time.Duration(c.n))
		}
		if lucky && i%4 == 2 {
			_ = syncDisk(w.t, w.disks[0].mount)
		} else if lucky && i%4 == 3 {
			_ = syncDisk(w.t, w.mailDisk().mount)
		}
		w.powerCut()
		phase := w.phase()
		y.phases[phase]++
		if again && i%2 == 0 {
			w.try(newPowerTrigger("call", int64(1+i*5%60)))
			w.powerCut()
		}
		for n := range 2 {
			if r := w.popsync("run"); r.code != 0 {
				w.t.Errorf("%v, before %q, ledger at %q: popsync run %d after the cut: exit code %d\n%s", c, last, phase, n+1,
					r.code, r.err)
			}
		}
		lost, twice := differ(wanted(messages...), arrived(w.t, w.maildir()))
		y.points, y.lost, y.twice = y.points+1, y.lost+lost, y.twice+twice
		if strings.Contains(w.conf.String(), "after-delivery") {
			y.left += len(w.server.Messages("u"))
		}
		w.off()
	}
	return y
}

// prepared makes a world in which popsync ran once, with an empty mailbox, so that its places exist.
func prepared(t *testing.T, fs filesystem, images int, bin, policy string, l powerLoad) *powerWorld {
	t.Helper()
	limits := fmt.Sprintf("batch_messages = %d", l.batch)
	w := newPowerWorld(t, fs, images, bin, limits, policy, mailgen.Messages(11, l.messages, 300, 2000))
	w.on()
	w.server.AddUser("u", "p")
	w.run(0)
	w.refill()
	w.off()
	w.keep()
	w.on()
	return w
}

// powerDensity is how many points of each kind a scenario has.
func powerDensity() int {
	if large() {
		return 400
	}
	return 40
}

func TestPower(t *testing.T) {
	if !apart(t) {
		return
	}
	for _, fs := range usable(t) {
		for images := 1; images <= 2; images++ {
			for _, policy := range []string{"never", "after-delivery"} {
				for _, l := range powerLoads {
					t.Run(fmt.Sprintf("%s/images %d/%s/%s", fs.name, images, policy, l.name), func(t *testing.T) {
						w := prepared(t, fs, images, program(t, ""), policy, l)
						points := w.points(powerDensity())
						w.off()
						phases := []string{"publishing", "all"}
						if l.batch < 10 { // between large batches, which overlap, a sample may hit no point
							phases = append(phases, "some")
						}
						judgePower(t, w.sweep(points, true, true), phases...)
					})
				}
			}
		}
	}
}

// The very first run, in which the ledger, the Maildir and its identity come into being.
func TestPowerFirstRun(t *testing.T) {
	if !apart(t) {
		return
	}
	for _, fs := range usable(t) {
		for images := 1; images <= 2; images++ {
			t.Run(fmt.Sprintf("%s/images %d", fs.name, images), func(t *testing.T) {
				w := newPowerWorld(t, fs, images, program(t, ""), "batch_messages = 3", "after-delivery",
					mailgen.Messages(12, 10, 300, 2000))
				w.keep()
				w.on()
				// Before the calls that make all that, up to the connection; then as ever.
				g := newPowerTrigger("call", 1_000_000)
				w.try(g)
				connected := slices.Index(g.steps, "CAPA")
				var points []powerPoint
				each := 4
				if large() {
					each = 1
				}
				for n := 1; n <= connected; n += each {
					points = append(points, powerPoint{"call", int64(n)})
				}
				t.Logf("%d calls before the connection", connected)
				w.off()
				w.restore()
				w.refill()
				w.on()
				points = append(points, w.points(powerDensity()/2)...)
				w.off()
				judgePower(t, w.sweep(points, true, true), "no ledger", "all")
			})
		}
	}
}

// judgePower fails the test when something is lost or twice, or when the cuts missed a phase.
func judgePower(t *testing.T, y powerTally, phases ...string) {
	t.Helper()
	t.Log(y)
	if y.lost > 0 || y.twice > 0 || y.left > 0 {
		t.Errorf("%d lost, %d twice, %d left on the server", y.lost, y.twice, y.left)
	}
	for _, p := range phases {
		if y.phases[p] == 0 {
			t.Errorf("no cut left the ledger in the phase %q", p)
		}
	}
}
