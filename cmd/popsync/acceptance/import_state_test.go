package acceptance_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// mover is another fetcher, as Debian ships it: how it is told to fetch a mailbox and to keep the mail on the server, and where it
// remembers what it fetched.
type mover struct {
	tool, program, pack string
	conf                func(dir string, port int, user, password string) string
	args                func(dir string) []string
	state               func(dir string, port int, user string) string
}

var movers = []mover{
	{
		tool: "fetchmail", program: "fetchmail", pack: "fetchmail",
		conf: func(dir string, port int, user, password string) string {
			return fmt.Sprintf("poll 127.0.0.1 proto pop3 service %d uidl user %q password %q options keep sslproto '' mda \"cat >>%s/mail\"\n", port, user, password, dir)
		},
		args: func(dir string) []string {
			return []string{"-f", dir + "/conf", "--nodetach", "--idfile", dir + "/ids"}
		},
		state: func(dir string, _ int, _ string) string { return dir + "/ids" },
	},
	{
		tool: "mpop", program: "mpop", pack: "mpop",
		conf: func(dir string, port int, user, password string) string {
			return fmt.Sprintf("account a\nhost 127.0.0.1\nport %d\ntls off\nauth user\nuser %s\npassword %s\nkeep on\nuidls_file %s/uidls\ndelivery mda cat >>%[4]s/mail\n",
				port, user, password, dir)
		},
		args:  func(dir string) []string { return []string{"-C", dir + "/conf", "a"} },
		state: func(dir string, _ int, _ string) string { return dir + "/uidls" },
	},
	{
		tool: "getmail", program: "getmail", pack: "getmail6",
		conf: func(_ string, port int, user, password string) string {
			return fmt.Sprintf("[retriever]\ntype = SimplePOP3Retriever\nserver = 127.0.0.1\nport = %d\nusername = %s\npassword = %s\n"+
				"[destination]\ntype = MDA_external\npath = /bin/true\nallow_root_commands = true\n[options]\nread_all = false\ndelete = false\n", port, user, password)
		},
		args: func(dir string) []string { return []string{"--getmaildir", dir, "--rcfile", dir + "/conf"} },
		state: func(dir string, port int, user string) string {
			return fmt.Sprintf("%s/oldmail-127.0.0.1-%d-%s", dir, port, user)
		},
	},
	{
		tool: "fdm", program: "fdm", pack: "fdm",
		conf: func(dir string, port int, user, password string) string {
			return fmt.Sprintf("set default-user \"root\"\nset lock-file %q\naction \"all\" mbox %q\n"+
				"account \"a\" pop3 server \"127.0.0.1\" port %d user %q pass %q new-only cache %q no-apop keep\nmatch all action \"all\"\n",
				dir+"/lock", dir+"/mail", port, user, password, dir+"/cache")
		},
		args:  func(dir string) []string { return []string{"-f", dir + "/conf", "fetch"} },
		state: func(dir string, _ int, _ string) string { return dir + "/cache" },
	},
}

