package acceptance_test

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// marker is a password that nothing else looks like.
const marker = "mArKeR+7zQ/9xW=kJ4vBn"

// markerForms are the marker, the beginning that a careless cut would leave of it, and what base64 makes of it at each
// of the three places where it may begin within a group.
func markerForms() []string {
	forms := []string{marker, marker[:10], marker[10:], strings.ReplaceAll(marker, "/", "%2F"), strings.ToUpper(marker), strings.ToLower(marker),
		marker[:4], strings.ToUpper(marker[:6]), strings.ToLower(marker[:6])}
	for shift := range 3 {
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			text := enc.EncodeToString([]byte(strings.Repeat("\x00", shift) + marker))
			forms = append(forms, text[4:len(text)-4])
		}
	}
	return forms
}

// leaks looks for the marker in a text.
func leaks(t testing.TB, where, text string) {
	t.Helper()
	for _, form := range markerForms() {
		if i := strings.Index(text, form); i >= 0 {
			t.Errorf("%s holds the password as %q: %q", where, form, text[max(0, i-80):min(len(text), i+80)])
			return
		}
	}
}

// printed looks for anything but printable ASCII in what a command printed.
func printed(t testing.TB, where, text string) {
	t.Helper()
	for i := range len(text) {
		if c := text[i]; (c < 0x20 || c > 0x7e) && c != '\n' {
			t.Errorf("%s holds octet %#x: %q", where, c, text[max(0, i-80):min(len(text), i+80)])
			return
		}
	}
}

// written looks through everything below a house but its configuration: contents of the state directory, names
// everywhere. Bodies of mail are the server's.
func (h *house) written(look func(where, text string)) {
	h.t.Helper()
	files := 0
	err := filepath.WalkDir(h.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(h.dir, path)
		look("the name "+rel, rel)
		if e.IsDir() || !strings.HasPrefix(rel, "state/") {
			return nil
		}
		b, err := os.ReadFile(path)
		files++
		look(rel, string(b))
		return err
	})
	if err != nil || files == 0 {
		h.t.Errorf("%d files of the state directory were read: %v", files, err)
	}
}

func raw(format string, args ...any) *pop3test.Reply {
	return &pop3test.Reply{Raw: fmt.Appendf(nil, format, args...)}
}

// echoing servers give back what they were told, in one way each.
var echoing = map[string]pop3test.Options{
	"pass": {NoAUTH: true, OnCommand: on("PASS", func(_, arg string) *pop3test.Reply { return raw("-ERR [AUTH] wrong password %s\r\n", arg) })},
	"plain": {OnCommand: on("AUTH", func(_, arg string) *pop3test.Reply {
		return raw("-ERR AUTH %s is wrong\r\n", arg)
	})},
	"decoded": {OnCommand: on("AUTH", func(_, arg string) *pop3test.Reply {
		b, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(arg, "PLAIN "))
		return raw("-ERR who is %s\r\n", strings.ReplaceAll(string(b), "\x00", " "))
	})},
	"garbage": {OnCommand: on("AUTH", func(_, arg string) *pop3test.Reply { return raw("%s %s\r\n", arg, marker) })},
	"challenge": {OnCommand: on("AUTH", func(_, arg string) *pop3test.Reply {
		return raw("+ %s\r\n", base64.StdEncoding.EncodeToString([]byte(marker)))
	})},
	"temporary": {NoAUTH: true, OnCommand: on("PASS", func(_, arg string) *pop3test.Reply { return raw("-ERR [SYS/TEMP] %s\r\n", arg) })},
	"code":      {NoAUTH: true, OnCommand: on("PASS", func(_, arg string) *pop3test.Reply { return raw("-ERR [%s] no\r\n", arg) })},
	"cut":       {NoAUTH: true, OnCommand: on("PASS", func(_, arg string) *pop3test.Reply { return raw("-ERR %s%s\r\n", strings.Repeat("a", 1010), arg) })},
	"endless":   {NoAUTH: true, OnCommand: on("PASS", func(_, arg string) *pop3test.Reply { return raw("-ERR %s\r\n", strings.Repeat(arg, 1<<16)) })},
	"welcome":   {NoAUTH: true, OnCommand: on("PASS", func(_, arg string) *pop3test.Reply { return raw("+OK your password is %s\r\n+OK %s\r\n", arg, arg) })},
	"list":      {OnCommand: on("LIST", func(_, _ string) *pop3test.Reply { return raw("-ERR no, %s\r\n", marker) })},
	"uidl": {OnCommand: on("UIDL", func(_, _ string) *pop3test.Reply {
		return raw("+OK\r\n1 \x1b%s extra %s\r\n%s\r\n.\r\n", "uid", "x", marker)
	})},
	"retr": {OnCommand: on("RETR", func(_, _ string) *pop3test.Reply { return raw("-ERR no, %s\r\n", marker) })},
	"dele": {OnCommand: on("DELE", func(_, _ string) *pop3test.Reply { return raw("-ERR no, %s\r\n", marker) })},
	"quit": {OnCommand: on("QUIT", func(_, _ string) *pop3test.Reply { return raw("%s\r\n", marker) })},
	"capitals": {NoAUTH: true, OnCommand: on("PASS", func(_, arg string) *pop3test.Reply {
		return raw("-ERR [AUTH] no %s, %s\r\n", strings.ToUpper(arg), strings.ToLower(arg))
	})},
	"late": {NoAUTH: true, OnCommand: on("PASS", func(_, arg string) *pop3test.Reply {
		return &pop3test.Reply{Raw: []byte(strings.Repeat("a", 60) + arg), Close: true}
	})},
	"part": {NoAUTH: true, OnCommand: on("PASS", func(_, arg string) *pop3test.Reply {
		return &pop3test.Reply{Raw: []byte("say " + arg[:12]), Close: true}
	})},
	"edge": {OnCommand: on("UIDL", func(_, _ string) *pop3test.Reply {
		return raw("+OK\r\n%s%s\r\n.\r\n", strings.Repeat("a", 95), marker)
	})},
	"ids": {UIDs: func(i int, _ pop3test.Message) string { return fmt.Sprint(marker, "-", i) }, OnCommand: on("DELE", func(_, _ string) *pop3test.Reply {
		return raw("-ERR not %s\r\n", strings.ToUpper(marker))
	})},
	"codedids": {UIDs: func(i int, _ pop3test.Message) string {
		return fmt.Sprint(i, "-", base64.RawURLEncoding.EncodeToString([]byte(marker)))
	}, OnCommand: on("RETR", func(_, _ string) *pop3test.Reply { return raw("-ERR no\r\n") })},
	"capa": {OnCommand: on("CAPA", func(_, _ string) *pop3test.Reply { return raw("-ERR %s\r\n", "what?") })},
}

