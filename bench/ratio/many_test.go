//go:build bench

package ratio

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
)

// scenarioH: a thousand accounts without new mail, and then scenario I: a daemon that has nothing to do for them.
func (b *bench) scenarioH() {
	n := b.size(1_000)
	d := b.server(n)
	addr := b.far(d.Plain, 20*time.Millisecond, 0)
	messages := mailgen.Messages(6, 5, 300, 400)
	t := task{addr: addr}
	for range n {
		t.users = append(t.users, b.box(d, messages))
	}
	homes := map[string]*home{}
	all := b.entrants([]string{"16 mpops"}, nil)
	for _, e := range all {
		h := b.home()
		homes[e.program.name] = h
		if e.program.name != "floor" {
			h.run(e.program, e.setup(h, t), patience, false) // what is there becomes known
		}
	}
	t.list = true
	tab := b.race(fmt.Sprintf("H: %d accounts without new mail, 20 ms away", n), all, func(e entrant, counted bool) (outcome, int) {
		h := homes[e.program.name]
		return h.run(e.program, e.setup(h, t), patience, counted), n
	})
	r := tab.of("popsync")
	b.page.goal(b.t, "H", "150 MB", fmt.Sprintf("%d MB, %s", r.rss>>20, short(r.wall)), r.rss < 150<<20)
	for _, p := range b.with("popsync") {
		b.idle(p, homes[p.name], t)
	}
}

// idle looks at a daemon between passes.
func (b *bench) idle(p program, h *home, t task) {
	p.setup(h, t)
	file := h.path("popsync.toml")
	text, err := os.ReadFile(file)
	b.must(err)
	h.write("daemon.toml", 0o600, "schedule = \"@every 6h\"\n%s", text)
	cmd := exec.Command(p.bin, "--config", h.path("daemon.toml"), "daemon")
	cmd.Dir, cmd.Env = h.dir, []string{"HOME=" + h.dir, "PATH=" + os.Getenv("PATH")}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	b.must(cmd.Start())
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}()
	watch := time.Minute
	if b.quick {
		watch = 10 * time.Second
	}
	// The passes that are due at the start have to end first: then hardly any CPU is used.
	for before := time.Duration(-1); ; {
		time.Sleep(5 * time.Second)
		now := cpuOf(cmd.Process.Pid)
		if now-before < 50*time.Millisecond {
			break
		}
		before = now
	}
	cpu, wakes := cpuOf(cmd.Process.Pid), wakeUps(cmd.Process.Pid)
	time.Sleep(watch)
	rate := float64(wakeUps(cmd.Process.Pid)-wakes) / watch.Seconds()
	rss := memory(cmd.Process.Pid, "VmRSS:")
	b.page.goal(b.t, fmt.Sprintf("I, daemon idle with %d accounts", len(t.users)), "40 MB, no busy wake-ups",
		fmt.Sprintf("%d MB, %.1f wake-ups and %v CPU a minute", rss>>20, rate*60, (cpuOf(cmd.Process.Pid)-cpu)*time.Duration(time.Minute/watch)), rss < 40<<20 && rate < 5)
}

// cpuOf is what a process has used, user and system, in steps of 10 ms.
func cpuOf(pid int) time.Duration {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// wakeUps is how often the process's threads went to sleep.
func wakeUps(pid int) (n int64) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, file := range tasks {
		text, _ := os.ReadFile(file)
		_, rest, _ := strings.Cut(string(text), "\nvoluntary_ctxt_switches:")
		if fields := strings.Fields(rest); len(fields) > 0 {
			k, _ := strconv.ParseInt(fields[0], 10, 64)
			n += k
		}
	}
	return n
}

// scenarioS: from the start of the process to its first connection, with a ledger of nothing and of 100,000 messages.
func (b *bench) scenarioS() {
	for _, p := range b.with("popsync") {
		for _, n := range []int{0, b.size(100_000)} {
			h := b.home()
			if n > 0 {
				d := b.server(1)
				user := b.box(d, mailgen.Messages(7, n, 300, 301))
				args := p.setup(h, task{addr: d.Plain, users: []string{user}})
				h.run(p, []string{args[0], args[1], "baseline", user}, patience, false)
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			b.must(err)
			args := p.setup(h, task{addr: l.Addr().String(), users: []string{"u1"}})
			var all []outcome
			for range 10 * b.repeats {
				came := make(chan time.Time, 1)
				go func() {
					if c, err := l.Accept(); err == nil {
						came <- time.Now()
						c.Close()
					}
				}()
				began := time.Now()
				cmd := exec.Command(p.bin, args...)
				cmd.Dir, cmd.Env = h.dir, []string{"HOME=" + h.dir, "PATH=" + os.Getenv("PATH")}
				if os.Geteuid() == 0 {
					cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
				}
				b.must(cmd.Start())
				all = append(all, outcome{wall: (<-came).Sub(began)})
				_ = cmd.Wait()
			}
			l.Close()
			took := median(all, func(o outcome) time.Duration { return o.wall })
			b.page.goal(b.t, fmt.Sprintf("start to connection, %d known", n), "30 ms", short(took), took < 30*time.Millisecond)
		}
	}
}
