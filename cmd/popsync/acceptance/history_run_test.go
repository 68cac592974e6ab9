//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/popsync/popsync/internal/crash"
)

// histKill is the system call before which popsync is killed.
type histKill struct {
	what string // of crash.Call.Name; "": any
	path string // its path or its new name holds this, or what goes into the socket does
	n    int    // the n-th such call
}

var histKills = []histKill{{"", "", 150}, {"rename", "/new/", 5}, {"fsync", "/new", 2}, {"pwrite64", "ledger.db", 60},
	{"write", "RETR", 2}, {"write", "DELE", 2}, {"write", "QUIT", 1}, {"write", "socket", 20}}

// file is the configuration as it is now.
func (w *histWorld) file() string {
	var s strings.Builder
	fmt.Fprintf(&s, "state_dir = %q\n[limits]\nbatch_messages = 3\n", w.path("state"))
	for _, a := range w.accounts {
		fmt.Fprintf(&s, "\n[account.%s]\nhost = \"127.0.0.1\"\nport = %d\ntls = \"none\"\nusername = %q\npassword = \"p\"\nalarm = false\ndelete = %q\ndelete_quarantined = %v\n",
			a.name, w.port, a.box.user, a.policy, a.quarantined)
		for _, d := range a.configured() {
			fmt.Fprintf(&s, "[[account.%s.deliver]]\nname = %q\n", a.name, d.name)
			if d.place.relay != nil {
				fmt.Fprintf(&s, "type = \"smtp\"\naddress = %q\ntls = \"none\"\nto = [\"me@example.org\"]\n", d.place.relay.addr)
			} else {
				fmt.Fprintf(&s, "type = \"maildir\"\npath = %q\n", d.path)
			}
			if d.fallback {
				s.WriteString("fallback = true\n")
			} else {
				fmt.Fprintf(&s, "required = %v\n", d.required)
			}
		}
	}
	return s.String()
}

// popsync runs the program with a command, and judges what it has done.
func (w *histWorld) popsync(args ...string) histResult {
	conf := w.path("config.toml")
	w.must(os.WriteFile(conf, []byte(w.file()), 0o600))
	w.offer()
	w.runs++
	var kill *histKill
	pass := args[0] == "run" && !slices.Contains(args, "--dry-run")
	if pass {
		if kill = w.trouble.kill; w.trouble.String() != "" {
			w.note("* %v", w.trouble)
		}
	}
	w.mu.Unlock()
	r := histExec(kill, w.bin, append([]string{"--config", conf}, verbose(args)...)...)
	w.mu.Lock()
	if errors.Is(r.failed, syscall.EPERM) && os.Getenv("CI") == "" {
		w.t.Skipf("NOT TESTED: %v", r.failed)
	}
	w.must(r.failed)
	for w.talks > 0 {
		w.quiet.Wait()
	}
	w.note("$ popsync %s -> %d\n    %s", strings.Join(args, " "), r.code,
		strings.ReplaceAll(strings.TrimRight(r.out+r.err, "\n"), "\n", "\n    "))
	if pass {
		for _, p := range w.inUse() {
			if w.trouble.sweep {
				w.sweep(p)
			}
		}
		w.trouble = histTrouble{}
	}
	if r.code == -1 {
		w.killed++
	}
	w.seeTokens()
	w.look()
	w.settleServer()
	switch {
	case r.code == histHung:
		w.oracle.complain("HANG", "popsync %s", strings.Join(args, " "))
	case r.code == -1 && kill != nil:
	case r.code == 1 && args[0] == "healthcheck":
	case !slices.Contains([]int{0, 64, 70, 75, 77, 78}, r.code):
		w.oracle.complain("EXIT", "%d of popsync %s: %s", r.code, strings.Join(args, " "), r.err)
	case r.code == 70:
		w.oracle.complain("EXIT", "70 of popsync %s", strings.Join(args, " "))
	}
	for ; w.noted < len(w.oracle.complaints); w.noted++ {
		w.note("!! %s", w.oracle.complaints[w.noted])
	}
	return r
}

// histResult is how a command ended; failed is an error of the test itself.
type histResult struct {
	result
	failed error
}

// histHung is the exit code of a program that did not end.
const histHung = -100

func histExec(kill *histKill, program string, args ...string) (r histResult) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if kill == nil {
		if err := cmd.Run(); cmd.ProcessState == nil {
			return histResult{failed: err}
		}
		r.code = cmd.ProcessState.ExitCode()
	} else {
		n := 0
		traced, err := crash.Run(ctx, cmd, func(c crash.Call) crash.Action {
			if (kill.what == "" || kill.what == c.Name) && strings.Contains(c.Path+" "+c.To+" "+string(c.Head), kill.path) {
				if n++; n == kill.n {
					return crash.Kill
				}
			}
			return crash.Proceed
		})
		if r.code = traced.Code; err != nil && ctx.Err() == nil {
			return histResult{failed: err}
		}
	}
	if ctx.Err() != nil {
		r.code = histHung
	}
	r.out, r.err = out.String(), errs.String()
	return r
}

// ledger is what a query for one column finds in the ledger; nothing if there is none.
func (w *histWorld) ledger(query string) (found []string) {
	path := w.path("state", "ledger.db")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(10000)")
	w.must(err)
	defer db.Close()
	rows, err := db.Query(query)
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		var s string
		w.must(rows.Scan(&s))
		found = append(found, s)
	}
	w.must(rows.Err())
	return found
}

// ledgerAccounts are the accounts that the ledger has.
func (w *histWorld) ledgerAccounts() []string {
	return w.ledger("SELECT name FROM account ORDER BY name")
}

// act runs a command that may take note of the configuration.
func (w *histWorld) act(args ...string) histResult {
	for _, l := range w.letters {
		for _, a := range w.accounts {
			if l.box == a.box {
				required, _, _ := a.required()
				w.oracle.config(l.number, required)
			}
		}
	}
	return w.popsync(args...)
}

// glance runs a command that must change no mail and make no account.
func (w *histWorld) glance(args ...string) {
	w.offer()
	mail, accounts := w.mailboxes(), w.ledgerAccounts()
	w.popsync(args...)
	if !slices.Equal(mail, w.mailboxes()) {
		w.oracle.complain("LOOK", "popsync %s changed mail", strings.Join(args, " "))
	}
	if now := w.ledgerAccounts(); !slices.Equal(accounts, now) {
		w.oracle.complain("LOOK", "popsync %s: accounts of the ledger %v became %v", strings.Join(args, " "), accounts, now)
	}
}
