package acceptance_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// play serves each connection by a script and collects what clients sent.
func play(t *testing.T, script func() fault.Script) (addr *net.TCPAddr, heard func() string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all strings.Builder
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { _ = script().Run(overheard{conn, &mu, &all}) }) // the client's side is what is tested
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().(*net.TCPAddr), func() string {
		mu.Lock()
		defer mu.Unlock()
		return all.String()
	}
}

type overheard struct {
	net.Conn
	mu  *sync.Mutex
	all *strings.Builder
}

func (o overheard) Read(b []byte) (int, error) {
	n, err := o.Conn.Read(b)
	o.mu.Lock()
	o.all.Write(b[:n])
	o.mu.Unlock()
	return n, err
}

// Whoever sits between client and server before TLS can neither strip it nor put replies in that count after it: no
// credential leaves.
func TestAcceptInjection(t *testing.T) {
	capa := "+OK\r\nSTLS\r\nUSER\r\nSASL PLAIN\r\nPIPELINING\r\n.\r\n"
	for name, steps := range map[string]fault.Script{
		"replies behind STLS":     {fault.Send("+OK\r\n"), fault.Chat("CAPA", capa, "STLS", "+OK\r\n+OK\r\n+OK logged in\r\n")},
		"one octet behind STLS":   {fault.Send("+OK\r\n"), fault.Chat("CAPA", capa, "STLS", "+OK\r\n+")},
		"replies behind CAPA":     {fault.Send("+OK\r\n"), fault.Chat("CAPA", capa+"+OK\r\n")},
		"replies behind greeting": {fault.Send("+OK\r\n+OK\r\n" + capa + "+OK\r\n")},
		"STLS hidden":             {fault.Send("+OK\r\n"), fault.Chat("CAPA", "+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n")},
		"STLS refused":            {fault.Send("+OK\r\n"), fault.Chat("CAPA", capa, "STLS", "-ERR not today, log in without\r\n")},
		"CAPA and STLS refused":   {fault.Send("+OK\r\n"), fault.Chat("CAPA", "-ERR\r\n", "STLS", "-ERR\r\n")},
		"logged in already":       {fault.Send("+OK welcome, you are logged in\r\n"), fault.Chat("CAPA", "-ERR\r\n", "STLS", "-ERR already logged in\r\n")},
		"no greeting":             {fault.Send("-ERR\r\n+OK\r\n")},
		"plain text for TLS":      {fault.Send("+OK\r\n"), fault.Chat("CAPA", capa, "STLS", "+OK\r\n"), fault.Stalled()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, heard := play(t, func() fault.Script { return append(steps[:len(steps):len(steps)], fault.Stalled()) })
			h := newHouse(t)
			h.conf.WriteString("[limits]\nreply = \"2s\"\ntls_handshake = \"2s\"\n")
			h.add("a", "127.0.0.1", addr.Port, "u", marker, "Mail", `tls = "starttls"`)
			r := h.popsync("run")
			if r.code == 0 || !strings.Contains(r.err, `"level":"error"`) {
				t.Errorf("exit code %d: %s", r.code, r.err)
			}
			for line := range strings.Lines(heard()) {
				if verb, _, _ := strings.Cut(strings.TrimSpace(line), " "); verb == "USER" || verb == "PASS" || verb == "AUTH" {
					t.Errorf("it sent %q", line)
				}
			}
			leaks(t, "the wire", heard())
			if h.number(`SELECT count(*) FROM message`) != 0 {
				t.Error("it believed in a message")
			}
		})
	}
}

