//go:build bench

package ratio

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// task is what a program has to do in a run.
type task struct {
	addr        string // of the POP3 server
	ca          string // PEM file: TLS from the first byte; "": plain text
	users       []string
	del         bool   // delete what is delivered
	skip        int    // for the ideal client: messages that are known
	list        bool   // for the ideal client: list only
	relay       string // mail server to deliver to by SMTP; "": Maildirs
	connections int    // to it; 0: the default
	imap        string // IMAP server to deliver to, for popsync; "": Maildirs
	imapUser    string // there
}

func (t task) host() string { h, _, _ := net.SplitHostPort(t.addr); return h }
func (t task) port() string { _, p, _ := net.SplitHostPort(t.addr); return p }

// program is a fetcher, and how it is told what to do.
type program struct {
	name  string
	bin   string
	ours  bool  // what it delivers must be right
	fine  []int // exit codes beside 0 that tell of no failure
	setup func(h *home, t task) (args []string)
}

// programs are popsync, the ideal client and the peers that are installed.
func programs(t *testing.T, base string) (found []program) {
	t.Helper()
	only := strings.FieldsFunc(os.Getenv("BENCH_ONLY"), func(r rune) bool { return r == ',' })
	for _, p := range []program{
		{name: "popsync", bin: copyOf(t, base, "POPSYNC_BENCH"), ours: true, setup: popsync},
		{name: "floor", bin: copyOf(t, base, "POPSYNC_FLOOR"), ours: true, setup: ideal},
		{name: "mpop", bin: "mpop", setup: mpop},
		{name: "16 mpops", bin: "mpop", setup: manyMpops},
		{name: "fdm", bin: "fdm", setup: fdm},
		{name: "fetchmail", bin: "fetchmail", fine: []int{1}, setup: fetchmail}, // 1: no mail
		{name: "getmail", bin: "getmail", setup: getmail},
	} {
		path, err := exec.LookPath(p.bin)
		if err != nil || len(only) > 0 && !p.ours && !slices.Contains(only, p.name) {
			continue
		}
		if p.bin = path; p.name == "16 mpops" {
			p.bin = "/bin/sh"
		}
		found = append(found, p)
	}
	return found
}

