package acceptance_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// relays are mail servers with a login: what they say to AUTH and to the lines behind it. %s is what they were told.
var relays = map[string]struct {
	offers  string
	replies []string // the last one is also for all that follows; "" closes
}{
	"takes":     {"PLAIN", []string{"235 welcome"}},
	"refuses":   {"PLAIN", []string{"535 5.7.8 who is %s?"}},
	"lines":     {"PLAIN", []string{"535-5.7.8 no\r\n535-%s\r\n535 no"}},
	"temporary": {"PLAIN", []string{"454 %s"}},
	"garbage":   {"PLAIN", []string{"%s"}},
	"closes":    {"PLAIN", []string{""}},
	"login":     {"LOGIN", []string{"334 VXNlcm5hbWU6", "334 %s", "535 wrong: %s"}},
	"asks":      {"LOGIN", []string{"334 VXNlcm5hbWU6", "334 %s", "334 %s", "535 wrong: %s"}},
}

// relay starts one of them.
func relay(t *testing.T, name string) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := relays[name]
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in, step := bufio.NewScanner(conn), -1
				fmt.Fprint(conn, "220 hello\r\n")
				for in.Scan() {
					verb, arg, _ := strings.Cut(in.Text(), " ")
					switch {
					case verb == "QUIT":
						return
					case verb == "EHLO":
						fmt.Fprintf(conn, "250-hello\r\n250 AUTH %s\r\n", r.offers)
						continue
					case verb != "AUTH" && step < 0, verb == "MAIL", verb == "RCPT":
						fmt.Fprint(conn, "250 fine\r\n")
						continue
					case verb == "DATA":
						fmt.Fprint(conn, "354 go on\r\n")
						for in.Scan() && in.Text() != "." {
						}
						fmt.Fprint(conn, "250 taken\r\n")
						continue
					case verb == "AUTH":
						step = -1
					}
					step = min(step+1, len(r.replies)-1)
					reply := r.replies[step]
					if reply == "" {
						return
					}
					if decoded, err := base64.StdEncoding.DecodeString(arg[strings.LastIndexByte(arg, ' ')+1:]); err == nil && step == 0 {
						arg += " " + strings.ReplaceAll(string(decoded), "\x00", " ")
					}
					fmt.Fprint(conn, strings.ReplaceAll(reply, "%s", verb+" "+arg)+"\r\n")
				}
			}()
		}
	}()
	return l.Addr().String()
}

// boxes are IMAP servers: what they say to LOGIN or AUTHENTICATE and to the lines behind it. %t is the command's tag, %s what they were
// told; the last one is also for all that follows.
var boxes = map[string]struct {
	offers  string
	replies []string
}{
	"takes":    {"LITERAL+", []string{"%t OK welcome"}},
	"refuses":  {"", []string{"%t NO who is %s?"}},
	"code":     {"", []string{"%t NO [AUTHENTICATIONFAILED] %s"}},
	"untagged": {"", []string{"* NO %s\r\n* CAPABILITY %s\r\n* OK [ALERT] %s\r\n%t BAD %s"}},
	"garbage":  {"", []string{"%s"}},
	"bye":      {"", []string{"* BYE %s"}},
	"early":    {"AUTH=PLAIN SASL-IR", []string{"%t NO %s"}},
	"steps":    {"AUTH=PLAIN", []string{"+", "%t NO %s"}},
	"asks":     {"AUTH=PLAIN", []string{"+ ", "+ %s", "%t NO %s"}},
}

// imapBox starts one of them.
func imapBox(t *testing.T, name string) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	b := boxes[name]
	answer := func(conn net.Conn) {
		defer conn.Close()
		in, step, tag := bufio.NewScanner(conn), -1, ""
		fmt.Fprint(conn, "* OK hello\r\n")
		for in.Scan() {
			told := in.Text()
			first, rest, _ := strings.Cut(told, " ")
			verb, _, _ := strings.Cut(rest, " ")
			switch {
			case verb == "CAPABILITY":
				fmt.Fprintf(conn, "* CAPABILITY IMAP4rev1 %s\r\n%s OK\r\n", b.offers, first)
				continue
			case verb == "STATUS":
				fmt.Fprintf(conn, "* STATUS INBOX (UIDVALIDITY 1 UIDNEXT 5)\r\n%s OK\r\n", first)
				continue
			case verb == "APPEND":
				n := 0
				_, _ = fmt.Sscanf(rest[strings.LastIndexByte(rest, '{'):], "{%d+}", &n)
				for n > 0 && in.Scan() {
					n -= len(in.Text()) + 2
				}
				in.Scan()
				fmt.Fprintf(conn, "%s OK taken\r\n", first)
				continue
			case verb == "LOGIN", verb == "AUTHENTICATE":
				step, tag = -1, first
			case verb == "EXAMINE", verb == "LOGOUT":
				fmt.Fprintf(conn, "%s NO not now\r\n", first)
				continue
			case tag == "":
				return
			}
			step = min(step+1, len(b.replies)-1)
			fmt.Fprint(conn, strings.NewReplacer("%t", tag, "%s", told).Replace(b.replies[step])+"\r\n")
		}
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answer(conn)
		}
	}()
	return l.Addr().String()
}

