//go:build peers

package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// program is a fetcher and how it is told to fetch from a server in plaintext into a Maildir. Each is configured to
// remember what it fetched and to add nothing to messages, as far as it can.
type program struct {
	name    string
	bin     string // looked up in PATH
	version []string
	note    string
	setup   func(h *home, port int, keep bool) (args []string)
	fine    []int    // exit codes beside 0 that tell of no failure
	locks   []string // files that a person has to remove before it goes on after a kill
}

// user and password of every mailbox here.
const user, password = "u", "p"

func programs() []program {
	return []program{
		{name: "popsync", bin: "popsync", version: []string{"version"}, setup: popsync},
		{name: "fetchmail", bin: "fetchmail", version: []string{"--version"}, note: "delivers by a shell script as MDA; uidl, invisible", setup: fetchmail,
			fine: []int{1}}, // no mail
		{name: "mpop", bin: "mpop", version: []string{"--version"}, note: "received_header off", setup: mpop},
		{name: "getmail6", bin: "getmail", version: []string{"--version"}, note: "received, delivered_to off", setup: getmail},
		{name: "fdm", bin: "fdm", version: nil, note: "no-received, new-only cache", setup: fdm,
			locks: []string{"fdm.lock"}},
	}
}

// find looks a program up; popsync is built.
func (p *program) find(t *testing.T, built string) bool {
	if p.name == "popsync" {
		p.bin = built
		return true
	}
	path, err := exec.LookPath(p.bin)
	if err != nil {
		t.Logf("NOT TESTED: %s is not installed (Debian: apt-get install fetchmail mpop getmail6 fdm)", p.name)
		return false
	}
	p.bin = path
	return true
}

// release is the version that a program tells, or else the package manager.
func (p *program) release() string {
	out, _ := exec.Command(p.bin, p.version...).CombinedOutput()
	if p.version == nil {
		out, _ = exec.Command("dpkg-query", "-W", "-f", "${Version}", p.name).Output()
	}
	if v := regexp.MustCompile(`\(devel\)|v?\d+\.\d+[^\s,)]*`).FindString(string(out)); v != "" {
		return strings.SplitN(v, "+GSS", 2)[0]
	}
	return "unknown"
}

func popsync(h *home, port int, keep bool) []string {
	h.write("popsync.toml", 0o600, `state_dir = %q
[log]
level = "warn"
[account.a]
host = "127.0.0.1"
port = %d
tls = "none"
username = %q
password = %q
delete = %q
[[account.a.deliver]]
type = "maildir"
path = %q
`, h.path("state"), port, user, password, map[bool]string{true: "never", false: "after-delivery"}[keep], h.maildir())
	return []string{"--config", h.path("popsync.toml"), "run"}
}

// A message delivery agent that puts what it gets on standard input into a Maildir, as several do: when the sender dies
// it cannot know, because the pipe ends as it always does.
const mda = `#!/bin/sh
read -r name < /proc/sys/kernel/random/uuid
cat > "$1/tmp/$name" && exec mv "$1/tmp/$name" "$1/new/$name"
`

func fetchmail(h *home, port int, keep bool) []string {
	h.write("mda", 0o755, "%s", mda)
	h.write("fetchmailrc", 0o600, `set no bouncemail
set no syslog
set invisible
set idfile %q
set pidfile %q
poll 127.0.0.1 protocol pop3 service %d auth password uidl
  user %q password %q sslproto '' %s no rewrite no mimedecode
  mda "%s %s"
`, h.path("fetchids"), h.path("fetchmail.pid"), port, user, password, map[bool]string{true: "keep", false: "nokeep"}[keep],
		h.path("mda"), h.maildir())
	return []string{"-f", h.path("fetchmailrc"), "--timeout", "30"}
}

func mpop(h *home, port int, keep bool) []string {
	h.write("mpoprc", 0o600, `defaults
timeout 30
account a
host 127.0.0.1
port %d
tls off
user %s
password %s
auth user
keep %s
received_header off
uidls_file %s
delivery maildir %s
account default : a
`, port, user, password, onOff(keep), h.path("uidls"), h.maildir())
	return []string{"-C", h.path("mpoprc"), "-q"}
}

func getmail(h *home, port int, keep bool) []string {
	h.write("getmailrc", 0o600, `[retriever]
type = SimplePOP3Retriever
server = 127.0.0.1
port = %d
username = %s
password = %s
timeout = 30
[destination]
type = Maildir
path = %s/
[options]
read_all = false
delete = %v
verbose = 0
received = false
delivered_to = false
`, port, user, password, h.maildir(), !keep)
	return []string{"--getmaildir", h.dir, "--rcfile", h.path("getmailrc")}
}

func fdm(h *home, port int, keep bool) []string {
	h.write("fdm.conf", 0o600, `set no-received
set lock-file %q
set timeout 30
account "a" pop3 server "127.0.0.1" port %d user %q pass %q new-only cache %q no-apop %s
action "maildir" maildir %q
match all action "maildir"
`, h.path("fdm.lock"), port, user, password, h.path("fdm.cache"), map[bool]string{true: "keep"}[keep], h.maildir())
	return []string{"-q", "-f", h.path("fdm.conf"), "fetch"}
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// write makes a file of a home.
func (h *home) write(name string, mode os.FileMode, format string, args ...any) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), fmt.Appendf(nil, format, args...), mode); err != nil {
		h.t.Fatal(err)
	}
	h.own(name)
}