// The attacker puts a reply behind that to STLS and then lets TLS happen: the client must not even begin it.
func TestAcceptInjectionBeforeTLS(t *testing.T) {
	ca, err := pop3test.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := ca.Server("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		behind string
		began  bool
	}{{"", true}, {"+OK\r\n+OK logged in\r\n", false}} {
		began := make(chan bool, 1)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			kept := unclosed{conn}
			_ = fault.Script{fault.Send("+OK\r\n"), fault.Chat("CAPA", "+OK\r\nSTLS\r\n.\r\n", "STLS", "+OK\r\n"+tt.behind)}.Run(kept)
			began <- tls.Server(conn, conf).Handshake() == nil
		}()
		h := newHouse(t)
		h.conf.WriteString("[limits]\nreply = \"1s\"\n") // nobody answers when it comes again
		file := filepath.Join(h.dir, "ca.pem")
		if err := os.WriteFile(file, ca.PEM(), 0o600); err != nil {
			t.Fatal(err)
		}
		h.add("a", "127.0.0.1", l.Addr().(*net.TCPAddr).Port, "u", marker, "Mail", `tls = "starttls"`, fmt.Sprintf("ca_file = %q", file))
		h.popsync("run")
		if got := <-began; got != tt.began {
			t.Errorf("with %q behind the reply to STLS, TLS began: %v", tt.behind, got)
		}
		l.Close()
	}
}

// unclosed leaves the connection open when a script ends.
type unclosed struct{ net.Conn }

func (unclosed) Close() error { return nil }

// Replies that nobody asked for, in plaintext: the session ends, nothing is deleted, nothing is delivered twice.
func TestAcceptForgedReplies(t *testing.T) {
	capa := "+OK\r\nUSER\r\nUIDL\r\nTOP\r\n.\r\n"
	login := []string{"CAPA", capa, "USER u", "+OK\r\n", "PASS p", "+OK\r\n"}
	listed := append(login[:6:6], "CAPA", capa, "UIDL", "+OK\r\n1 a\r\n2 b\r\n.\r\n", "LIST", "+OK\r\n1 20\r\n2 20\r\n.\r\n")
	message := "+OK\r\nSubject: x\r\n\r\nx\r\n.\r\n"
	for name, turns := range map[string][]string{
		"behind PASS":            {"CAPA", capa, "USER u", "+OK\r\n", "PASS p", "+OK\r\n+OK\r\n"},
		"behind UIDL":            append(login[:6:6], "CAPA", capa, "UIDL", "+OK\r\n1 a\r\n.\r\n+OK\r\n1 20\r\n.\r\n"),
		"behind LIST":            append(listed[:len(listed)-1:len(listed)-1], "+OK\r\n1 20\r\n2 20\r\n.\r\n+OK\r\nforged\r\n.\r\n"),
		"behind a message":       append(listed[:len(listed):len(listed)], "RETR 1", message+message),
		"in place of a message":  append(listed[:len(listed):len(listed)], "RETR 1", "+OK\r\n+OK\r\n.\r\n-ERR\r\n.\r\n+OK\r\n"),
		"undotted":               append(listed[:len(listed):len(listed)], "RETR 1", "+OK\r\nx\r\n.\r\nrest of it\r\n.\r\n"),
		"behind the last answer": append(listed[:len(listed):len(listed)], "RETR 1", message, "RETR 2", message+"+OK\r\n+OK\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, heard := play(t, func() fault.Script {
				return fault.Script{fault.Send("+OK\r\n"), fault.Chat(turns...), fault.Stalled()}
			})
			h := newHouse(t)
			h.conf.WriteString("[limits]\nreply = \"1s\"\nquit = \"1s\"\nidle = \"1s\"\nlist = \"1s\"\n")
			h.account("a", addr, "u", "p", "Mail", `delete = "after-delivery"`)
			if r := h.popsync("run"); r.code != 75 {
				t.Errorf("exit code %d: %s", r.code, r.err)
			}
			if strings.Contains(heard(), "DELE") && name != "behind the last answer" {
				t.Errorf("it deleted:\n%s", heard())
			}
			for _, f := range arrivedFiles(t, h.mail("Mail")) {
				if strings.Contains(f, "forged") || strings.Contains(f, "rest of it") {
					t.Errorf("delivered: %q", f)
				}
			}
		})
	}
}

func arrivedFiles(t *testing.T, dir string) (all []string) {
	t.Helper()
	names, _ := os.ReadDir(dir + "/new")
	for _, n := range names {
		b, err := os.ReadFile(dir + "/new/" + n.Name())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(b))
	}
	return all
}

