package acceptance_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/pop3/pop3test"
)

// large tells whether to run at the sizes that the promises name; CI does. A smaller run finds most of the same faults.
func large() bool { return os.Getenv("POPSYNC_LARGE") != "" }

// peak runs a command and returns the most memory that it had resident, in octets. The kernel's own figure for a child
// process counts its parent's memory too, so /proc is asked while it runs.
func peak(t *testing.T, cmd *exec.Cmd) (result, int64) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	var most int64
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return result{code: cmd.ProcessState.ExitCode(), out: out.String(), err: errs.String()}, most
		case <-tick.C:
			most = max(most, highWater(cmd.Process.Pid))
		}
	}
}

func highWater(pid int) int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 10, 64)
			return kb << 10
		}
	}
	return 0
}

// lines gives the same line over and over, size octets of it.
type lines struct{ left int64 }

const bigLine = "Sixty-two characters and a line end make a line of sixty-four.\r\n"

func (l *lines) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, io.EOF
	}
	n := 0
	for n+len(bigLine) <= len(p) && l.left > 0 {
		n += copy(p[n:], bigLine)
		l.left -= int64(len(bigLine))
	}
	return n, nil
}

// One message of 1 GiB: peak resident memory under 40 MB.
func TestAcceptGiant(t *testing.T) {
	size := int64(64 << 20)
	if large() {
		size = 1 << 30
	}
	h := newHouse(t)
	_, addr := serve(t, pop3test.Options{}, []pop3test.Message{{UID: "giant", Size: size,
		Open: func() io.Reader { return bufio.NewReaderSize(&lines{size}, 1<<16) }}})
	h.account("a", addr, "u", "p", "Mail")
	r, most := peak(t, h.command("run"))
	if r.code != 0 {
		t.Fatalf("exit code %d\n%s", r.code, r.err)
	}
	t.Logf("%d MiB: peak %d MiB", size>>20, most>>20)
	if most > 40<<20 || most == 0 {
		t.Errorf("peak resident memory %d MiB", most>>20)
	}
	files, err := filepath.Glob(filepath.Join(h.mail("Mail"), "new", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	got, want := sha256.New(), sha256.New()
	f, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(got, f); err != nil {
		t.Fatal(err)
	}
	line := strings.ReplaceAll(bigLine, "\r\n", "\n")
	for n := int64(0); n < size; n += int64(len(bigLine)) {
		io.WriteString(want, line)
	}
	if !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Errorf("not the same bytes: %s", hex.EncodeToString(got.Sum(nil)))
	}
}

// 100,000 kept and 10 new: memory under 100 MB, at most 50 rows of the ledger changed, and it hardly grows.
func TestAcceptManyKept(t *testing.T) {
	n := 5_000
	if large() {
		n = 100_000
	}
	var box []pop3test.Message
	for i := range n + 10 {
		box = append(box, pop3test.Message{UID: fmt.Sprintf("%08x%08x", i, i*7919),
			Data: fmt.Appendf(nil, "Message-ID: <%d@x>\r\nSubject: %d\r\n\r\nbody\r\n", i, i)})
	}
	h := newHouse(t)
	server, addr := serve(t, pop3test.Options{}, box[:n])
	h.account("a", addr, "u", "p", "Mail")
	h.run(0)
	h.run(0)
	before, size := h.rows(), h.ledgerSize()
	server.Deliver("u", box[n:]...)
	r, most := peak(t, h.command("run", "--json"))
	if r.code != 0 || !strings.Contains(r.out, `"new":10,`) {
		t.Fatalf("%d: %s%s", r.code, r.out, r.err)
	}
	after, grown := h.rows(), h.ledgerSize()-size
	changed := 0
	for k := range after {
		if !before[k] {
			changed++
		}
	}
	t.Logf("%d kept: peak %d MiB, %d rows changed, ledger grown by %d KiB", n, most>>20, changed, grown>>10)
	if most > 100_000_000 || most == 0 || changed > 50 || grown > 100_000 {
		t.Errorf("%d kept: peak %d MiB, %d rows changed, ledger grown by %d octets", n, most>>20, changed, grown)
	}
	if got := len(arrived(t, h.mail("Mail"))); got != n+10 {
		t.Errorf("%d messages in the Maildir", got)
	}
}

// rows is every row of the ledger, as text.
func (h *house) rows() map[string]bool {
	h.t.Helper()
	all := map[string]bool{}
	for _, table := range []string{"account", "message", "destination", "delivery", "pass"} {
		for _, row := range h.query("SELECT * FROM " + table) {
			all[table+row] = true
		}
	}
	return all
}

func (h *house) ledgerSize() (n int64) {
	h.t.Helper()
	for _, name := range []string{"ledger.db", "ledger.db-wal"} {
		if st, err := os.Stat(filepath.Join(h.state(), name)); err == nil {
			n += st.Size()
		}
	}
	return n
}

// A listing of 1,000,000 messages, all seen before: memory under 300 MB.
func TestAcceptMillion(t *testing.T) {
	n := 50_000
	if large() {
		n = 1_000_000
	}
	body := []byte("Message-ID: <x>\r\n\r\nbody\r\n")
	box := make([]pop3test.Message, n)
	for i := range box {
		box[i] = pop3test.Message{UID: fmt.Sprintf("%08x%08x", i, uint32(i)*2654435761), Data: body}
	}
	h := newHouse(t)
	_, addr := serve(t, pop3test.Options{NoTOP: true}, box)
	h.account("a", addr, "u", "p", "Mail")
	for _, args := range [][]string{{"baseline", "a"}, {"run"}} {
		r, most := peak(t, h.command(args...))
		if r.code != 0 {
			t.Fatalf("%v: exit code %d\n%s%s", args, r.code, r.out, r.err)
		}
		t.Logf("%d listed, %s: peak %d MiB", n, args[0], most>>20)
		limit := map[string]int64{"run": 300_000_000, "baseline": 400_000_000}[args[0]]
		if most > limit || most == 0 {
			t.Errorf("%s: peak resident memory %d MiB", args[0], most>>20)
		}
	}
	if got := len(arrived(t, h.mail("Mail"))); got != 0 {
		t.Errorf("%d delivered", got)
	}
}
