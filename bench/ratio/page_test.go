//go:build bench

package ratio

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// row is one program's line in a table.
type row struct {
	program   string
	n         int // messages
	wall, cpu time.Duration
	rss       int64
	syncs     float64 // for each message; negative: not counted
	note      string
}

// table is one scenario's figures.
type table struct {
	title string
	rows  []row
}

func (t *table) of(program string) row {
	for _, r := range t.rows {
		if r.program == program {
			return r
		}
	}
	return row{}
}

// ratio is popsync's time as a multiple of another's.
func (t *table) ratio(to string) float64 { return div(t.of("popsync").wall, t.of(to).wall) }

func div(a, b time.Duration) float64 { return float64(a) / max(float64(b), 1) }

func (t *table) String() string {
	var s strings.Builder
	floor := t.of("floor").wall
	fmt.Fprintf(&s, "## %s\n\n| program | time | of the floor's | CPU for each message | peak memory | syncs for each message | |\n|---|---|---|---|---|---|---|\n", t.title)
	for _, r := range t.rows {
		times, syncs, rss, cpu := "", "", "", ""
		if floor > 0 {
			times = fmt.Sprintf("%.2f", div(r.wall, floor))
		}
		if r.syncs >= 0 {
			syncs = fmt.Sprintf("%.3f", r.syncs)
		}
		if r.rss > 0 {
			rss = fmt.Sprintf("%.0f MB", float64(r.rss)/(1<<20))
		}
		if r.n > 0 {
			cpu = fmt.Sprintf("%.0f µs", float64(r.cpu.Microseconds())/float64(r.n))
		}
		fmt.Fprintf(&s, "| %s | %s | %s | %s | %s | %s | %s |\n", r.program, short(r.wall), times, cpu, rss, syncs, r.note)
	}
	return s.String()
}

func short(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1e3)
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

// page is what is printed and written in the end.
type page struct {
	head  string
	goals []string
	parts []string

	listedTime, listedMemory, distance panel // see plots
}

// machine notes what the figures were taken on: its class, not its name.
func (p *page) machine(t *testing.T, b *bench) {
	t.Helper()
	var fs unix.Statfs_t
	var uts unix.Utsname
	var mem unix.Sysinfo_t
	_, _, _ = unix.Statfs(b.base, &fs), unix.Uname(&uts), unix.Sysinfo(&mem)
	disk := fmt.Sprintf("filesystem %#x", fs.Type)
	if name := map[int64]string{unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
		unix.TMPFS_MAGIC: "tmpfs"}[int64(fs.Type)]; name != "" {
		disk = name
	}
	if onLoop(b.base) {
		disk += " on a loop device (a sync costs more there)"
	}
	info, _ := os.ReadFile("/proc/cpuinfo")
	cpu := "unknown processor"
	if m := regexp.MustCompile(`model name\s*: (.*)`).FindSubmatch(info); m != nil {
		cpu = string(m[1])
	}
	dovecot, _ := exec.Command("/usr/sbin/dovecot", "--version").Output()
	p.head = fmt.Sprintf("%s; %d x %s, %d GiB, %s, Linux %s, %s; Dovecot %s; %s.", time.Now().UTC().Format(time.DateOnly),
		runtime.NumCPU(), cpu, uint64(mem.Totalram)*uint64(mem.Unit)>>30, disk, unix.ByteSliceToString(uts.Release[:]), runtime.Version(),
		strings.Fields(string(dovecot) + " unknown")[0], releases(b.all))
	if b.quick {
		p.head += " Quick: a tenth of the messages, few runs."
	}
	t.Log(p.head)
}

// onLoop tells whether a path is on a filesystem in a file.
func onLoop(path string) bool {
	mounts, _ := os.ReadFile("/proc/mounts")
	best, source := "", ""
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) > 1 && len(f[1]) >= len(best) && strings.HasPrefix(path+"/", strings.TrimSuffix(f[1], "/")+"/") {
			best, source = f[1], f[0]
		}
	}
	return strings.HasPrefix(source, "/dev/loop")
}

func (p *page) add(t *testing.T, part fmt.Stringer) {
	p.parts = append(p.parts, part.String())
	t.Log("\n" + part.String())
}

// goal enters what was to be reached and what was.
func (p *page) goal(t *testing.T, scenario, goal, measured string, met bool) {
	t.Helper()
	line := fmt.Sprintf("| %s | %s | %s | %s |", scenario, goal, measured, map[bool]string{true: "yes", false: "**no**"}[met])
	p.goals = append(p.goals, line)
	t.Log(line)
}

const intro = `# How fast popsync is

Made by ` + "`make bench`" + `; [performance.md](performance.md) tells what the figures come from. The *floor* is an ideal
client that remembers nothing, recognises nothing and bears no fault (bench/floor): the least that fetching mail durably can
cost. Times are medians of runs in which the programs took turns, from the start of the process to its end. All of a message
was compared with what was sent, byte for byte. Popsync has its default settings. Fetchmail delivers by a shell script that
syncs nothing; a sync is any of ` + syncCalls + `.

`

func (p *page) write(t *testing.T, file string) {
	t.Helper()
	text := intro + p.head + "\n\n"
	if len(p.goals) > 0 {
		text += "| scenario | goal | measured | met |\n|---|---|---|---|\n" + strings.Join(p.goals, "\n") + "\n\n"
	}
	text += strings.Join(p.parts, "\n")
	if file == "" {
		fmt.Print(text)
		return
	}
	if plots := p.plots(t, filepath.Dir(file)); plots != "" {
		text += "\n## Growth\n\nThe same figures as in the tables of N and R.\n\n" + plots
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
