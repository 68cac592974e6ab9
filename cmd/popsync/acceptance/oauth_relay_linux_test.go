package acceptance_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/deliver/imap/imaptest"
	"github.com/popsync/popsync/internal/oauth/oauthtest"
)

// tokenRelay is a mail server that wants XOAUTH2, and counts what it takes.
func tokenRelay(t *testing.T, p *oauthtest.Provider) (address string, took *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	took = new(atomic.Int32)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); talk(conn, p, took) }()
		}
	}()
	return l.Addr().String(), took
}

func talk(conn net.Conn, p *oauthtest.Provider, took *atomic.Int32) {
	say := func(s string) { fmt.Fprintf(conn, "%s\r\n", s) }
	say("220 here")
	in, data, may := bufio.NewScanner(conn), false, false
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		line := in.Text()
		verb, arg, _ := strings.Cut(line, " ")
		switch {
		case data && line == ".":
			data = false
			took.Add(1)
			say("250 taken")
		case data:
		case strings.EqualFold(verb, "EHLO"):
			say("250-here\r\n250 AUTH XOAUTH2")
		case strings.EqualFold(verb, "AUTH"):
			if response, ok := strings.CutPrefix(arg, "XOAUTH2 "); ok {
				line = response
			} else {
				say("334 ")
				in.Scan()
				line = in.Text()
			}
			raw, _ := base64.StdEncoding.DecodeString(line)
			_, token, _ := strings.Cut(strings.TrimRight(string(raw), "\x01"), "auth=Bearer ")
			if _, may = p.Valid(token); may {
				say("235 welcome")
			} else {
				say("334 eyJzdGF0dXMiOiI0MDEifQ==")
				in.Scan()
				say("535 5.7.8 no")
			}
		case strings.EqualFold(verb, "QUIT"):
			say("221 bye")
			return
		case strings.EqualFold(verb, "DATA"):
			data = true
			say("354 go on")
		case !may:
			say("530 5.7.0 log in first")
		default:
			say("250 fine")
		}
	}
}

// A destination has a login of its own. Until somebody has logged in, what it lacks waits here, and that is told.
func TestLoginToARelay(t *testing.T) {
	t.Parallel()
	messages := mailgen.Messages(1, 2, 300, 500)
	a := newAgency(t, oauthtest.Options{Rotation: oauthtest.Lenient}, boxOf(messages))
	address, took := tokenRelay(t, a.p)
	fmt.Fprintf(&a.conf, "\n[[account.work.deliver]]\ntype = \"smtp\"\nname = \"relay\"\naddress = %q\ntls = \"none\"\nusername = %q\noauth = \"test\"\nto = [%q]\n",
		address, mailboxName, mailboxName)
	login := func(who string) {
		t.Helper()
		s := a.sit("login", who)
		visit(t, s.sees(loginAddress))
		s.ends(0, who+": logged in as me@example.org")
	}
	login("work")
	a.popsyncSays(t, 77, "nobody has logged in yet", "popsync login work/relay", "run", "work")
	same(t, wanted(messages...), arrived(t, a.mail("Mail")))
	a.popsyncSays(t, 77, "nobody has logged in yet", "popsync login work/relay", "check")
	a.popsyncSays(t, 77, `work \(test\): logged in`, `work/relay \(test\): nobody has logged in Next step: popsync login work/relay`, "login", "--status")
	login("work/relay")
	a.popsyncSays(t, 0, "", "", "run", "work")
	if n := took.Load(); n != 2 {
		t.Errorf("it took %d messages", n)
	}
	a.popsyncSays(t, 0, "relay: OAuth test: logged in as me@example.org", "", "check", "--verbose")
}

// So has a mailbox by IMAP.
func TestLoginToABox(t *testing.T) {
	t.Parallel()
	messages := mailgen.Messages(1, 2, 300, 500)
	a := newAgency(t, oauthtest.Options{Rotation: oauthtest.Lenient}, boxOf(messages))
	box := imaptest.Start(t, imaptest.Options{Token: func(token string) bool { _, ok := a.p.Valid(token); return ok }})
	fmt.Fprintf(&a.conf, "\n[[account.work.deliver]]\ntype = \"imap\"\nname = \"box\"\naddress = %q\ntls = \"none\"\nusername = %q\noauth = \"test\"\n", elsewhere(box.Addr), mailboxName)
	login := func(who string) {
		t.Helper()
		s := a.sit("login", who)
		visit(t, s.sees(loginAddress))
		s.ends(0, who+": logged in as me@example.org")
	}
	login("work")
	a.popsyncSays(t, 77, "nobody has logged in yet", "popsync login work/box", "run", "work")
	same(t, wanted(messages...), arrived(t, a.mail("Mail")))
	a.popsyncSays(t, 77, "nobody has logged in yet", "popsync login work/box", "check")
	login("work/box")
	a.popsyncSays(t, 0, "", "", "run", "work")
	if n := len(box.Messages("INBOX")); n != 2 {
		t.Errorf("it has %d messages", n)
	}
	a.popsyncSays(t, 0, "logged in as me@example.org by XOAUTH2", "", "check", "--verbose")
}