// fetch has the other fetcher fetch all of a mailbox, and returns the file in which it remembers that.
func (m mover) fetch(t *testing.T, port int, user, password string) string {
	t.Helper()
	program, err := exec.LookPath(m.program)
	if err != nil {
		problem := "NOT TESTED WITH " + m.tool + ": it is not installed; install it with: apt-get install " + m.pack + " (Debian), or run: make test-deps"
		if os.Getenv("CI") != "" {
			t.Fatal(problem)
		}
		t.Skip(problem)
	}
	// As root, fdm fetches as a user of its own: so this folder is open to all. popsync wants none of such folders.
	dir, err := os.MkdirTemp("", "popsync-mover-")
	if err == nil {
		err = os.Chmod(dir, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for name, text := range map[string]string{"conf": m.conf(dir, port, user, password), "mail": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, m.args(dir)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "LC_ALL=C.UTF-8", "FETCHMAILHOME="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", m.tool, err, out)
	}
	state := m.state(dir, port, user)
	b, err := os.ReadFile(state)
	if err != nil {
		t.Fatalf("%s: %v\n%s", m.tool, err, out)
	}
	own := filepath.Join(t.TempDir(), filepath.Base(state))
	if err := os.WriteFile(own, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return own
}

// letters are n messages, from that number on.
func letters(from, n int) (all [][]byte) {
	for i := range n {
		all = append(all, fmt.Appendf(nil, "From: a@example.net\r\nSubject: letter %d\r\nMessage-ID: <%[1]d@example.net>\r\n\r\nThis is letter %[1]d.\r\n", from+i))
	}
	return all
}

// TestImportState: another fetcher has fetched 20 of 30 messages from Dovecot. Then popsync fetches the other 10, each octet of them,
// and no other, and all 30 stay on the server though the policy deletes what popsync delivered.
func TestImportState(t *testing.T) {
	server := dovecot.Start(t, dovecot.Options{Users: len(movers) + 1})
	host, port := "127.0.0.1", 0
	if _, err := fmt.Sscanf(server.Plain, "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	for i, m := range movers {
		t.Run(m.tool, func(t *testing.T) {
			user := fmt.Sprintf("u%d", i+1)
			server.Fill(user, letters(0, 20))
			state := m.fetch(t, port, user, dovecot.Password)
			server.Fill(user, letters(20, 10))
			h := newHouse(t)
			h.add("a", host, port, user, dovecot.Password, "Mail", `tls = "none"`, `delete = "after-delivery"`)
			h.moves(m.tool, state, 20, 10)
			h.run(0, "a")
			same(t, wanted(letters(20, 10)...), arrived(t, h.mail("Mail")))
			if n := server.Count(user); n != 20 {
				t.Errorf("%d messages are left on the server, want the 20 that popsync did not deliver", n)
			}
		})
	}
}

// moves imports a state, and looks at what is said: so many messages were fetched before, and so many are still to be.
func (h *house) moves(tool, state string, before, rest int) {
	h.t.Helper()
	r := h.popsync("import", tool, "--state", state, "--into", "a")
	want := fmt.Sprintf("a: %s of %s remembers %d messages; the server lists %d\na: %[3]d of those that it remembers are listed; %[5]d messages would still be fetched\n"+
		"a: %[3]d marked as seen, 0 known before; the next run fetches %[5]d messages\n", state, tool, before, before+rest, rest)
	if r.code != 0 || !strings.HasPrefix(r.out, want) {
		h.t.Fatalf("popsync import: exit code %d\n%s%s\nwant\n%s", r.code, r.out, r.err, want)
	}
}

// oddUIDs are unique-ids that servers should not give, and do.
func oddUIDs(tool string, n int) string {
	switch n % 5 {
	case 0:
		if tool == "fetchmail" || tool == "getmail" { // the others fetch nothing where there are such ones, or 8-bit ones
			return fmt.Sprintf("%d with blanks", n)
		}
	case 1:
		return fmt.Sprintf("a/%d/b", n)
	case 2:
		return fmt.Sprintf("<%d@example.net>", n)
	case 3:
		switch tool {
		case "fetchmail":
			return fmt.Sprintf("\xe4\xff%d", n)
		case "getmail": // which reads no octets that are not UTF-8
			return fmt.Sprintf("\u00e4%d", n)
		}
	}
	return fmt.Sprintf("%d", n)
}

// TestImportOddState is TestImportState with odd unique-ids. It is all the same with a daemon's ledger: nothing is fetched twice by a
// second run, and what is taken back is fetched.
func TestImportOddState(t *testing.T) {
	for _, m := range movers {
		t.Run(m.tool, func(t *testing.T) {
			box := boxOf(letters(0, 30))
			for i := range box {
				box[i].UID = oddUIDs(m.tool, i)
			}
			server, addr := serve(t, pop3test.Options{}, box[:20])
			state := m.fetch(t, addr.Port, "u", "p")
			server.Deliver("u", box[20:]...)
			h := newHouse(t)
			h.account("a", addr, "u", "p", "Mail", `delete = "after-delivery"`)
			h.moves(m.tool, state, 20, 10)
			if r := h.popsync("import", "--undo", "--into", "a"); r.code != 0 || !strings.Contains(r.out, "the import is taken back: 20 messages are not marked") {
				t.Fatalf("taken back: exit code %d\n%s%s", r.code, r.out, r.err)
			}
			h.moves(m.tool, state, 20, 10)
			before := server.Stats().Retrieved
			for range 2 {
				h.run(0, "a")
			}
			same(t, wanted(letters(20, 10)...), arrived(t, h.mail("Mail")))
			after := server.Stats()
			for _, b := range box[:20] {
				if after.Retrieved[b.UID] != before[b.UID] || after.Deleted[b.UID] != 0 {
					t.Errorf("%q: retrieved %d times by popsync, deleted %d times", b.UID, after.Retrieved[b.UID]-before[b.UID], after.Deleted[b.UID])
				}
			}
			if r := h.popsync("import", "--undo", "--into", "a"); r.code != 64 {
				t.Errorf("taken back after a fetch: exit code %d\n%s%s", r.code, r.out, r.err)
			}
		})
	}
}

// TestImportPopstate: Thunderbird's file, written as it writes it.
func TestImportPopstate(t *testing.T) {
	box := boxOf(letters(0, 30))
	server, addr := serve(t, pop3test.Options{}, box)
	var b strings.Builder
	b.WriteString("# POP3 State File\n# This is a generated file!  Do not edit.\n\n*127.0.0.1 u")
	for i, m := range box[:22] {
		fmt.Fprintf(&b, "\n%c %s 1764000000", "kkkkkkkkkkdddddddddkbf"[i], m.UID)
	}
	file := filepath.Join(t.TempDir(), "popstate.dat")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	h.account("a", addr, "u", "p", "Mail", `delete = "after-delivery"`)
	h.moves("thunderbird", file, 20, 10)
	h.run(0, "a")
	same(t, wanted(letters(20, 10)...), arrived(t, h.mail("Mail")))
	if n := len(server.Messages("u")); n != 20 {
		t.Errorf("%d messages are left on the server", n)
	}
}

// TestImportRefused: what is not taken over is said, with exit code 78, before or after a look at the server; nothing is marked.
func TestImportRefused(t *testing.T) {
	box := boxOf(letters(0, 3))
	server, addr := serve(t, pop3test.Options{}, box)
	h := newHouse(t)
	h.account("a", addr, "u", "p", "Mail")
	dir := t.TempDir()
	for _, c := range []struct {
		text   string
		logins int
		says   string
	}{
		{"u@other.example x\n", 0, "it is about u@other.example"},
		{"hello\n", 0, "is no .fetchids of fetchmail"},
		{"", 0, "is no .fetchids of fetchmail"},
		{strings.Repeat("x", 64<<20+1), 0, "is larger than 64 MiB"},
		{"u@127.0.0.1 x\nu@127.0.0.1 y\nu@127.0.0.1 " + box[0].UID + "\n", 1, "less than half of what"},
	} {
		file := filepath.Join(dir, ".fetchids")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		before := server.Stats().Logins
		r := h.popsync("import", "fetchmail", "--state", file, "--into", "a")
		if r.code != 78 || !strings.Contains(r.err, c.says) || server.Stats().Logins-before != c.logins || strings.Contains(r.out, "marked") {
			t.Errorf("%.40q: exit code %d, %d logins\n%s%s", c.text, r.code, server.Stats().Logins-before, r.out, r.err)
		}
	}
	if r := h.popsync("import", "fetchmail", "--state", filepath.Join(dir, ".fetchids"), "--into", "a", "--anyway"); r.code != 0 || !strings.Contains(r.out, "a: 1 marked as seen") {
		t.Errorf("told to: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	h.run(0, "a")
	same(t, wanted(letters(1, 2)...), arrived(t, h.mail("Mail")))
}
