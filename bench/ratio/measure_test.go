//go:build bench

package ratio

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
)

// nobody runs the programs when the bench is run by root: some refuse to deliver as root.
const nobody = 65534

// outcome is how a run went.
type outcome struct {
	wall, cpu time.Duration // cpu: of the process and those that it waited for, user and system
	rss       int64         // octets; of the process itself, looked at every 10 ms
	syncs     int           // calls that make something durable; -1: not counted
	note      string        // what went wrong
}

func (o outcome) String() string {
	s := fmt.Sprintf("%v, cpu %v, %.1f MB", o.wall.Round(time.Millisecond), o.cpu.Round(time.Millisecond), float64(o.rss)/1e6)
	if o.note != "" {
		s += ", " + o.note
	}
	return s
}

func canCount() bool {
	_, err := exec.LookPath("strace")
	return err == nil
}

// syncCalls are the system calls that make something durable; sync_file_range(2) does not.
const syncCalls = "fsync,fdatasync,syncfs,sync,msync"

// run runs a program to its end, or for at most limit.
func (h *home) run(p program, args []string, limit time.Duration, counted bool) outcome {
	h.b.t.Helper()
	bin, count := p.bin, h.path("syncs")
	if counted {
		os.Remove(count)
		args = append([]string{"-f", "-qq", "-c", "-e", "trace=" + syncCalls, "-o", count, bin}, args...)
		bin = "strace"
	}
	cmd := exec.Command(bin, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &said, &said, h.dir
	cmd.Env = []string{"HOME=" + h.dir, "PATH=" + os.Getenv("PATH"), "LC_ALL=C", "USER=nobody", "LOGNAME=nobody"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 2 * time.Second
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		h.b.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	o := outcome{syncs: -1}
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	late := time.After(limit)
	var err error
	for waiting := true; waiting; {
		select {
		case err = <-done:
			waiting = false
		case <-look.C:
			o.rss = max(o.rss, memory(cmd.Process.Pid, "VmHWM:"))
		case <-late:
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			o.note = fmt.Sprintf("stopped after %v", limit)
		}
	}
	o.wall = time.Since(began)
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left behind must not meddle with the next run
	o.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if code := cmd.ProcessState.ExitCode(); o.note == "" && code != 0 && !slices.Contains(p.fine, code) {
		text := strings.TrimSpace(said.String())
		o.note = fmt.Sprintf("exit code %d", code)
		h.b.t.Logf("%s: %v: %s", p.name, err, text[max(0, len(text)-600):])
		if p.ours {
			h.b.t.FailNow()
		}
	}
	if counted {
		o.syncs = syncsIn(count)
	}
	return o
}

// memory is a figure of /proc/PID/status in octets; 0 when it is not to be had.
func memory(pid int, name string) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(text), name)
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kb, _ := strconv.ParseInt(fields[0], 10, 64)
	return kb << 10
}

// syncsIn adds up a table of strace's.
func syncsIn(file string) (n int) {
	f, err := os.Open(file)
	if err != nil {
		return -1
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) >= 5 && strings.Contains(","+syncCalls+",", ","+fields[len(fields)-1]+",") {
			k, _ := strconv.Atoi(fields[3])
			n += k
		}
	}
	return n
}

// sums is a multiset of messages, by SHA-256.
type sums map[[sha256.Size]byte]int

func stored(messages [][]byte) sums {
	s := sums{}
	for _, m := range messages {
		s[sha256.Sum256(mailgen.Stored(m))]++
	}
	return s
}

// delivered reads what lies in Maildirs.
func (h *home) delivered(users []string) sums {
	h.b.t.Helper()
	s := sums{}
	for _, user := range users {
		for _, sub := range []string{"new", "cur"} {
			dir := filepath.Join(h.path("Mail"), user, sub)
			entries, err := os.ReadDir(dir)
			if err != nil {
				h.b.t.Fatal(err)
			}
			for _, e := range entries {
				m, err := os.ReadFile(filepath.Join(dir, e.Name()))
				if err != nil {
					h.b.t.Fatal(err)
				}
				s[sha256.Sum256(m)]++
			}
		}
	}
	return s
}

// compare fails the bench when popsync or the ideal client delivered anything else than was sent; of others it is noted.
func (h *home) compare(p program, o *outcome, got, want sums) {
	h.b.t.Helper()
	if maps.Equal(got, want) {
		return
	}
	count, right := 0, 0
	for sum, n := range got {
		count += n
		right += min(n, want[sum])
	}
	all := 0
	for _, n := range want {
		all += n
	}
	text := fmt.Sprintf("%d of %d messages, %d of them byte for byte", count, all, right)
	if p.ours {
		h.b.t.Fatalf("%s delivered %s (%s)", p.name, text, o)
	}
	if o.note == "" {
		o.note = text
	}
}
