package acceptance_test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// typist is a person at a terminal.
type typist struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	screen strings.Builder
}

// sit starts a command on a terminal of its own.
func sit(t *testing.T, cmd *exec.Cmd) *typist {
	t.Helper()
	master, slave := terminal(t)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return &typist{t: t, master: master, cmd: cmd}
}

// until reads until the screen has shown a text.
func (p *typist) until(text string) {
	p.t.Helper()
	buf := make([]byte, 4096)
	for !strings.Contains(p.screen.String(), text) {
		n, err := p.master.Read(buf)
		p.screen.Write(buf[:n])
		if err != nil {
			p.t.Fatalf("%q was not shown (%v):\n%s", text, err, p.screen.String())
		}
	}
}

func (p *typist) types(text string) {
	p.t.Helper()
	if _, err := p.master.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}

// end reads to the end, and returns the exit code.
func (p *typist) end() int {
	p.t.Helper()
	buf := make([]byte, 4096)
	for {
		n, err := p.master.Read(buf)
		p.screen.Write(buf[:n])
		if err != nil {
			break // EIO: nobody has the terminal open any longer
		}
	}
	_ = p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode()
}

// echoes tells whether the terminal shows what is typed.
func (p *typist) echoes() bool {
	p.t.Helper()
	termios, err := unix.IoctlGetTermios(int(p.master.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return termios.Lflag&unix.ECHO != 0
}

// asking is a house with an account whose password is asked for, and another one.
func asking(t *testing.T) *house {
	t.Helper()
	messages := mailgen.Messages(1, 3, 300, 500)
	_, addr := serve(t, pop3test.Options{}, boxOf(messages))
	h := newHouse(t)
	conf := replace(t, h.conf.String(), `level = "warn"`, `level = "info"`)
	h.conf.Reset()
	h.conf.WriteString(conf)
	h.account("asked", addr, "u", "", "Asked")
	conf = replace(t, h.conf.String(), "password = \"\"\n", "")
	h.conf.Reset()
	h.conf.WriteString(conf)
	h.account("other", addr, "u", "p", "Other")
	h.env = append(h.env, "NO_COLOR=1", "TERM=xterm")
	return h
}

const question = "Password for u at 127.0.0.1 (account asked): "

// A prompt ends at Ctrl-C, with the terminal as it was, whatever the command.
func TestAcceptPromptStopped(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"run":      {[]string{"run", "asked"}, "popsync: stopped; nothing was fetched"},
		"dry run":  {[]string{"run", "--dry-run", "asked"}, "asked: stopped"},
		"check":    {[]string{"check", "asked"}, "stopped; 1 account not looked at"},
		"baseline": {[]string{"baseline", "asked"}, "\npopsync: stopped; nothing was marked\r\n"},
		"no board": {[]string{"run", "--json", "asked"}, "popsync: stopped; nothing was fetched"},
	} {
		t.Run(name, func(t *testing.T) {
			h := asking(t)
			p := sit(t, h.command(tc.args...))
			p.until(question)
			if p.echoes() {
				t.Error("what is typed is shown")
			}
			p.types("half a passw\x03")
			began := time.Now()
			code := p.end()
			t.Logf("after %v:\n%s", time.Since(began), p.screen.String())
			if code != 75 || !strings.Contains(p.screen.String(), tc.says) || strings.Contains(p.screen.String(), "half") {
				t.Errorf("exit code %d", code)
			}
			if _, after, _ := strings.Cut(p.screen.String(), question); !strings.HasPrefix(after, "\r\n") {
				t.Errorf("the question's line goes on: %q", after)
			}
			if !p.echoes() {
				t.Error("the terminal shows nothing of what is typed")
			}
		})
	}
}

// Lines of other accounts wait until the question is answered.
func TestAcceptPromptUndisturbed(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"run"}, {"run", "--json"}} {
		h := asking(t)
		p := sit(t, h.command(args...))
		p.until(question)
		for end := time.Now().Add(patience); arrived(t, h.mail("Other")).len() < 3 && time.Now().Before(end); {
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond) // for the lines, which must not come
		p.types("p\n")
		if code := p.end(); code != 0 || !p.echoes() {
			t.Errorf("exit code %d, or the terminal shows nothing of what is typed", code)
		}
		before, after, _ := strings.Cut(p.screen.String(), question)
		if !strings.HasPrefix(after, "\r\n") || !strings.Contains(before+after, "pass finished  {\"account\": \"other\"") {
			t.Errorf("%q: the screen:\n%s", args, p.screen.String())
		}
	}
}

// Beside a daemon, run shows the pass that runs already, and at Ctrl-C what had ended; the daemon goes on.
func TestAcceptRunWatchesDaemon(t *testing.T) {
	t.Parallel()
	messages := mailgen.Messages(1, 3, 300, 500)
	_, good := serve(t, pop3test.Options{}, boxOf(messages))
	release := make(chan struct{})
	slow, addr := serve(t, pop3test.Options{}, boxOf(messages))
	slow.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
			if verb == "RETR" {
				select {
				case <-release:
				case <-slow.Done():
				}
			}
			return nil
		}
	})
	h := newHouse(t)
	h.account("good", good, "u", "p", "Good")
	h.account("slow", addr, "u", "p", "Slow")
	h.account("rests", good, "u", "p", "Rests")
	h.env = append(h.env, "NO_COLOR=1", "TERM=xterm")
	if r := h.popsync("pause", "rests"); r.code != 0 {
		t.Fatal(r.err)
	}
	d := h.daemon()
	d.until("the first passes", func() bool { return len(d.lines("pass finished")) == 1 })
	p := sit(t, h.command("run"))
	p.until("runs already: ")
	d.until("the pass that was asked for", func() bool { return len(d.lines("pass finished")) == 2 })
	time.Sleep(500 * time.Millisecond) // two drawings
	p.types("\x03")
	if code := p.end(); code != 75 {
		t.Errorf("exit code %d", code)
	}
	t.Log(p.screen.String())
	for _, want := range []string{"good     0    0 B   3     0        0        0       ok\r\n", "the daemon goes on\r\n", "paused\r\n", "popsync run rests fetches it once", "popsync: stopped watching; the daemon goes on with 1 account\r\n"} {
		if !strings.Contains(p.screen.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	// Where nothing can be shown live, one line tells.
	h.env[len(h.env)-1] = "TERM=dumb"
	p = sit(t, h.command("run", "slow"))
	p.until("a pass runs already, and one more follows")
	close(release)
	if code := p.end(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, p.screen.String())
	}
	same(t, wanted(messages...), arrived(t, h.mail("Slow")))
	if n := len(d.lines(`"account":"rests"`)); n != 0 {
		t.Errorf("the paused account has %d lines in the daemon's log: %q", n, d.lines(`"account":"rests"`))
	}
	// Its name overrides the pause, once.
	h.run(0, "rests")
	same(t, wanted(messages...), arrived(t, h.mail("Rests")))
	if out := h.popsync("status", "rests").out; !strings.Contains(out, "paused, until you say: popsync resume rests") {
		t.Errorf("it is not paused any more:\n%s", out)
	}
}
