//go:build amd64 || arm64

package acceptance_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/internal/confine"
	"github.com/popsync/popsync/pop3/pop3test"
)

const (
	shippedUnit  = "../../../systemd/popsync.service"
	unprivileged = 65534 // nobody: maildrop wants a user that exists
)

// confined makes the house that of a user without privileges, and returns the sandbox of the shipped unit around it:
// popsync may write to its state and to the house's Maildirs that are named, which are made.
func (h *house) confined(maildirs ...string) confine.Sandbox {
	h.t.Helper()
	if os.Getuid() != 0 {
		h.t.Skip("NOT TESTED: needs root")
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		h.t.Skip("NOT TESTED: needs systemd-analyze, of Debian's package systemd")
	}
	s := confine.Sandbox{Unit: shippedUnit, UID: unprivileged, GID: unprivileged, State: h.state(),
		Runtime: filepath.Join(h.dir, "runtime"), Logs: filepath.Join(h.dir, "logs")}
	for _, name := range maildirs {
		s.Write = append(s.Write, h.mail(name))
	}
	for _, dir := range append([]string{s.State, s.Runtime, s.Logs}, s.Write...) {
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chown(dir, s.UID, s.GID)); err != nil {
			h.t.Fatal(err)
		}
	}
	return s
}

// finishIn is finish in a sandbox, into which the configuration is shown.
func (h *house) finishIn(s confine.Sandbox, args ...string) result {
	h.t.Helper()
	cmd := h.command(args...)
	config := filepath.Join(h.dir, "config.toml")
	if err := os.Chown(config, s.UID, s.GID); err != nil {
		h.t.Fatal(err)
	}
	s.Read = append(s.Read, config)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := s.Start(cmd); err != nil {
		h.t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code is what matters
	return result{code: cmd.ProcessState.ExitCode(), out: out.String(), err: errs.String()}
}

// The shipped unit forbids nothing that popsync needs, nor what the delivery agents of docs/recipes-command.md do.
func TestAcceptConfined(t *testing.T) {
	h := newHouse(t)
	s := h.confined("Mail", "agents")
	mail := mailgen.Messages(7, 20, 200, 20000)
	server, addr := serve(t, pop3test.Options{}, boxOf(mail))
	agents := h.mail("agents")
	more, tried := "", []string{}
	for _, agent := range []struct{ path, file, rules, args string }{
		{"/usr/bin/maildrop", "mailfilter", "to %q\n", `"-f", "{sender}", %q`},
		{"/usr/bin/procmail", "procmailrc", "DEFAULT=%s/\n", `"-t", "-m", %q`},
	} {
		name := filepath.Base(agent.path)
		if _, err := os.Stat(agent.path); err != nil {
			t.Logf("not tried: %s", agent.path)
			continue
		}
		box := filepath.Join(agents, name)
		for _, dir := range []string{box, box + "/tmp", box + "/new", box + "/cur"} {
			if err := errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, s.UID, s.GID)); err != nil {
				t.Fatal(err)
			}
		}
		file := filepath.Join(agents, agent.file)
		if err := errors.Join(os.WriteFile(file, fmt.Appendf(nil, agent.rules, box), 0o600), os.Chown(file, s.UID, s.GID)); err != nil {
			t.Fatal(err)
		}
		tried = append(tried, name)
		more += fmt.Sprintf("[[account.work.deliver]]\ntype = \"command\"\nname = %q\ncommand = [%q, %s]\n", name, agent.path, fmt.Sprintf(agent.args, file))
	}
	h.work(addr, fmt.Sprintf("[[account.work.deliver]]\ntype = \"maildir\"\npath = %q\n%s", h.mail("Mail/work"), more), `delete = "after-delivery"`)
	for range 2 { // the second run finds its own ledger
		if r := h.finishIn(s, "run"); r.code != 0 || r.err != "" {
			t.Fatalf("exit code %d\n%s%s", r.code, r.out, r.err)
		}
	}
	same(t, wanted(mail...), arrived(t, h.mail("Mail/work")))
	for _, name := range tried {
		if n := arrived(t, filepath.Join(agents, name)).len(); n != len(mail) {
			t.Errorf("%s: %d messages of %d", name, n, len(mail))
		}
	}
	if left := server.Messages("u"); len(left) > 0 {
		t.Errorf("%d messages are still on the server", len(left))
	}
	if r := h.finishIn(s, "verify"); r.code != 0 {
		t.Errorf("verify: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if r := h.finishIn(s, "demo"); r.code != 0 || !strings.Contains(r.out, "Everything is cleaned up") {
		t.Errorf("demo: exit code %d\n%s%s", r.code, r.out, r.err)
	}
}
