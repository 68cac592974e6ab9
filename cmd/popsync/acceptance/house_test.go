package acceptance_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	_ "modernc.org/sqlite" // to look into the ledger

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/internal/overlay"
	"github.com/popsync/popsync/pop3/pop3test"
)

// The tests named TestAccept run the built program against servers, as a person would.

var built struct {
	sync.Mutex
	dir     string
	names   map[string]string
	overlay *overlay.Overlay
}

// program builds popsync once per control and returns its path. control is what is wrong with it: see internal/overlay; "":
// nothing is.
func program(t testing.TB, control string) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	if p := built.names[control]; p != "" {
		return p
	}
	if built.dir == "" {
		dir, err := os.MkdirTemp("", "popsync-built-")
		if err != nil {
			t.Fatal(err)
		}
		built.dir, built.names = dir, map[string]string{}
	}
	p := filepath.Join(built.dir, "popsync"+control)
	args := []string{"build", "-o", p}
	if control != "" {
		args = append(args, wrong(t, control)...)
	}
	cmd := exec.Command("go", append(args, "github.com/popsync/popsync/cmd/popsync")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	built.names[control] = p
	return p
}

// wrong are the flags of go build for a control.
func wrong(t testing.TB, control string) []string {
	t.Helper()
	if built.overlay == nil {
		dir := filepath.Join(built.dir, "overlay")
		err := os.MkdirAll(dir, 0o700)
		if err == nil {
			built.overlay, err = overlay.Make(dir)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	flags, err := built.overlay.Flags(control)
	if err != nil {
		t.Fatal(err)
	}
	return flags
}

// The source compiles with all controls in it. That each of them fits is a test of internal/overlay.
func TestControlsCompile(t *testing.T) { program(t, overlay.None) }

// house is a person's machine: a configuration, a state directory, Maildirs.
type house struct {
	t    testing.TB
	dir  string
	conf strings.Builder
	bin  string
	env  []string
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), bin: program(t, "")}
	fmt.Fprintf(&h.conf, "state_dir = %q\n[log]\nlevel = \"warn\"\n", h.state())
	return h
}

func (h *house) state() string           { return filepath.Join(h.dir, "state") }
func (h *house) mail(name string) string { return filepath.Join(h.dir, name) }

// account adds an account in plaintext on loopback; more are further lines of its table.
func (h *house) account(name string, addr net.Addr, user, password, maildir string, more ...string) {
	h.add(name, "127.0.0.1", addr.(*net.TCPAddr).Port, user, password, maildir, append(more, `tls = "none"`)...)
}

// add adds an account without alarms, unless more says otherwise: they would be in the Maildir.
func (h *house) add(name, host string, port int, user, password, maildir string, more ...string) {
	if !slices.ContainsFunc(more, func(l string) bool { return strings.HasPrefix(l, "alarm = ") }) {
		more = append(more, "alarm = false")
	}
	fmt.Fprintf(&h.conf, "\n[account.%s]\nhost = %q\nport = %d\nusername = %q\npassword = %q\n%s\n\n[[account.%s.deliver]]\ntype = \"maildir\"\npath = %q\n",
		name, host, port, user, password, strings.Join(more, "\n"), name, h.mail(maildir))
}

// command is popsync with this house's configuration.
func (h *house) command(args ...string) *exec.Cmd {
	file := filepath.Join(h.dir, "config.toml")
	if err := os.WriteFile(file, []byte(h.conf.String()), 0o600); err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.Command(h.bin, append([]string{"--config", file}, verbose(args)...)...)
	cmd.Env = append(os.Environ(), h.env...)
	return cmd
}

// verbose makes a run write its log, which says little to who does not watch it: see cron.txtar.
func verbose(args []string) []string {
	i := slices.Index(args, "run")
	if i < 0 || slices.Contains(args, "--quiet") || slices.Contains(args, "--verbose") {
		return args
	}
	return slices.Insert(slices.Clone(args), i+1, "--verbose")
}

// result is what a person sees of a command.
type result struct {
	code     int
	out, err string
	rss      int64 // peak, octets
}

func (h *house) popsync(args ...string) result {
	h.t.Helper()
	return finish(h.t, h.command(args...))
}

func finish(t testing.TB, cmd *exec.Cmd) result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r := result{code: cmd.ProcessState.ExitCode(), out: out.String(), err: errs.String()}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.rss = u.Maxrss << 10
	}
	return r
}

