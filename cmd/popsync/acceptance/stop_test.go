package acceptance_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// Whatever a run or a daemon is at when it is told to end: it ends in time, leaves no program behind, and that is neither a
// success nor a failure; the next run brings everything.
func TestAcceptStop(t *testing.T) {
	messages := mailgen.Messages(3, 4, 300, 500)
	for _, st := range stages() {
		for _, how := range []string{"run", "daemon"} {
			t.Run(st.name+" "+how, func(t *testing.T) {
				t.Parallel()
				server, addr := serve(t, pop3test.Options{}, boxOf(messages))
				h := newHouse(t)
				conf := replace(t, h.conf.String(), `level = "warn"`, `level = "info"`)
				h.conf.Reset()
				h.conf.WriteString(conf)
				there, mend := st.set(t, h, addr, server)
				var log bytes.Buffer
				cmd := h.command(how)
				cmd.Stdout, cmd.Stderr = &log, &log
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				for end := time.Now().Add(patience); !there(); time.Sleep(10 * time.Millisecond) {
					if time.Now().After(end) {
						_ = cmd.Process.Kill()
						t.Fatalf("it never came there:\n%s", log.String())
					}
				}
				began := time.Now()
				if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				_ = cmd.Wait() // the exit code is what matters
				took := time.Since(began)
				t.Logf("ended after %v", took)
				want := 75
				if how == "daemon" {
					want = 0
				}
				text := log.String()
				if code := cmd.ProcessState.ExitCode(); code != want || took > inTime {
					t.Errorf("exit code %d, want %d, after %v", code, want, took)
				}
				if !strings.Contains(text, `"msg":"pass stopped"`) || strings.Contains(text, `"level":"error"`) || strings.Contains(text, "pass finished") {
					t.Errorf("the log:\n%s", text)
				}
				for _, name := range []string{"parent", "child"} {
					if pid := h.pid(name); pid != 0 && lives(pid) {
						t.Errorf("%s (%d) goes on", name, pid)
					}
				}
				if out := h.popsync("status", "--json").out; strings.Contains(out, `"state":"trouble"`) || !strings.Contains(out, `"failures":0`) {
					t.Errorf("status: %s", out)
				}
				mend()
				h.run(0, "a")
				same(t, wanted(messages...), arrived(t, h.mail("Mail")))
			})
		}
	}
}

// A check that waits for a server ends, and says what it looked at; an alarm's program is ended with its run.
func TestAcceptStopElsewhere(t *testing.T) {
	t.Parallel()
	t.Run("check", func(t *testing.T) {
		mute, came := speechless(t, "")
		h := newHouse(t)
		h.account("a", mute, "u", "p", "Mail")
		r := h.stopped(t, came, "check")
		if r.code != 75 || !strings.Contains(r.out, "stopped; 0 accounts not looked at, 1 only in part\n") || r.err != "" || strings.Contains(r.out, "FAIL") {
			t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
		}
	})
	t.Run("alarm", func(t *testing.T) {
		plain, _ := speechless(t, "+OK hello\r\n")
		h := newHouse(t)
		fmt.Fprintf(&h.conf, "[alarm]\ncommand = [%q, %q]\n", h.program("tell", stubborn), h.dir)
		h.add("a", "127.0.0.1", plain.Port, "u", "p", "Mail", `tls = "implicit"`, "alarm = true")
		r := h.stopped(t, func() bool { return h.pid("parent") != 0 }, "run")
		if r.code != 78 { // what the account's pass came to, before the stop
			t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
		}
		for _, name := range []string{"parent", "child"} {
			if pid := h.pid(name); lives(pid) {
				t.Errorf("%s (%d) goes on", name, pid)
			}
		}
	})
}

// stopped starts a command, stops it when it came somewhere, and returns what it said.
func (h *house) stopped(t *testing.T, there func() bool, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := h.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); !there(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			_ = cmd.Process.Kill()
			t.Fatalf("it never came there:\n%s%s", out.String(), errs.String())
		}
	}
	began := time.Now()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
	t.Logf("ended after %v", time.Since(began))
	return result{code: cmd.ProcessState.ExitCode(), out: out.String(), err: errs.String()}
}