// traced is what --trace wrote of a run and of a check by a program, of all servers that give back what they were told.
func traced(t *testing.T, bin string) string {
	h := newHouse(t)
	h.bin = bin
	fmt.Fprint(&h.conf, "[limits]\nreply = \"2s\"\nquit = \"1s\"\n")
	box := boxOf(mailgen.Messages(5, 3, 400, 900))
	start := func(name string, o pop3test.Options) net.Addr {
		s := pop3test.NewServer(o)
		t.Cleanup(s.Close)
		s.AddUser("u", marker, box...)
		addr, err := s.Listen()
		if err != nil {
			t.Fatal(err)
		}
		h.account(name, addr, "u", marker, "mail-"+name)
		return addr
	}
	for name, o := range echoing {
		start(name, o)
	}
	for name := range relays {
		start("to-"+name, pop3test.Options{})
		fmt.Fprintf(&h.conf, "[[account.to-%s.deliver]]\ntype = \"smtp\"\naddress = %q\ntls = \"none\"\nusername = \"u\"\npassword = %q\nto = [\"me@example.org\"]\n", name, relay(t, name), marker)
	}
	for name := range boxes {
		start("into-"+name, pop3test.Options{})
		fmt.Fprintf(&h.conf, "[[account.into-%s.deliver]]\ntype = \"imap\"\naddress = %q\ntls = \"none\"\nusername = \"u\"\npassword = %q\n", name, elsewhere(imapBox(t, name)), marker)
	}
	var all strings.Builder
	for _, command := range []string{"run", "check"} {
		file := filepath.Join(h.dir, command+".trace")
		r := h.popsync(command, "--trace", file)
		leaks(t, "popsync "+command, r.out+r.err)
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("%v\n%s%s", err, r.out, r.err)
		}
		if st, err := os.Stat(file); err != nil || st.Mode() != 0o600 {
			t.Errorf("%v, %v", st, err)
		}
		printed(t, file, string(b))
		all.Write(b)
		if again := h.popsync(command, "--trace", file); again.code != 78 || !strings.Contains(again.err, "is there already") {
			t.Errorf("%s with the same file: %d %s", command, again.code, again.err)
		}
	}
	return all.String()
}

// The wire is in the transcript, and no password, whatever becomes of a login.
func TestAcceptTrace(t *testing.T) {
	all := traced(t, program(t, ""))
	leaks(t, "the transcript", all)
	for _, want := range []string{
		"C: PASS <secret>\n", "C: AUTH PLAIN <secret>\n", "C: <secret>\n", "S: 334 <secret>\n", " octets>\n", "to-takes/", "S: 235 welcome\n",
		"S: -ERR who is  u (secret)\n", "C: RCPT TO:<me@example.org>\n", "C: RETR 3\n", "(secret)", "-- closed\n",
		"into-takes/", " LOGIN <secret>\n", " OK welcome\n", " AUTHENTICATE PLAIN\n", " AUTHENTICATE PLAIN <secret>\n", "S: + <secret>\n", " APPEND INBOX",
		" NO [AUTHENTICATIONFAILED] p2 LOGIN ", "S: * BYE p2 LOGIN ",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("it has no %q", want)
		}
	}
	for line := range strings.Lines(string(boxOf(mailgen.Messages(1, 3, 400, 900))[0].Data)) {
		if line = strings.TrimSpace(line); len(line) > 20 && strings.Contains(all, line) {
			t.Errorf("it has mail in it: %s", line)
		}
	}
}

// A transcript that shows what is secret is noticed.
func TestAcceptTraceControls(t *testing.T) {
	for _, control := range []string{"trace-plain", "trace-base64"} {
		all, found := traced(t, program(t, control)), false
		for _, form := range markerForms() {
			found = found || strings.Contains(all, form)
		}
		if !found {
			t.Errorf("%s was not noticed", control)
		}
	}
}