// run makes a run that must end with code.
func (h *house) run(code int, args ...string) result {
	h.t.Helper()
	r := h.popsync(append([]string{"run"}, args...)...)
	if r.code != code {
		h.t.Fatalf("popsync run: exit code %d, want %d\n%s%s", r.code, code, r.out, r.err)
	}
	return r
}

// sums is a multiset of SHA-256.
type sums map[[sha256.Size]byte]int

func (s sums) len() (n int) {
	for _, k := range s {
		n += k
	}
	return n
}

// wanted is what a Maildir must hold of messages.
func wanted(messages ...[]byte) sums {
	s := sums{}
	for _, m := range messages {
		s[sha256.Sum256(mailgen.Stored(m))]++
	}
	return s
}

// arrived is what a Maildir holds in new and cur.
func arrived(t testing.TB, dir string) sums {
	t.Helper()
	s := sums{}
	for _, sub := range []string{"new", "cur"} {
		files, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(filepath.Join(dir, sub, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			s[sha256.Sum256(b)]++
		}
	}
	return s
}

// differ counts what is lost and what is there too often.
func differ(want, got sums) (lost, twice int) {
	for k, n := range want {
		lost += max(0, n-got[k])
	}
	for k, n := range got {
		twice += max(0, n-want[k])
	}
	return lost, twice
}

func same(t testing.TB, want, got sums) {
	t.Helper()
	if !maps.Equal(want, got) {
		lost, twice := differ(want, got)
		t.Errorf("Maildir: %d lost, %d too many or changed", lost, twice)
	}
}

// serve starts a server in memory with one user "u", password "p".
func serve(t testing.TB, o pop3test.Options, box []pop3test.Message) (*pop3test.Server, *net.TCPAddr) {
	t.Helper()
	s := pop3test.NewServer(o)
	t.Cleanup(s.Close)
	s.AddUser("u", "p", box...)
	addr, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	return s, addr
}

// boxOf gives messages unique-ids.
func boxOf(messages [][]byte) []pop3test.Message {
	box := make([]pop3test.Message, len(messages))
	for i, m := range messages {
		box[i] = pop3test.Message{UID: fmt.Sprintf("%010d.uid", i), Data: m}
	}
	return box
}

// number asks the ledger for a number.
func (h *house) number(query string, args ...any) (n int) {
	h.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(h.state(), "ledger.db")+"?mode=ro")
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(context.Background(), query, args...).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

// mustBeDelivered is for a server's OnDelete: the ledger has what is deleted as delivered, and says so to another process
// before the server is asked. What was delivered once stays so, so that one question answers for many messages.
func (h *house) mustBeDelivered() func(user, uid string) {
	var mu sync.Mutex
	delivered := map[string]bool{}
	return func(_, uid string) {
		mu.Lock()
		defer mu.Unlock()
		if delivered[uid] {
			return
		}
		db, err := sql.Open("sqlite", "file:"+filepath.Join(h.state(), "ledger.db")+"?mode=ro&_pragma=busy_timeout(10000)")
		if err != nil {
			h.t.Error(err)
			return
		}
		defer db.Close()
		var all sql.NullString
		err = db.QueryRow(`SELECT group_concat(CAST(uid AS TEXT), char(10)) FROM message WHERE state IN (2, 3)`).Scan(&all)
		for _, u := range strings.Split(all.String, "\n") {
			delivered[u] = true
		}
		if err != nil || !delivered[uid] {
			h.t.Errorf("DELE of %s, which the ledger does not have as delivered (%v)", uid, err)
		}
	}
}

// TestMain removes what was built once all tests ran.
func TestMain(m *testing.M) {
	if signal.Ignored(os.Interrupt) { // or what is started here would ignore it too
		caught := make(chan os.Signal, 1)
		signal.Notify(caught, os.Interrupt)
		go func() { <-caught; os.Exit(1) }()
	}
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// exec changes the ledger behind popsync's back.
func (h *house) exec(statement string) {
	h.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(h.state(), "ledger.db"))
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		h.t.Fatal(err)
	}
}

// query returns rows of the ledger as text.
func (h *house) query(statement string) (all []string) {
	h.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(h.state(), "ledger.db")+"?mode=ro")
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(statement)
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		h.t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			h.t.Fatal(err)
		}
		all = append(all, fmt.Sprintf(" %q", values))
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return all
}