func on(verb string, f func(verb, arg string) *pop3test.Reply) func(*pop3test.Session, string, string) *pop3test.Reply {
	return func(_ *pop3test.Session, v, arg string) *pop3test.Reply {
		if v != verb {
			return nil
		}
		return f(v, arg)
	}
}

// After every error path that a login, a session, a source of secrets and TLS have, the password is in nothing that
// popsync wrote.
func TestAcceptNoSecretAnywhere(t *testing.T) {
	for _, format := range []string{"json", "console", "auto"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel() // it waits for servers that do not answer
			noSecret(t, format)
		})
	}
}

func noSecret(t *testing.T, format string) {
	h := newHouse(t)
	h.conf.Reset()
	fmt.Fprintf(&h.conf, "state_dir = %q\nparallel = 4\n[log]\nlevel = \"debug\"\nformat = %q\n[limits]\nreply = \"1s\"\nquit = \"1s\"\n", h.state(), format)
	box := boxOf(mailgen.Messages(20, 3, 400, 900))
	for name, o := range echoing {
		s := pop3test.NewServer(o)
		t.Cleanup(s.Close)
		s.AddUser("u", marker, box...)
		addr, err := s.Listen()
		if err != nil {
			t.Fatal(err)
		}
		h.account(name, addr, "u", marker, "mail-"+name, `delete = "after-delivery"`)
	}
	ca, err := pop3test.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := ca.Server("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	s := pop3test.NewServer(pop3test.Options{TLS: conf})
	t.Cleanup(s.Close)
	s.AddUser("u", marker, box...)
	plain, err1 := s.Listen()
	secure, err2 := s.ListenTLS()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	h.add("notls", "127.0.0.1", plain.Port, "u", marker, "mail-notls")
	h.add("nostls", "127.0.0.1", secure.Port, "u", marker, "mail-nostls", `tls = "starttls"`)
	h.add("unknownca", "127.0.0.1", secure.Port, "u", marker, "mail-unknownca")
	h.add("nobody", "127.0.0.1", deafPort(t), "u", marker, "mail-nobody", `tls = "none"`)
	h.account("nowhere", plain, "u", marker, "missing/mail-nowhere")
	file := filepath.Join(h.dir, "open-to-all")
	if err := os.WriteFile(file, []byte(marker), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]string{
		"openfile":  fmt.Sprintf("password_file = %q", file),
		"nofile":    fmt.Sprintf("password_file = %q", file+".no"),
		"fails":     `password_command = ["sh", "-c", "echo '` + marker + `'; echo 'wrong: ` + marker + `' >&2; exit 3"]`,
		"dies":      `password_command = ["sh", "-c", "echo '` + marker + `'; kill -9 $$"]`,
		"nocommand": `password_command = ["no-such-program", "` + marker + `"]`,
		"nul":       `password_command = ["printf", "` + marker + `\\000x"]`,
		"silent":    `password_command = ["true", "` + marker + `"]`,
		"much":      `password_command = ["sh", "-c", "yes '` + marker + `' | tr -d '\\n' | head -c 200000"]`,
	} {
		fmt.Fprintf(&h.conf, "\n[account.%s]\nhost = \"127.0.0.1\"\nport = %d\ntls = \"none\"\nusername = \"u\"\n%s\n\n[[account.%s.deliver]]\ntype = \"maildir\"\npath = %q\n",
			name, plain.Port, source, name, h.mail("mail-"+name))
	}
	login := 0
	// The second run goes with what the first one left in the ledger.
	for _, args := range [][]string{{"run"}, {"run", "--json"}, {"run", "--dry-run"}, {"check"}, {"status"}, {"status", "--json"}} {
		r := h.popsync(args...)
		where := "popsync " + strings.Join(args, " ")
		if r.code == 0 && args[0] == "run" {
			t.Errorf("%s: all is well? Nothing was tested", where)
		}
		login += strings.Count(r.err+r.out, "login refused")
		leaks(t, where, r.out+r.err)
		printed(t, where, r.out+r.err)
	}
	if login == 0 {
		t.Error("no login was refused: nothing was tested")
	}
	h.written(func(where, text string) {
		if where != "the name open-to-all" {
			leaks(t, where, text)
		}
	})
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// deafPort is a port that refuses connections as long as the test runs.
func deafPort(t *testing.T) int {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return name.(*syscall.SockaddrInet4).Port
}

// A configuration that cannot be read is quoted in errors, but never what may be a secret.
func TestAcceptNoSecretInConfigErrors(t *testing.T) {
	head := "[account.a]\nhost = \"pop.example.org\"\nusername = \"u\"\n"
	tail := "\n[[account.a.deliver]]\ntype = \"maildir\"\npath = \"/nowhere\"\n"
	for name, text := range map[string]string{
		"no closing quote":      head + `password = "` + marker + tail,
		"no opening quote":      head + `password = ` + marker + `"` + tail,
		"no quotes":             head + `password = ` + marker + tail,
		"twice":                 head + `password = "` + marker + "\"\npassword = \"" + marker + `"` + tail,
		"list":                  head + `password = ["` + marker + `"]` + tail,
		"table":                 head + `password = { value = "` + marker + `" }` + tail,
		"bad escape":            head + `password = "\q` + marker + `"` + tail,
		"typing error":          head + `pasword = "` + marker + `"` + tail,
		"unknown key":           head + `secret_thing = "` + marker + `"` + tail,
		"command as text":       head + `password_command = "` + marker + `"` + tail,
		"two sources":           head + `password = "` + marker + "\"\npassword_file = \"/x\"" + tail,
		"line end in it":        head + `password = "` + marker + `\nx"` + tail,
		"NUL in it":             head + `password = "` + marker + `\u0000"` + tail,
		"file is a secret":      head + `password_file = "` + marker + `"` + tail,
		"garbage after":         head + `password = "` + marker + `" xyz` + tail,
		"control after":         head + "password = \"" + marker + "\x01\"" + tail,
		"many lines":            head + "password = '''\n" + marker + tail,
		"key without value":     head + "password\n" + marker + tail,
		"in the wrong table":    `password = "` + marker + "\"\n" + head + tail,
		"in a deliver table":    head + `password = "x"` + tail + `password = "` + marker + "\"\n",
		"open to all":           head + `password = "` + marker + `"` + tail,
		"escape sequence after": head + `password = "` + marker + "\"\n\x1b[2J\u009b\u202e = 1" + tail,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "config.toml")
			mode := os.FileMode(0o600)
			if name == "open to all" {
				mode = 0o644
			}
			if err := os.WriteFile(file, []byte(fmt.Sprintf("state_dir = %q\n", filepath.Join(dir, "state"))+text), mode); err != nil {
				t.Fatal(err)
			}
			h := &house{t: t, dir: dir, bin: program(t, "")}
			for _, args := range [][]string{{"check"}, {"run"}, {"status", "--json"}} {
				cmd := h.command(args...)
				if err := os.WriteFile(file, []byte(fmt.Sprintf("state_dir = %q\n", filepath.Join(dir, "state"))+text), mode); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(file, mode); err != nil {
					t.Fatal(err)
				}
				r := finish(t, cmd)
				if r.code != 78 {
					t.Errorf("exit code %d: %s%s", r.code, r.out, r.err)
				}
				leaks(t, args[0], r.out+r.err)
				printed(t, args[0], r.out+r.err)
			}
		})
	}
}
