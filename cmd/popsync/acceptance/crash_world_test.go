//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/internal/crash"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl/sqlite/sqlitetest"
)

// crashWorld is one house, with a server, for one point of a sweep. Its methods return what went wrong: a point is
// made on a goroutine of its own, and a control is expected to go wrong.
type crashWorld struct {
	said string // by the last plain run
	*house
	file   string // configuration
	server *pop3test.Server
	policy string
	users  []string
	all    sums        // of all messages
	total  int         // number of messages
	kills  int         // so far
	remote remotePlace // nil: none
	schema string      // that the ledger must have in the end; "": nobody asks

	mu      sync.Mutex
	read    sums     // what the reader deleted
	trouble []string // what was found wrong
}

// earlier makes a pass over the first four messages with an ordinary build, which goes on to run until later.
func (w *crashWorld) earlier() {
	w.bin = program(w.t, "")
	user := w.users[0]
	all := w.server.Messages(user)
	w.server.AddUser(user, "p", all[:4]...)
	w.plain(0)
	w.server.Deliver(user, all[4:]...)
}

// later is the day on which popsync is replaced by a newer one.
func (w *crashWorld) later(sc *crashScenario) error {
	w.bin, w.schema = program(w.t, sc.control), "3"
	if !sc.first {
		return nil
	}
	w.schema = "2"
	schema, err := os.ReadFile("../../../uidl/sqlite/migrations/1.sql")
	if err != nil {
		return err
	}
	notes, err := filepath.Glob(filepath.Join(w.dir, "Mail", "popsync.[0-9a-f][0-9a-f]*"))
	for _, note := range notes { // no popsync of that day left any
		err = errors.Join(err, os.Remove(note))
	}
	leases, lerr := filepath.Glob(filepath.Join(w.state(), "lease", "*.lock"))
	err = errors.Join(err, lerr)
	for _, lease := range leases { // nor did it write one behind the marker: see docs/ledger-format.md
		if info, serr := os.Stat(lease); serr == nil && info.Size() > 1024 {
			err = errors.Join(err, os.Truncate(lease, 1024))
		}
	}
	return errors.Join(err, sqlitetest.Downgrade(context.Background(), w.state(), string(schema)))
}

// crashRoot is a directory in memory where there is one: a killed process needs no disk to be lost on.
func crashRoot(t testing.TB) string {
	t.Helper()
	if dir, err := os.MkdirTemp("/dev/shm", "popsync-crash-"); err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		return dir
	}
	return t.TempDir()
}

// newCrashWorld makes three batches and one message for each user, all delivered into one Maildir.
func newCrashWorld(t testing.TB, root string, sc *crashScenario) (*crashWorld, error) {
	dir, err := os.MkdirTemp(root, "")
	if err != nil {
		return nil, err
	}
	batch := cmp.Or(sc.batch, 3)
	h := &house{t: t, dir: dir, bin: program(t, sc.control)}
	w := &crashWorld{house: h, policy: sc.policy, all: sums{}, read: sums{}, file: filepath.Join(dir, "config.toml")}
	w.server = pop3test.NewServer(pop3test.Options{OnDelete: w.deleted})
	addr, err := w.server.Listen()
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&h.conf, "state_dir = %q\n[log]\nlevel = \"error\"\n[limits]\nbatch_messages = %d\n", h.state(), batch)
	for i := range max(1, sc.users) {
		user := string(rune('u' + i))
		messages := mailgen.Messages(20+uint64(i), 3*batch+1, 500, 3000)
		w.server.AddUser(user, "p", boxOf(messages)...)
		for k, n := range wanted(messages...) {
			w.all[k] += n
		}
		w.users, w.total = append(w.users, user), w.total+len(messages)
		h.account(user, addr, user, "p", "Mail", `delete = "`+sc.policy+`"`)
	}
	if err := w.openRemote(sc.remote); err != nil {
		return nil, err
	}
	return w, os.WriteFile(w.file, []byte(h.conf.String()), 0o600)
}