// copyOf puts a program where nobody may run it.
func copyOf(t *testing.T, base, variable string) string {
	t.Helper()
	from, err := os.Open(os.Getenv(variable))
	if err != nil {
		t.Fatalf("%s must name a program, as in make bench: %v", variable, err)
	}
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(base, strings.ToLower(variable)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err == nil {
		_, err = io.Copy(to, from)
	}
	if err = cmpErr(err, to.Close()); err != nil {
		t.Fatal(err)
	}
	return to.Name()
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// releases tells which peers are here.
func releases(all []program) string {
	var text []string
	for _, p := range all {
		if p.ours || p.bin == "/bin/sh" {
			continue
		}
		out, _ := exec.Command(p.bin, "--version").CombinedOutput()
		if p.name == "fdm" {
			out, _ = exec.Command("dpkg-query", "-W", "-f", "${Version}", "fdm").Output()
		}
		text = append(text, p.name+" "+regexp.MustCompile(`\d+\.\d+[.\d]*`).FindString(string(out)))
	}
	return strings.Join(text, ", ")
}

// popsync has its default settings.
func popsync(h *home, t task) []string {
	var c strings.Builder
	fmt.Fprintf(&c, "state_dir = %q\n", h.path("state"))
	for _, user := range t.users {
		tls, del := `"none"`, "never"
		if t.ca != "" {
			tls = fmt.Sprintf("\"implicit\"\nca_file = %q", t.ca)
		}
		if t.del {
			del = "after-delivery"
		}
		fmt.Fprintf(&c, "[account.%s]\nhost = %q\nport = %s\ntls = %s\nusername = %q\npassword = %q\ndelete = %q\n[[account.%s.deliver]]\n",
			user, t.host(), t.port(), tls, user, dovecot.Password, del, user)
		if t.imap != "" {
			fmt.Fprintf(&c, "type = \"imap\"\naddress = %q\ntls = \"none\"\nusername = %q\npassword = %q\n", t.imap, t.imapUser, dovecot.Password)
			continue
		}
		if t.relay == "" {
			fmt.Fprintf(&c, "type = \"maildir\"\npath = %q\n", h.maildir(user))
			continue
		}
		fmt.Fprintf(&c, "type = \"smtp\"\naddress = %q\ntls = \"none\"\nto = [\"me@example.org\"]\n", t.relay)
		if t.connections > 0 {
			fmt.Fprintf(&c, "connections = %d\n", t.connections)
		}
	}
	h.write("popsync.toml", 0o600, "%s", c.String())
	return []string{"--config", h.path("popsync.toml"), "run"}
}

func ideal(h *home, t task) []string {
	h.write("password", 0o600, "%s\n", dovecot.Password)
	dir := ""
	for _, user := range t.users {
		dir = h.maildir(user)
	}
	if len(t.users) > 1 {
		dir = h.path("Mail")
	}
	args := []string{"-addr", t.addr, "-user", strings.Join(t.users, ","), "-password-file", h.path("password"), "-dir", dir,
		"-skip", fmt.Sprint(t.skip)}
	if t.ca != "" {
		args = append(args, "-ca", t.ca)
	}
	if t.del {
		args = append(args, "-delete")
	}
	if t.list {
		args = append(args, "-list-only")
	}
	return args
}

func mpop(h *home, t task) []string {
	var c strings.Builder
	fmt.Fprintf(&c, "defaults\ntimeout 60\nreceived_header off\nauth user\nuidls_file %s\n", h.path("uidls-%U"))
	for _, user := range t.users {
		fmt.Fprintf(&c, "account %s\nhost %s\nport %s\nuser %s\npassword %s\nkeep %s\n", user, t.host(), t.port(), user,
			dovecot.Password, map[bool]string{true: "off", false: "on"}[t.del])
		if t.ca != "" {
			fmt.Fprintf(&c, "tls on\ntls_starttls off\ntls_trust_file %s\n", t.ca)
		} else {
			c.WriteString("tls off\n")
		}
		if t.relay == "" {
			fmt.Fprintf(&c, "delivery maildir %s\n", h.maildir(user))
			continue
		}
		host, port, _ := net.SplitHostPort(t.relay)
		fmt.Fprintf(&c, "delivery mda \"msmtp --host=%s --port=%s --from=%%F -- me@example.org\"\n", host, port)
	}
	h.write("mpoprc", 0o600, "%s", c.String())
	return []string{"-C", h.path("mpoprc"), "-q", "-a"}
}

// manyMpops is what people do who find one mpop after another too slow.
func manyMpops(h *home, t task) []string {
	mpop(h, t)
	h.write("users", 0o600, "%s\n", strings.Join(t.users, "\n"))
	return []string{"-c", fmt.Sprintf("exec xargs -P 16 -n 1 mpop -C %s -q <%s", h.path("mpoprc"), h.path("users"))}
}

func fdm(h *home, t task) []string {
	var c strings.Builder
	fmt.Fprintf(&c, "set no-received\nset lock-file %q\nset timeout 60\n", h.path("fdm.lock"))
	keep := "keep"
	if t.del {
		keep = ""
	}
	for _, user := range t.users {
		fmt.Fprintf(&c, "account %q pop3 server %q port %s user %q pass %q new-only cache %q no-apop %s\n", user, t.host(), t.port(),
			user, dovecot.Password, h.path("cache-"+user), keep)
		if t.relay == "" {
			fmt.Fprintf(&c, "action %q maildir %q\n", user, h.maildir(user))
		} else {
			host, port, _ := net.SplitHostPort(t.relay)
			fmt.Fprintf(&c, "action %q smtp server %q port %s from \"me@example.org\" to \"me@example.org\"\n", user, host, port)
		}
		fmt.Fprintf(&c, "match account %q action %q\n", user, user)
	}
	h.write("fdm.conf", 0o600, "%s", c.String())
	return []string{"-q", "-f", h.path("fdm.conf"), "fetch"}
}

// A delivery agent for fetchmail, which has no Maildir of its own; it syncs nothing.
const mda = `#!/bin/sh
read -r name < /proc/sys/kernel/random/uuid
cat > "$1/tmp/$name" && exec mv "$1/tmp/$name" "$1/new/$name"
`

func fetchmail(h *home, t task) []string {
	h.write("mda", 0o755, "%s", mda)
	var c strings.Builder
	fmt.Fprintf(&c, "set no bouncemail\nset no syslog\nset invisible\nset idfile %q\nset pidfile %q\n", h.path("ids"), h.path("pid"))
	keep := "keep"
	if t.del {
		keep = "nokeep"
	}
	for _, user := range t.users {
		fmt.Fprintf(&c, "poll %s via %s protocol pop3 service %s auth password uidl\n  user %q password %q sslproto '' %s no rewrite no mimedecode\n",
			user, t.host(), t.port(), user, dovecot.Password, keep)
		if t.relay == "" {
			fmt.Fprintf(&c, "  mda \"%s %s\"\n", h.path("mda"), h.maildir(user))
		} else {
			host, port, _ := net.SplitHostPort(t.relay)
			fmt.Fprintf(&c, "  smtphost %s/%s smtpname me@example.org\n", host, port)
		}
	}
	h.write("fetchmailrc", 0o600, "%s", c.String())
	return []string{"-f", h.path("fetchmailrc"), "-s", "--timeout", "60"}
}

func getmail(h *home, t task) []string {
	args := []string{"--getmaildir", h.dir, "--quiet"}
	for _, user := range t.users {
		h.write("getmailrc-"+user, 0o600, `[retriever]
type = SimplePOP3Retriever
server = %s
port = %s
username = %s
password = %s
timeout = 60
[destination]
type = Maildir
path = %s/
[options]
read_all = false
delete = %v
verbose = 0
received = false
delivered_to = false
`, t.host(), t.port(), user, dovecot.Password, h.maildir(user), t.del)
		args = append(args, "--rcfile", h.path("getmailrc-"+user))
	}
	return args
}