// What hangs is abandoned after five seconds, as by a kill; the next run settles it.
func TestAcceptStopHangs(t *testing.T) {
	t.Parallel()
	messages := mailgen.Messages(3, 4, 300, 500)
	server, addr := serve(t, pop3test.Options{}, boxOf(messages))
	h := newHouse(t)
	h.account("a", addr, "u", "p", "Mail")
	met := make(chan struct{})
	once := sync.OnceFunc(func() { close(met) })
	server.Change(func(o *pop3test.Options) {
		o.NoPipelining = true
		o.OnCommand = func(_ *pop3test.Session, v, arg string) *pop3test.Reply {
			if v == "RETR" && arg == "3" {
				once()
				<-server.Done()
			}
			return nil
		}
	})
	var other *sql.Tx
	r := h.stopped(t, func() bool {
		if !closed(met)() {
			return false
		}
		db, err := sql.Open("sqlite", "file:"+filepath.Join(h.state(), "ledger.db")+"?_txlock=immediate")
		if err == nil {
			t.Cleanup(func() { db.Close() })
			other, err = db.Begin() // another process has the ledger, and does not give it back
		}
		if err != nil {
			t.Error(err)
		}
		return true
	}, "run")
	if r.code != 75 || r.err != "popsync: stopped; what hung was abandoned, as by a kill: the next run settles it\n" {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	_ = other.Rollback()
	server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	h.run(0)
	same(t, wanted(messages...), arrived(t, h.mail("Mail")))
}

// A second signal ends it at once, and leaves no program behind either.
func TestAcceptStopTwice(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, pop3test.Options{}, boxOf(mailgen.Messages(3, 1, 300, 500)))
	h := newHouse(t)
	h.account("a", addr, "u", "p", "Mail")
	h.deliver("a", `type = "command"`, fmt.Sprintf("command = [%q, %q]", h.program("deliver", stubborn), h.dir))
	cmd := h.command("run")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); h.pid("parent") == 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	_ = cmd.Process.Signal(syscall.SIGINT) // the same, for all that is known: timeout(1) sends two
	time.Sleep(300 * time.Millisecond)
	if syscall.Kill(cmd.Process.Pid, 0) != nil {
		t.Error("two signals at once ended it as a second one does")
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	began := time.Now()
	for waits := true; waits; { // one that comes soon after the others were noticed is the same, too
		_ = cmd.Process.Signal(syscall.SIGINT)
		if time.Since(began) > patience {
			_ = cmd.Process.Kill()
		}
		select {
		case <-ended:
			waits = false
		case <-time.After(300 * time.Millisecond):
		}
	}
	if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGINT {
		t.Errorf("it ended by %v", cmd.ProcessState)
	}
	for _, name := range []string{"parent", "child"} {
		pid := h.pid(name) // SIGKILL takes a moment
		for end := time.Now().Add(patience); lives(pid) && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		}
		if pid == 0 || lives(pid) {
			t.Errorf("%s (%d) goes on", name, pid)
		}
	}
}

// Accounts that had finished before have their own results, and what had not begun says so.
func TestAcceptStopTellsOfEach(t *testing.T) {
	t.Parallel()
	messages := mailgen.Messages(3, 3, 300, 500)
	_, good := serve(t, pop3test.Options{}, boxOf(messages))
	mute, came := speechless(t, "")
	h := newHouse(t)
	conf := "parallel = 1\n" + replace(t, h.conf.String(), `level = "warn"`, `level = "info"`)
	h.conf.Reset()
	h.conf.WriteString(conf)
	h.account("a", good, "u", "p", "A")
	h.account("b", mute, "u", "p", "B")
	h.account("c", good, "u", "p", "C")
	cmd := h.command("run", "--json")
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); !came() && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if code := cmd.ProcessState.ExitCode(); code != 75 || len(lines) != 3 {
		t.Fatalf("exit code %d:\n%s%s", code, out.String(), log.String())
	}
	for i, want := range [][]string{{`"new":3`, `"class":"ok"`}, {`"stopped":true`, `"message":"stopped"`}, {`"stopped":true`, `"message":"not started"`}} {
		for _, w := range want {
			if !strings.Contains(lines[i], w) {
				t.Errorf("%q is missing in %s", w, lines[i])
			}
		}
	}
	if text := log.String(); strings.Contains(text, `"level":"error"`) || !strings.Contains(text, `"msg":"pass not started","account":"c"`) {
		t.Errorf("the log:\n%s", text)
	}
}

// An interrupt or a hangup that is ignored when it begins is none (nohup, a shell without job control). SIGTERM ends it all the
// same, a second one at once.
func TestAcceptIgnoredSignals(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, pop3test.Options{}, boxOf(mailgen.Messages(3, 1, 300, 500)))
	h := newHouse(t)
	h.account("a", addr, "u", "p", "Mail")
	h.deliver("a", `type = "command"`, fmt.Sprintf("command = [%q, %q]", h.program("deliver", stubborn), h.dir))
	run := h.command("run")
	cmd := exec.Command("/bin/sh", append([]string{"-c", `trap '' HUP INT; exec "$@"`, "sh"}, run.Args...)...)
	cmd.Env = run.Env
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); h.pid("parent") == 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
	}
	for range 3 {
		_ = cmd.Process.Signal(syscall.SIGHUP)
		_ = cmd.Process.Signal(syscall.SIGINT)
		time.Sleep(300 * time.Millisecond) // a second one would end it
	}
	if !lives(cmd.Process.Pid) {
		t.Error("what was ignored ended it")
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	began := time.Now()
	for waits := true; waits; {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if time.Since(began) > patience {
			_ = cmd.Process.Kill()
		}
		select {
		case <-ended:
			waits = false
		case <-time.After(300 * time.Millisecond):
		}
	}
	if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGTERM {
		t.Errorf("it ended by %v\n%s", cmd.ProcessState, said.String())
	}
	for _, name := range []string{"parent", "child"} {
		pid := h.pid(name)
		for end := time.Now().Add(patience); lives(pid) && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		}
		if lives(pid) {
			t.Errorf("the %s of the destination still runs", name)
		}
	}
}