func (w *crashWorld) close() {
	w.server.Close()
	w.closeRemote()
	os.RemoveAll(w.dir)
}

func (w *crashWorld) wrong(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trouble = append(w.trouble, fmt.Sprintf(format, args...))
}

func (w *crashWorld) run() *exec.Cmd {
	cmd := exec.Command(w.bin, "--config", w.file, "run", "--verbose")
	cmd.Env = append(os.Environ(), w.env...)
	return cmd
}

// traced makes a run in which decide is asked at each call, with its step.
func (w *crashWorld) traced(decide func(crash.Call, string) crash.Action) (crash.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s := &stepper{state: w.state() + "/", mail: w.mail("Mail") + "/", migrates: w.schema != ""}
	r, err := crash.Run(ctx, w.run(), func(c crash.Call) crash.Action {
		if step := s.step(c); step != "" {
			return decide(c, step)
		}
		return crash.Proceed
	})
	if r.Killed {
		w.kills++
	}
	return r, err
}

// killAt makes a run that is killed before the n-th call of a step; that it gets there is part of the test.
func (w *crashWorld) killAt(stop crashStop) error {
	n := 0
	r, err := w.traced(func(c crash.Call, step string) crash.Action {
		if step == stop.step && (stop.call == "" || stop.call == c.Name) {
			if n++; n == stop.n {
				return crash.Kill
			}
		}
		return crash.Proceed
	})
	if err == nil && !r.Killed {
		err = fmt.Errorf("a run before the sweep never came to %s %s number %d", stop.step, stop.call, stop.n)
	}
	return err
}

// deleted is asked at each DELE: the ledger has the message as delivered, and it is in the Maildir.
func (w *crashWorld) deleted(user, uid string) {
	rows, err := w.ask(`SELECT state FROM message JOIN account ON account.id = message.account WHERE name = ? AND uid = ?`,
		user, []byte(uid))
	if err != nil || rows != "2" && rows != "3" {
		w.wrong("DELE of %s, which the ledger does not have as delivered: %q %v", uid, rows, err)
	}
	w.deletedRemote(uid)
}

// plain makes a run that must end with code.
func (w *crashWorld) plain(code int) {
	cmd := w.run()
	var text strings.Builder
	cmd.Stderr = &text
	err := cmd.Run()
	w.said = text.String()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		w.wrong("popsync run: %v, want exit code %d\n%s", err, code, text.String())
	}
}

// reader opens some of the mail that has come, and deletes some.
func (w *crashWorld) reader(r *rand.Rand) {
	_, names := w.mailbox()
	slices.Sort(names)
	for _, name := range names {
		path := filepath.Join(w.mail("Mail"), name)
		sub, base, _ := strings.Cut(name, "/")
		if sub == "tmp" {
			continue
		}
		var err error
		switch {
		case r.IntN(3) == 0:
			var b []byte
			if b, err = os.ReadFile(path); err == nil {
				w.read[sha256.Sum256(b)]++
				err = os.Remove(path)
			}
		case sub == "new" && r.IntN(2) == 0:
			err = os.Rename(path, filepath.Join(w.mail("Mail"), "cur", base+":2,S"))
		}
		if err != nil {
			w.wrong("%v", err)
		}
	}
}

// damage cuts the staged bytes of a message whose row is 'publishing'.
func (w *crashWorld) damage(*rand.Rand) {
	tickets, err := w.ask(`SELECT ticket FROM delivery WHERE state = 2 ORDER BY seq`)
	lines := strings.Split(tickets, "\n")
	if err != nil || len(lines) != 3 {
		w.wrong("no batch to damage: %q %v", tickets, err)
		return
	}
	name := strings.Fields(lines[1])[1]
	if err := os.Truncate(filepath.Join(w.mail("Mail"), "tmp", name), 100); err != nil {
		w.wrong("%v", err)
	}
}
