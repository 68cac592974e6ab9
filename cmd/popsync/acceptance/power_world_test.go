//go:build power && linux && (amd64 || arm64)

package acceptance_test

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/crash"
	"github.com/popsync/popsync/pop3/pop3test"
)

// powerWorld is one machine with its disks, whose power can be cut, and a mail server elsewhere, which goes on.
type powerWorld struct {
	*house
	server *pop3test.Server
	addr   *net.TCPAddr
	box    []pop3test.Message
	disks  []*disk // the first holds the state directory, the last the Maildir
	now    atomic.Pointer[powerTrigger]
}

// newPowerWorld makes disks, empty, and a server. The images lie in memory, in a tmpfs of limit octets.
func newPowerWorld(t testing.TB, fs filesystem, images int, bin, limits, policy string, messages [][]byte) *powerWorld {
	t.Helper()
	w := &powerWorld{house: &house{t: t, dir: t.TempDir(), bin: bin}, box: boxOf(messages)}
	ram := filepath.Join(w.dir, "images")
	tmpfs(t, ram, "size=4g")
	for i := range images {
		n := fmt.Sprint("disk", i)
		d := &disk{fs: fs, image: filepath.Join(ram, n), mount: filepath.Join(w.dir, n)}
		d.format(t)
		w.disks = append(w.disks, d)
		t.Cleanup(func() { _ = unix.Unmount(d.mount, unix.MNT_DETACH) })
	}
	w.server, w.addr = serve(t, pop3test.Options{
		Wrap: func(c net.Conn) net.Conn {
			_ = c.(*net.TCPConn).SetWriteBuffer(4 << 10) // what was sent was nearly received
			return watchedConn{c, w}
		},
		OnCommand: func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
			if verb == "RETR" {
				time.Sleep(time.Millisecond) // so that batches are settled while others are being received
			}
			w.now.Load().hit(verb, 1)
			return nil
		},
	}, nil)
	fmt.Fprintf(&w.conf, "state_dir = %q\n[log]\nlevel = \"warn\"\n[limits]\nfree_space = \"1MB\"\n%s\n", w.stateDir(), limits)
	maildir := filepath.Join(filepath.Base(w.mailDisk().mount), "Mail")
	w.account("a", w.addr, "u", "p", maildir, `delete = "`+policy+`"`)
	w.refill()
	return w
}

