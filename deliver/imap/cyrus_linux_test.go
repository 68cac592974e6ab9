package imap

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
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

func TestCyrusCut(t *testing.T) {
	t.Parallel()
	onServer(t, startCyrus(t), "u1", "secret").cutEverywhere()
}

func TestCyrusWindowCut(t *testing.T) {
	t.Parallel()
	onServer(t, startCyrus(t), "u1", "secret").cutWindows()
}

func TestCyrusOddMail(t *testing.T) {
	t.Parallel()
	onServer(t, startCyrus(t), "u1", "secret").oddMail(nil)
}
