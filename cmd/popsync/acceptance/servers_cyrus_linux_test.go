package acceptance_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startCyrus runs Cyrus' master with a POP3 server, and with LMTP, which is how mail gets in.
func startCyrus(t *testing.T) mailServer {
	p := programs(t, "Cyrus", cyrusMaster, cyrusDB, "cyrus-pop3d/usr/lib/cyrus/bin/pop3d", "cyrus-common/usr/lib/cyrus/bin/lmtpd")
	dir := lodge(t, "conf", "spool", "run")
	addr, imapd, lmtp := fmt.Sprintf("127.0.0.1:%d", freePort(t)), filepath.Join(dir, "imapd.conf"), filepath.Join(dir, "run/lmtp")
	runCyrus(t, dir, p, addr, "+OK", fmt.Sprintf(`pop3 cmd="%[2]s -C %[1]s" listen="%[4]s" prefork=1
  lmtp cmd="%[3]s -C %[1]s -a" listen="%[5]s" prefork=0`, imapd, p[2], p[3], addr, lmtp))
	return mailServer{addr, "u1", "secret", func(messages [][]byte) { must(t, byLMTP(lmtp, messages)) }}
}

// startCyrusIMAP runs it with an IMAP server; spool is where mail lies.
func startCyrusIMAP(t *testing.T) (addr, spool string) {
	p := programs(t, "Cyrus", cyrusMaster, cyrusDB, "cyrus-imapd/usr/lib/cyrus/bin/imapd")
	dir := lodge(t, "conf", "spool", "run")
	addr = fmt.Sprintf("127.0.0.1:%d", freePort(t))
	runCyrus(t, dir, p, addr, "* OK", fmt.Sprintf(`imap cmd="%s -C %s -U 30" listen="%s" prefork=1`, p[2], filepath.Join(dir, "imapd.conf"), addr))
	return addr, filepath.Join(dir, "spool")
}

const (
	cyrusMaster = "cyrus-common/usr/lib/cyrus/bin/master"
	cyrusDB     = "cyrus-common/usr/lib/cyrus/bin/ctl_cyrusdb"
)

// runCyrus runs master and ctl_cyrusdb, the first of the programs, and waits for a greeting.
func runCyrus(t *testing.T, dir string, programs []string, addr, greeting, services string) {
	must(t, exec.Command("chown", "-R", fmt.Sprint(someone), dir).Run())
	imapd, conf := filepath.Join(dir, "imapd.conf"), filepath.Join(dir, "cyrus.conf")
	must(t, os.WriteFile(imapd, fmt.Appendf(nil, `configdirectory: %[1]s/conf
proc_path: %[1]s/run/proc
mboxname_lockpath: %[1]s/run/lock
lmtpsocket: %[1]s/run/lmtp
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
autocreate_post: yes
autocreate_quota: 0
duplicatesuppression: no
skiplist_unsafe: yes
`, dir), 0o644))
	must(t, os.WriteFile(conf, fmt.Appendf(nil, `START {
  recover cmd="%s -C %s -r"
}
SERVICES {
  %s
}
EVENTS {
}
`, programs[1], imapd, services), 0o644))
	cmd := exec.Command(programs[0], "-C", imapd, "-M", conf, "-p", filepath.Join(dir, "run/pid"), "-D")
	libraries, _ := filepath.Glob(filepath.Join(unpacked, "cyrus-common/usr/lib/*-linux-gnu*"))
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
	keep(t, cmd)
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := greeted(addr, greeting)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("Cyrus does not greet: %v", err)
		}
	}
}

func greeted(addr, greeting string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	must := time.Now().Add(patience)
	if err := conn.SetDeadline(must); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.HasPrefix(line, greeting) {
		err = fmt.Errorf("greeting %q", line)
	}
	return err
}

// keep starts a program that ends with the test, even when the test is killed.
func keep(t *testing.T, cmd *exec.Cmd) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // the death that the signal is for is this thread's
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed
		}
		close(ended)
	}()
	must(t, <-started)
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
		if t.Failed() {
			t.Logf("%s said: %s", filepath.Base(cmd.Path), out.Bytes())
		}
	})
}

// byLMTP hands messages in (RFC 2033).
func byLMTP(socket string, messages [][]byte) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	r := bufio.NewReader(conn)
	say := func(text, want string) error {
		if _, err := io.WriteString(conn, text); err != nil {
			return err
		}
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return err
			}
			if !strings.HasPrefix(line, want) {
				return fmt.Errorf("%.40q was answered %q", text, line)
			}
			if line[3] == ' ' {
				return nil
			}
		}
	}
	if err := say("", "220"); err != nil {
		return err
	}
	if err := say("LHLO localhost\r\n", "250"); err != nil {
		return err
	}
	for _, m := range messages {
		text := strings.ReplaceAll(strings.ReplaceAll(string(m), "\r\n", "\n"), "\n", "\r\n")
		text = strings.TrimPrefix(strings.ReplaceAll("\r\n"+text, "\r\n.", "\r\n.."), "\r\n")
		if !strings.HasSuffix(text, "\r\n") {
			text += "\r\n"
		}
		for _, turn := range [][2]string{{"MAIL FROM:<a@example.org>\r\n", "250"}, {"RCPT TO:<u1>\r\n", "250"}, {"DATA\r\n", "354"}, {text + ".\r\n", "250"}} {
			if err := say(turn[0], turn[1]); err != nil {
				return err
			}
		}
	}
	return nil
}
