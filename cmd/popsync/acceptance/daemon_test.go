package acceptance_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
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

const (
	// patience is how long a test waits for what should be done at once, or within seconds, on a machine of any speed.
	patience = 2 * time.Minute
	// inTime is how long a stop may take: five seconds are promised, and the machine may be busy.
	inTime = 20 * time.Second
)

// resident is a running daemon of a house.
type resident struct {
	h     *house
	cmd   *exec.Cmd
	ended chan struct{}

	mu  sync.Mutex
	log []string
}

// daemon starts one and waits until it says that it has started.
func (h *house) daemon() *resident {
	h.t.Helper()
	d := h.start(func(cmd *exec.Cmd) error { return cmd.Start() })
	d.says("daemon started")
	return d
}

// start starts a daemon in some way.
func (h *house) start(begin func(*exec.Cmd) error) *resident {
	h.t.Helper()
	if conf := strings.Replace(h.conf.String(), `level = "warn"`, `level = "info"`, 1); conf != h.conf.String() {
		h.conf.Reset()
		h.conf.WriteString(conf)
	}
	d := &resident{h: h, cmd: h.command("daemon"), ended: make(chan struct{})}
	read, write := io.Pipe()
	d.cmd.Stderr = write
	if err := begin(d.cmd); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		for lines := bufio.NewScanner(read); lines.Scan(); {
			d.mu.Lock()
			d.log = append(d.log, lines.Text())
			d.mu.Unlock()
		}
	}()
	go func() {
		_ = d.cmd.Wait() // the exit code is what matters
		write.Close()
		close(d.ended)
	}()
	h.t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		<-d.ended
		if h.t.Failed() {
			h.t.Logf("the daemon's log:\n%s", strings.Join(d.lines(""), "\n"))
		}
	})
	return d
}

// lines are those of the log that hold a text.
func (d *resident) lines(text string) (found []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.log {
		if strings.Contains(l, text) {
			found = append(found, l)
		}
	}
	return found
}

// says waits until a line of the log holds all of the texts.
func (d *resident) says(texts ...string) {
	d.h.t.Helper()
	d.until("the log to say "+strings.Join(texts, ", "), func() bool {
		for _, l := range d.lines(texts[0]) {
			all := true
			for _, t := range texts {
				all = all && strings.Contains(l, t)
			}
			if all {
				return true
			}
		}
		return false
	})
}

