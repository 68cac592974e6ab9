package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/control"
)

// fakeDaemon answers what the test wants, and remembers what it was asked.
type fakeDaemon struct {
	status control.Status
	run    func(ctx context.Context, accounts []string, progress func(control.Progress)) ([]json.RawMessage, error)

	mu    sync.Mutex
	asked []string
}

func (d *fakeDaemon) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, fmt.Sprintf(format, args...))
}

func (d *fakeDaemon) has(account string) bool {
	return slices.ContainsFunc(d.status.Accounts, func(a control.Account) bool { return a.Account == account })
}

func (d *fakeDaemon) Status(context.Context) (control.Status, error) { return d.status, nil }

func (d *fakeDaemon) Wake(_ context.Context, accounts []string) (unknown []string, err error) {
	d.note("wake %s", strings.Join(accounts, " "))
	for _, name := range accounts {
		if !d.has(name) {
			unknown = append(unknown, name)
		}
	}
	return unknown, nil
}

func (d *fakeDaemon) Pause(_ context.Context, account string, paused bool) error {
	d.note("pause %s %t", account, paused)
	if !d.has(account) {
		return &control.UnknownError{Accounts: []string{account}}
	}
	return nil
}

func (d *fakeDaemon) Run(ctx context.Context, q control.RunRequest, progress func(control.Progress), report func(json.RawMessage)) error {
	d.note("run %s %t", strings.Join(q.Accounts, " "), q.Asked)
	reports, err := d.run(ctx, q.Accounts, progress)
	for _, doc := range reports {
		report(doc)
	}
	return err
}

func (d *fakeDaemon) Grant(_ context.Context, g control.Grant) error {
	d.note("grant %s %s %s", g.Account, g.Destination, g.Name)
	if !d.has(g.Account) {
		return &control.UnknownError{Accounts: []string{g.Account}}
	}
	return nil
}

func (d *fakeDaemon) Logout(_ context.Context, g control.Grant) (bool, error) {
	d.note("logout %s %s %s", g.Account, g.Destination, g.Name)
	return true, nil
}

func (d *fakeDaemon) Reload(context.Context) (control.Reloaded, error) {
	return control.Reloaded{Accounts: 2, Added: 1}, nil
}

// station is a person's home with a configuration of the accounts home, new and work, whose server is not there.
type station struct {
	t     *testing.T
	state string
	file  string // the configuration
	stop  func() // ends the daemon
}

func newStation(t *testing.T) *station {
	t.Helper()
	dir := t.TempDir()
	for key, value := range map[string]string{"HOME": dir, "XDG_CONFIG_HOME": "", "XDG_STATE_HOME": "", "STATE_DIRECTORY": "",
		"XDG_RUNTIME_DIR": "", "RUNTIME_DIRECTORY": ""} {
		t.Setenv(key, value)
	}
	p := &station{t: t, state: filepath.Join(dir, "state")}
	conf := fmt.Sprintf("state_dir = %q\n", p.state)
	for _, name := range []string{"home", "new", "work"} {
		conf += fmt.Sprintf("[account.%s]\nhost = \"127.0.0.1\"\nport = 1\ntls = \"none\"\nusername = \"u\"\npassword = \"none\"\n"+
			"[[account.%[1]s.deliver]]\ntype = \"maildir\"\npath = %q\n", name, filepath.Join(dir, name))
	}
	file := filepath.Join(dir, ".config", "popsync", "config.toml")
	p.file = file
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// daemon starts a daemon that has the accounts home and work.
func (p *station) daemon(d *fakeDaemon) {
	p.t.Helper()
	if d.status.Accounts == nil {
		d.status = control.Status{PID: 42, Version: "1.2", Config: p.file, StateDir: p.state, Started: time.Date(2026, 11, 24, 9, 0, 0, 0, time.Local),
			Accounts: []control.Account{{Account: "home"}, {Account: "work"}}}
	}
	s, err := control.Listen(filepath.Join(p.state, "control.sock"))
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, d) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			p.t.Error(err)
		}
	})
	p.t.Cleanup(p.stop)
}

// says runs a command line on a terminal, or not, and gives what it printed.
func (p *station) says(terminal bool, code int, line string) (out, err string) {
	p.t.Helper()
	var o, e bytes.Buffer
	in, ierr := os.Open(os.DevNull)
	if ierr != nil {
		p.t.Fatal(ierr)
	}
	defer in.Close()
	size := func() (int, int) { return 100, 24 }
	got := execute(p.t.Context(), strings.Fields(line), &console.Console{In: in, Out: &o, Err: &e, OutTerm: terminal, OutSize: size, ErrSize: size})
	if got != code {
		p.t.Errorf("popsync %s: exit code %d, want %d\n%s%s", line, got, code, o.String(), e.String())
	}
	return o.String(), e.String()
}

func has(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%q is missing in:\n%s", w, text)
		}
	}
}