// Escape sequences, C1 controls, marks of direction, line ends and a megabyte of them, wherever a server can put text:
// whatever popsync prints is printable ASCII, a line at a time.
func TestAcceptTerminalSafe(t *testing.T) {
	foul := "\x1b[2J\x1b]0;x\x07\u009b31m\x9b31m\u202eevil\u2066\x7f\x00\r"
	long := strings.Repeat(foul, 1<<20/len(foul))
	for _, format := range []string{"json", "console"} {
		t.Run(format, func(t *testing.T) {
			h := newHouse(t)
			h.conf.Reset()
			fmt.Fprintf(&h.conf, "state_dir = %q\n[log]\nlevel = \"debug\"\nformat = %q\n[limits]\nreply = \"2s\"\nquit = \"1s\"\n", h.state(), format)
			var box []pop3test.Message
			for i, uid := range []string{"plain", "\x1b[31mred", "\u009b2J", "\u202eevil", "\xff\xfe", "a b\tc", strings.Repeat("\x1b", 512), strings.Repeat("\u009b", 400)} {
				head := strings.ReplaceAll(foul, "\r", "")
				box = append(box, pop3test.Message{UID: uid, Data: fmt.Appendf(nil, "Subject: %s\r\n%s: x\r\nMessage-ID: <%s%d>\r\n\r\n%s\r\n", head, head, head, i, foul)})
			}
			say := func(verb, format string) pop3test.Options {
				return pop3test.Options{OnCommand: func(_ *pop3test.Session, v, _ string) *pop3test.Reply {
					if v == verb {
						return raw("%s", strings.ReplaceAll(format, "FOUL", foul))
					}
					return nil
				}}
			}
			for name, o := range map[string]pop3test.Options{
				"good":     {Greeting: foul},
				"longhi":   {Greeting: long},
				"auth":     say("AUTH", "-ERR [AUTH] FOUL\r\n"),
				"authlong": say("AUTH", "-ERR "+long+"\r\n"),
				"authbad":  say("AUTH", "FOUL\r\n"),
				"capa":     say("CAPA", "+OK FOUL\r\nFOUL\r\nSASL FOUL PLAIN\r\nUIDL\r\n.\r\n"),
				"list":     say("LIST", "+OK FOUL\r\nFOUL 1\r\n1 FOUL\r\n.\r\n"),
				"uidl":     say("UIDL", "+OK FOUL\r\nFOUL\r\n1 FOUL\r\n.\r\n"),
				"uidllong": say("UIDL", "+OK\r\n1 "+long+"\r\n.\r\n"),
				"retr":     say("RETR", "-ERR FOUL\r\n"),
				"top":      say("TOP", "-ERR FOUL\r\n"),
				"dele":     say("DELE", "-ERR FOUL\r\n"),
				"quit":     say("QUIT", "FOUL\r\n"),
			} {
				_, addr := serve(t, o, box)
				h.account(name, addr, "u", "p", "mail-"+name, `delete = "after-delivery"`)
			}
			_, addr := serve(t, pop3test.Options{}, nil)
			h.account("path", addr, "u", "p", "mail-path")
			conf := strings.Replace(h.conf.String(), "mail-path", `mail-\u009b31m\u202e\u00e4`, 1)
			h.conf.Reset()
			h.conf.WriteString(conf)
			for _, args := range [][]string{{"run", "--dry-run"}, {"run"}, {"run", "--json"}, {"check"}, {"status"}, {"status", "--json"},
				{"run", foul[:8]}, {"no-such-" + foul[:8]}} {
				r := h.popsync(args...)
				printed(t, "popsync "+args[0], r.out+r.err)
				for line := range strings.Lines(r.out + r.err) {
					if n := len(line); n > 8<<10 && args[0] != "run" {
						t.Errorf("popsync %s printed a line of %d octets", args[0], n)
					}
				}
			}
			names := func(where, text string) {
				if strings.HasPrefix(where, "the name") && !strings.HasPrefix(text, "mail-\u009b") {
					printed(t, where, text)
				}
			}
			h.written(names)
		})
	}
}
