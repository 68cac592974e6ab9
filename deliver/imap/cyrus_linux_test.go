package imap

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/deliver"
)

// unpacked is where tools/test-deps.sh puts servers of which Debian installs only one.
const unpacked = "/usr/local/lib/popsync-tests"

// startCyrus starts a private Cyrus, which only root can, and gives its address.
func startCyrus(t *testing.T) (addr string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED AGAINST CYRUS: only root can start it")
	}
	var p []string
	for _, program := range []string{"cyrus-common/usr/lib/cyrus/bin/master", "cyrus-imapd/usr/lib/cyrus/bin/imapd", "cyrus-common/usr/lib/cyrus/bin/ctl_cyrusdb"} {
		p = append(p, filepath.Join(unpacked, program))
		if _, err := os.Stat(p[len(p)-1]); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip("NOT TESTED AGAINST CYRUS: run make test-deps: ", err)
		}
	}
	dir, err := os.MkdirTemp("", "popsync-cyrus-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Chmod(dir, 0o755))
	for _, d := range []string{"conf", "spool", "run"} {
		must(os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	must(exec.Command("chown", "-R", "65534", dir).Run())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	addr = l.Addr().String()
	l.Close()
	imapd, conf := filepath.Join(dir, "imapd.conf"), filepath.Join(dir, "cyrus.conf")
	must(os.WriteFile(imapd, fmt.Appendf(nil, `configdirectory: %[1]s/conf
proc_path: %[1]s/run/proc
mboxname_lockpath: %[1]s/run/lock
idlesocket: %[1]s/run/idle
notifysocket: %[1]s/run/notify
partition-default: %[1]s/spool
defaultpartition: default
cyrus_user: nobody
servername: localhost
allowplaintext: yes
sasl_pwcheck_method: alwaystrue
sasl_mech_list: PLAIN
autocreate_users: anyone
autocreate_quota: 0
skiplist_unsafe: yes
`, dir), 0o644))
	must(os.WriteFile(conf, fmt.Appendf(nil, `START {
  recover cmd="%[4]s -C %[1]s -r"
}
SERVICES {
  imap cmd="%[3]s -C %[1]s -U 30" listen="%[2]s" prefork=1
}
EVENTS {
}
`, imapd, addr, p[1], p[2]), 0o644))
	cmd := exec.Command(p[0], "-C", imapd, "-M", conf, "-p", filepath.Join(dir, "run/pid"), "-D")
	libraries, _ := filepath.Glob(filepath.Join(unpacked, "cyrus-common/usr/lib/*-linux-gnu*"))
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	must(cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.SetDeadline(deadline)
			var line string
			line, err = bufio.NewReader(conn).ReadString('\n')
			conn.Close()
			if strings.HasPrefix(line, "* OK") {
				return addr
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("Cyrus does not greet: %v", err)
		}
	}
}

// texts is what a folder has, as the server gives it.
func (w *world) texts() (all []string) {
	w.Helper()
	s := w.open(true)
	defer s.Close()
	c, err := dial(w.Context(), &s.o)
	w.must(err)
	defer c.quit(w.Context())
	st, err := c.status()
	w.must(err)
	w.must(c.examine(st.validity))
	c.r.text = nil
	w.must(c.fetch("UID FETCH 1:* (UID BODY.PEEK[])", func(_ uint32, values []value) {
		for i := 0; i+1 < len(values); i += 2 {
			if values[i].word() == "BODY[]" {
				all = append(all, string(values[i+1].text))
			}
		}
	}))
	return all
}

func TestCyrusCut(t *testing.T) {
	t.Parallel()
	w := onServer(t, startCyrus(t), "u1", "secret")
	base := w.set
	text := ordinary(1)
	whole := len(text) + len(`p5 APPEND "c000" "28-Nov-2026 09:00:01 +0000" {999+}`) + 4
	for i, n := range octets(whole) {
		w.set = base
		w.in(fmt.Sprintf("c%d", i), cutting(n, max(0, n-len(text)-60), i%2 == 0))
		sender := w.open(false)
		err := w.send(sender, "one", text, false)
		if i%3 == 0 {
			sender.Close()
			sender = w.open(true)
		}
		for try := 0; err != nil && try < 3; try++ {
			err = w.send(sender, "one", text, true)
		}
		w.must(err)
		sender.Close()
		if got := w.texts(); len(got) != 1 || got[0] != text {
			t.Errorf("cut at %d of %d: %q", n, whole, got)
		}
	}
}

// A window of several messages is cut at an octet: one copy of each.
func TestCyrusWindowCut(t *testing.T) {
	t.Parallel()
	w := onServer(t, startCyrus(t), "u1", "secret")
	base := w.set
	texts := several(1, 4)
	for i, n := range windowed(octetsOf(texts), 97) {
		w.set = base
		w.in(fmt.Sprintf("w%d", i), tearing(i, n))
		sender := w.open(false)
		w.must(w.send(sender, "first", ordinary(0), false))
		w.through(sender, texts, ending(i%3))
		w.set = base
		w.in(fmt.Sprintf("w%d", i), nil)
		got := w.texts()
		slices.Sort(got)
		if want := slices.Sorted(slices.Values(append(texts[:4:4], ordinary(0)))); !slices.Equal(got, want) {
			t.Errorf("cut at %d: %q", n, got)
		}
	}
}

// Odd mail is refused as its own fault, or arrives and is found again after a doubt.
func TestCyrusOddMail(t *testing.T) {
	t.Parallel()
	w := onServer(t, startCyrus(t), "u1", "secret")
	base := w.set
	found, refused, local := 0, 0, 0
	zoo := mailgen.Zoo(11)
	for i, a := range zoo {
		if i%4 != 0 && os.Getenv("POPSYNC_LARGE") == "" {
			continue
		}
		text := string(mailgen.Wire(a.Message))
		if len(text) > maxLiteral { // texts gives no more
			continue
		}
		w.set = base
		w.in(fmt.Sprintf("z%d", i), losing(text))
		sender := w.open(false)
		err := w.send(sender, "one", text, false)
		e := w.fault(err)
		if !e.Uncertain {
			if !e.Permanent || e.Scope != deliver.ThisMessage {
				t.Errorf("%s: %+v", a.Name, e)
			}
			local++
			continue
		}
		err = w.send(sender, "one", text, true)
		sender.Close()
		if err != nil {
			if e := w.fault(err); !e.Permanent || e.Scope != deliver.ThisMessage || len(w.texts()) > 0 {
				t.Errorf("%s: %+v, %d copies", a.Name, e, len(w.texts()))
			}
			refused++
			continue
		}
		got := w.texts()
		if len(got) != 1 {
			t.Errorf("%s: %d copies", a.Name, len(got))
			continue
		}
		if found++; got[0] != text && string(alike([]byte(got[0]))) != string(alike([]byte(text))) {
			t.Errorf("%s: %.300q, want %.300q", a.Name, got[0], text)
		}
	}
	t.Logf("%d odd messages: %d found after a doubt, %d refused by Cyrus, %d not sent", len(zoo), found, refused, local)
	if found < 10 {
		t.Errorf("only %d were found", found)
	}
}