// until waits for something that the daemon does.
func (d *resident) until(what string, done func() bool) {
	d.h.t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		select {
		case <-d.ended:
			d.h.t.Fatalf("waiting for %s: the daemon ended with %d", what, d.cmd.ProcessState.ExitCode())
		default:
		}
		if time.Now().After(end) {
			d.h.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// holds waits until a Maildir holds exactly these messages.
func (d *resident) holds(maildir string, messages ...[]byte) {
	d.h.t.Helper()
	want := wanted(messages...)
	d.until(fmt.Sprintf("%d messages in %s", len(messages), maildir), func() bool {
		return arrived(d.h.t, d.h.mail(maildir)).len() >= len(messages)
	})
	same(d.h.t, want, arrived(d.h.t, d.h.mail(maildir)))
}

func (d *resident) signal(s os.Signal) {
	d.h.t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		d.h.t.Fatal(err)
	}
}

// stops tells the daemon to stop and wants it to, in time.
func (d *resident) stops(code int) {
	d.h.t.Helper()
	began := time.Now()
	d.signal(syscall.SIGTERM)
	select {
	case <-d.ended:
	case <-time.After(patience):
		d.h.t.Fatal("the daemon does not stop")
	}
	if got := d.cmd.ProcessState.ExitCode(); got != code {
		d.h.t.Errorf("the daemon ended with %d, want %d", got, code)
	}
	d.h.t.Logf("stopped after %v", time.Since(began).Round(time.Millisecond))
}

// rewrite changes the configuration file of a running daemon.
func (h *house) rewrite(pairs ...string) {
	h.t.Helper()
	text := strings.NewReplacer(pairs...).Replace(h.conf.String())
	if text == h.conf.String() {
		h.t.Fatalf("nothing to replace: %q", pairs)
	}
	h.conf.Reset()
	h.conf.WriteString(text)
	h.write()
}

func (h *house) write() string {
	h.t.Helper()
	file := filepath.Join(h.dir, "config.toml")
	if err := os.WriteFile(file, []byte(h.conf.String()), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return file
}

// The daemon's day: it fetches at the start and when the schedule, a command or a signal says so, takes another
// configuration, and answers while it does.
func TestAcceptDaemon(t *testing.T) {
	t.Parallel()
	mail := mailgen.Messages(11, 12, 200, 4000)
	server, addr := serve(t, pop3test.Options{}, boxOf(mail[:3]))
	h := newHouse(t)
	h.env = append(h.env, "XDG_RUNTIME_DIR=", "RUNTIME_DIRECTORY=")
	h.rewrite("[log]", "[metrics]\nlisten = \"unix:"+filepath.Join(h.dir, "metrics.sock")+"\"\n[log]")
	h.account("work", addr, "u", "p", "Mail", `schedule = "@every 1h"`)
	d := h.daemon()
	d.holds("Mail", mail[:3]...)

	server.Deliver("u", boxOf(mail)[3])
	if r := h.popsync("wake", "work"); r.code != 0 || r.out != "work: the daemon begins now\n" {
		t.Errorf("wake: %d %q %q", r.code, r.out, r.err)
	}
	d.holds("Mail", mail[:4]...)

	server.Deliver("u", boxOf(mail)[4])
	if r := h.run(0, "--json", "work"); !strings.Contains(r.out, `"new":1`) {
		t.Errorf("run beside the daemon: %s%s", r.out, r.err)
	}
	d.holds("Mail", mail[:5]...)

	server.Deliver("u", boxOf(mail)[5])
	d.signal(syscall.SIGUSR1)
	d.holds("Mail", mail[:6]...)

	status := func(args ...string) (all []map[string]any) {
		t.Helper()
		r := h.popsync(append([]string{"status", "--json"}, args...)...)
		for line := range strings.Lines(r.out) {
			var st map[string]any
			if err := json.Unmarshal([]byte(line), &st); err != nil {
				t.Fatalf("%v\n%s", err, r.out)
			}
			all = append(all, st)
		}
		return all
	}
	d.until("the end of the pass", func() bool { return status()[0]["next_run"] != nil })
	if st := status()[0]; st["daemon"] != true || st["kept"] != 6.0 {
		t.Errorf("status: %v", st)
	}

	// Paused is paused, also over a restart, until a person says otherwise.
	h.popsync("pause", "work")
	server.Deliver("u", boxOf(mail)[6])
	d.signal(syscall.SIGUSR1)
	d.stops(0)
	d = h.daemon()
	if st := status()[0]; st["paused"] != true || st["state"] != "paused" {
		t.Errorf("status of a paused account: %v", st)
	}
	same(t, wanted(mail[:6]...), arrived(t, h.mail("Mail")))
	h.popsync("resume", "work")
	d.holds("Mail", mail[:7]...)

	// A bad configuration changes nothing and is told; a good one adds, and follows a new name.
	good := h.conf.String()
	h.rewrite("[account.work]", "[account.wrok]\nhots = \"x\"")
	d.signal(syscall.SIGHUP)
	d.says("configuration not loaded, the old one stays in force", "hots")
	// The file as it is now cannot be read by commands either: the daemon that goes on is what matters.
	server.Deliver("u", boxOf(mail)[7])
	d.signal(syscall.SIGUSR1)
	d.holds("Mail", mail[:8]...)
	h.conf.Reset()
	h.conf.WriteString(strings.ReplaceAll(good, "account.work", "account.home"))
	other, addr2 := serve(t, pop3test.Options{}, boxOf(mail[10:]))
	h.account("second", addr2, "u", "p", "Second")
	// Until the daemon knows the new name, nobody may take what the old one knows away from it.
	if r := h.run(78, "home"); !strings.Contains(r.err, "the running daemon does not know that yet") {
		t.Errorf("run with a new name beside a daemon: %s", r.err)
	}
	d.signal(syscall.SIGHUP)
	d.says("account renamed", `"account":"home"`, `"was":"work"`)
	d.says("configuration loaded")
	d.holds("Second", mail[10:]...)
	server.Deliver("u", boxOf(mail)[8])
	h.run(0, "home")
	same(t, wanted(mail[:9]...), arrived(t, h.mail("Mail")))

	// What Prometheus reads is what happened.
	client := &http.Client{Transport: &http.Transport{DialContext: dialUnix(filepath.Join(h.dir, "metrics.sock"))}}
	r, err := client.Get("http://popsync/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`popsync_messages_total{account="second"} 2`, `popsync_parked{account="home"} 0`, `popsync_accounts 2`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if strings.Contains(string(text), `"work"`) {
		t.Error("metrics still have the old name")
	}
	if r := h.popsync("healthcheck"); r.code != 0 {
		t.Errorf("healthcheck: %d %s%s", r.code, r.out, r.err)
	}
	if r := h.popsync("daemon"); r.code != 75 || !strings.Contains(r.err, "another daemon is running") {
		t.Errorf("a second daemon: %d %s", r.code, r.err)
	}
	if n := len(other.Messages("u")); n != 2 {
		t.Errorf("%d messages are left on the second server", n)
	}
	d.stops(0)
	if _, err := os.Stat(filepath.Join(h.state(), "control.sock")); err == nil {
		t.Error("the control socket is left behind")
	}
}

// An account that gets another name while a pass over it runs: the pass ends, what is known of it goes to the new name, and
// nothing comes twice.
func TestAcceptDaemonRenamesWhatRuns(t *testing.T) {
	t.Parallel()
	mail := mailgen.Messages(14, 4, 200, 4000)
	stuck, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	server, addr := serve(t, pop3test.Options{OnCommand: func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
		if verb == "RETR" && arg == "4" {
			once.Do(func() { close(stuck) })
			<-release
		}
		return nil
	}}, boxOf(mail))
	t.Cleanup(sync.OnceFunc(func() { close(release) }))
	h := newHouse(t)
	h.env = append(h.env, "XDG_RUNTIME_DIR=", "RUNTIME_DIRECTORY=")
	h.account("work", addr, "u", "p", "Mail", `schedule = "@every 1h"`)
	d := h.daemon()
	<-stuck
	server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	h.rewrite("account.work", "account.home")
	d.signal(syscall.SIGHUP)
	d.says("account renamed", `"account":"home"`, `"was":"work"`)
	h.run(0, "home")
	d.holds("Mail", mail...)
	if n := h.number("SELECT count(*) FROM account"); n != 1 {
		t.Errorf("the ledger has %d accounts, want 1", n)
	}
	d.stops(0)
}

// Two accounts swap names while a pass over one of them runs: nothing comes twice, and nothing goes into the other's Maildir.
func TestAcceptDaemonSwapsNames(t *testing.T) {
	t.Parallel()
	mail := mailgen.Messages(18, 8, 200, 4000)
	stuck, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	one, addr1 := serve(t, pop3test.Options{OnCommand: func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
		if verb == "RETR" && arg == "4" {
			once.Do(func() { close(stuck) })
			<-release
		}
		return nil
	}}, boxOf(mail[:4]))
	t.Cleanup(sync.OnceFunc(func() { close(release) }))
	_, addr2 := serve(t, pop3test.Options{}, boxOf(mail[4:]))
	h := newHouse(t)
	h.env = append(h.env, "XDG_RUNTIME_DIR=", "RUNTIME_DIRECTORY=")
	h.account("work", addr1, "u", "p", "One", `schedule = "@every 1h"`)
	h.account("home", addr2, "u", "p", "Two", `schedule = "@every 1h"`)
	d := h.daemon()
	<-stuck
	d.holds("Two", mail[4:]...)
	one.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	h.rewrite("account.work", "account.x")
	h.rewrite("account.home", "account.work")
	h.rewrite("account.x", "account.home")
	d.signal(syscall.SIGHUP)
	d.says("account renamed", `"account":"home"`, `"was":"work"`)
	d.says("configuration loaded")
	h.run(0, "home", "work")
	d.holds("One", mail[:4]...)
	d.holds("Two", mail[4:]...)
	if n := h.number("SELECT count(*) FROM account"); n != 2 {
		t.Errorf("the ledger has %d accounts, want 2", n)
	}
	d.stops(0)
}

// A daemon that is told to stop while a server says nothing any more is gone in time, and the next goes on.
func TestAcceptDaemonStops(t *testing.T) {
	t.Parallel()
	mail := mailgen.Messages(12, 5, 200, 4000)
	stuck, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	var once sync.Once
	server, addr := serve(t, pop3test.Options{OnCommand: func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
		if verb == "RETR" && arg == "3" {
			once.Do(func() { close(stuck) })
			<-release
		}
		return nil
	}}, boxOf(mail))
	h := newHouse(t)
	h.account("work", addr, "u", "p", "Mail", `delete = "after-delivery"`)
	d := h.daemon()
	<-stuck
	began := time.Now()
	d.stops(0)
	if took := time.Since(began); took > inTime {
		t.Errorf("it took %v to stop", took)
	}
	server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	d = h.daemon()
	d.holds("Mail", mail...)
	d.until("the server to be empty", func() bool { return len(server.Messages("u")) == 0 })
	d.stops(0)
}