// tmpfs is memory that files can be put in.
func tmpfs(t testing.TB, path, options string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", path, "tmpfs", 0, options); err != nil {
		t.Fatalf("mounting a tmpfs: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(path, unix.MNT_DETACH) })
}

func (w *powerWorld) mailDisk() *disk  { return w.disks[len(w.disks)-1] }
func (w *powerWorld) stateDir() string { return filepath.Join(w.disks[0].mount, "state") }
func (w *powerWorld) maildir() string  { return filepath.Join(w.mailDisk().mount, "Mail") }

// refill puts all messages on the server again.
func (w *powerWorld) refill() { w.server.AddUser("u", "p", w.box...) }

func (w *powerWorld) on() {
	for _, d := range w.disks {
		d.on(w.t)
	}
}

func (w *powerWorld) off() {
	for _, d := range w.disks {
		d.off(w.t)
	}
}

// keep remembers what is on the disks, which are off; restore brings it back.
func (w *powerWorld) keep() {
	for _, d := range w.disks {
		copyImage(w.t, d.image, d.image+".kept")
	}
}

func (w *powerWorld) restore() {
	for _, d := range w.disks {
		copyImage(w.t, d.image+".kept", d.image)
	}
}

// powerCut leaves on the disks what had reached them at this moment, and mounts them again.
func (w *powerWorld) powerCut() {
	copies := cutPower(w.t, w.disks)
	w.off()
	for i, d := range w.disks {
		if err := os.Rename(copies[i], d.image); err != nil {
			w.t.Fatal(err)
		}
	}
	w.on()
}

// powerTrigger kills a process before the n-th system call that changes something, or at the n-th octet that the server
// has sent or the n-th command of a kind that it got. n = 0 never kills.
type powerTrigger struct {
	kind    string
	n       int64
	steps   []string // calls that a "call" trigger met; the last one did not happen if it fired
	counts  map[string]*atomic.Int64
	process atomic.Pointer[os.Process]
	fired   atomic.Bool
}

func newPowerTrigger(kind string, n int64) *powerTrigger {
	g := &powerTrigger{kind: kind, n: n, counts: map[string]*atomic.Int64{}}
	for _, k := range []string{"octet", "DELE", "QUIT"} {
		g.counts[k] = &atomic.Int64{}
	}
	return g
}

func (g *powerTrigger) hit(kind string, k int64) {
	if g == nil || g.counts[kind] == nil {
		return
	}
	if sum := g.counts[kind].Add(k); kind == g.kind && g.n > 0 && sum >= g.n {
		g.fire()
	}
}

func (g *powerTrigger) fire() {
	if p := g.process.Load(); p != nil && !g.fired.Swap(true) {
		_ = p.Kill()
	}
}

type watchedConn struct {
	net.Conn
	w *powerWorld
}

func (c watchedConn) Write(b []byte) (n int, err error) {
	for len(b) > 0 {
		k, err := c.Conn.Write(b[:min(len(b), 512)])
		n += k
		if err != nil {
			return n, err
		}
		b = b[k:]
		c.w.now.Load().hit("octet", int64(k))
	}
	return n, nil
}

// try runs popsync until the powerTrigger kills it or it ends by itself.
func (w *powerWorld) try(g *powerTrigger) {
	w.t.Helper()
	cmd := w.command("run")
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	w.now.Store(g)
	defer w.now.Store(nil)
	code := -1
	if g.kind == "call" {
		r, err := crash.Run(context.Background(), cmd, g.call)
		if err != nil {
			w.t.Fatal(err)
		}
		g.fired.Store(r.Killed)
		code = r.Code
	} else {
		if err := cmd.Start(); err != nil {
			w.t.Fatal(err)
		}
		g.process.Store(cmd.Process)
		if g.kind == "time" {
			timer := time.AfterFunc(time.Duration(g.n), g.fire)
			defer timer.Stop()
		}
		_ = cmd.Wait()
		code = cmd.ProcessState.ExitCode()
	}
	if !g.fired.Swap(true) && code != 0 {
		w.t.Errorf("popsync run: exit code %d before anything was cut\n%s", code, log.String())
	}
}

// call counts the system calls that may change something, and dies before the n-th.
func (g *powerTrigger) call(c crash.Call) crash.Action {
	if c.Path == "pipe" || c.Path == "anon" {
		return crash.Proceed
	}
	g.steps = append(g.steps, powerStep(c))
	if int64(len(g.steps)) == g.n {
		return crash.Kill
	}
	return crash.Proceed
}

// powerStep names what popsync was about to do.
func powerStep(c crash.Call) string {
	dir, file := filepath.Base(filepath.Dir(c.Path)), filepath.Base(c.Path)
	switch {
	case c.Path == "socket":
		if words := strings.Fields(string(c.Head)); len(words) > 0 {
			return words[0]
		}
		return "other"
	case c.Name == "syncfs":
		return "syncfs"
	case strings.HasPrefix(file, "ledger.db") && strings.Contains(c.Name, "sync"):
		return "sync ledger"
	case strings.HasPrefix(file, "ledger.db"):
		return "write ledger"
	case c.Name == "rename" && dir == "tmp":
		return "rename"
	case c.Name == "openat" && dir == "tmp":
		return "create"
	case c.Name == "write" && dir == "tmp":
		return "write"
	case c.Name == "fsync" && dir == "tmp":
		return "sync file"
	case c.Name == "fsync" && (file == "tmp" || file == "new"):
		return "sync " + file
	}
	return "other"
}

// phase tells how far the ledger on the disks is, without touching it.
func (w *powerWorld) phase() string {
	w.t.Helper()
	dir := w.t.TempDir()
	files, _ := filepath.Glob(filepath.Join(w.stateDir(), "ledger.db*"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), b, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	if len(files) == 0 {
		return "no ledger"
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "ledger.db"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	var publishing, settled int
	if db.QueryRow(`SELECT count(*) FROM delivery WHERE state = 2`).Scan(&publishing) != nil ||
		db.QueryRow(`SELECT count(*) FROM message WHERE state IN (2, 3)`).Scan(&settled) != nil {
		return "no ledger"
	}
	switch {
	case publishing > 0:
		return "publishing"
	case settled == 0:
		return "nothing"
	case settled < len(w.box):
		return "some"
	}
	return "all"
}
