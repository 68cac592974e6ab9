package acceptance_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/oauth/oauthtest"
	"github.com/popsync/popsync/pop3/pop3test"
)

// agency is a house whose account work, of me@example.org, logs in by OAuth at a provider of the test's. All secrets of the provider,
// and the client's, begin with oauthMarker.
type agency struct {
	*house
	p      *oauthtest.Provider
	server *pop3test.Server
	closed atomic.Bool // the mailbox lets nobody in
}

const (
	oauthMarker = "mArKeRoAuTh7zQ9xW"
	mailboxName = "me@example.org"
)

func newAgency(t *testing.T, o oauthtest.Options, box []pop3test.Message) *agency {
	o.Prefix, o.ClientID, o.Secret = oauthMarker, "popsync", oauthMarker+"-client"
	a := &agency{house: newHouse(t), p: oauthtest.Start(t, o)}
	a.server = pop3test.NewServer(pop3test.Options{Bearer: func(user, token string) bool {
		email, ok := a.p.Valid(token)
		return ok && (email == user || email == "app") && !a.closed.Load()
	}})
	t.Cleanup(a.server.Close)
	a.server.AddUser(mailboxName, "none", box...)
	addr, err := a.server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	u := a.p.URL()
	fmt.Fprintf(&a.conf, "[oauth.test]\nauth_url = \"%[1]s/authorize\"\ntoken_url = \"%[1]s/token\"\ndevice_url = \"%[1]s/device\"\nrevoke_url = \"%[1]s/revoke\"\n"+
		"client_id = \"popsync\"\nclient_secret = %[2]q\nscopes = [\"mail\", \"offline_access\"]\n", u, oauthMarker+"-client")
	fmt.Fprintf(&a.conf, "\n[account.work]\nhost = \"127.0.0.1\"\nport = %d\ntls = \"none\"\nusername = %q\noauth = \"test\"\nalarm = false\n\n"+
		"[[account.work.deliver]]\ntype = \"maildir\"\npath = %q\n", addr.Port, mailboxName, a.mail("Mail"))
	return a
}

// sitting is a person in front of a command on a terminal.
type sitting struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	ended  chan struct{}

	mu   sync.Mutex
	text strings.Builder
}

func (h *house) sit(args ...string) *sitting {
	h.t.Helper()
	return sitDown(h.t.(*testing.T), h.command(args...))
}

// sitDown begins a command on a terminal.
func sitDown(t *testing.T, cmd *exec.Cmd) *sitting {
	t.Helper()
	master, slave := terminal(t)
	s := &sitting{t: t, cmd: cmd, master: master, ended: make(chan struct{})}
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = slave, slave, slave
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	go func() {
		defer close(s.ended)
		for buf := make([]byte, 4096); ; {
			n, err := master.Read(buf)
			s.mu.Lock()
			s.text.Write(buf[:n])
			s.mu.Unlock()
			if err != nil { // EIO: nobody has the terminal open any longer
				_ = s.cmd.Wait()
				return
			}
		}
	}()
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); <-s.ended })
	return s
}

// screen is all that was shown, without the carriage returns.
func (s *sitting) screen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ReplaceAll(s.text.String(), "\r", "")
}

// sees waits for something on the screen, and gives what its first group matched.
func (s *sitting) sees(pattern string) string {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if m := re.FindStringSubmatch(s.screen()); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-s.ended:
			if m := re.FindStringSubmatch(s.screen()); m != nil {
				return m[len(m)-1]
			}
			s.t.Fatalf("it ended without %s:\n%s", pattern, s.screen())
		default:
		}
	}
	s.t.Fatalf("waited in vain for %s:\n%s", pattern, s.screen())
	return ""
}

func (s *sitting) types(text string) {
	s.t.Helper()
	if _, err := s.master.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// ends waits for the end, and asserts exit code and screen.
func (s *sitting) ends(code int, want ...string) {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Fatalf("it does not end:\n%s", s.screen())
	}
	text := strings.Join(strings.Fields(s.screen()), " ")
	if got := s.cmd.ProcessState.ExitCode(); got != code {
		s.t.Errorf("exit code %d, want %d", got, code)
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			s.t.Errorf("%q is not on the screen", w)
		}
	}
	shown := regexp.MustCompile(oauthMarker+`\S*`).FindAllString(s.screen(), -1)
	if len(shown) > 0 {
		s.t.Errorf("shown: %q", shown)
	}
	if s.t.Failed() || os.Getenv("POPSYNC_SCREENS") != "" {
		s.t.Logf("exit code %d, the screen:\n%s", s.cmd.ProcessState.ExitCode(), s.screen())
	}
}

const loginAddress = `(?s)\n(http://127\.0\.0\.1:\d+/authorize\?\S+)\n.*Address \(it is not shown\): `

// browse opens an address as a browser on another machine would, and gives the address of the page that it cannot open.
func browse(t *testing.T, address string) string {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.Header.Get("Location")
}

// visit opens an address as a browser on this machine does.
func visit(t *testing.T, address string) string {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// stored tells whether the token of work is stored.
func (a *agency) stored() bool {
	info, err := os.Stat(filepath.Join(a.state(), "oauth", "test+work.token"))
	if err == nil && info.Mode().Perm() != 0o600 {
		a.t.Errorf("mode %v", info.Mode())
	}
	return err == nil
}

// popsyncSays runs a command that nobody watches, and asserts its exit code, what it says, each a pattern, and that no secret is in it.
func (a *agency) popsyncSays(t *testing.T, code int, want, also string, args ...string) {
	t.Helper()
	r := a.popsync(args...)
	text := strings.Join(strings.Fields(r.out+r.err), " ")
	for _, w := range []string{want, also} {
		if r.code != code || !regexp.MustCompile(w).MatchString(text) {
			t.Errorf("popsync %s: exit code %d, want %d and %q:\n%s%s", strings.Join(args, " "), r.code, code, w, r.out, r.err)
		}
	}
	if strings.Contains(text, oauthMarker) {
		t.Errorf("popsync %s shows a secret:\n%s%s", strings.Join(args, " "), r.out, r.err)
	}
}
