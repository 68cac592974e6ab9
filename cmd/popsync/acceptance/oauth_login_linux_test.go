package acceptance_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/internal/oauth/oauthtest"
)

// A browser on this machine. Then mail is fetched, the login is shown, and it is given back.
func TestLoginLoopback(t *testing.T) {
	t.Parallel()
	messages := mailgen.Messages(1, 3, 300, 500)
	a := newAgency(t, oauthtest.Options{Rotation: oauthtest.Lenient, Long: 8000}, boxOf(messages))
	a.popsyncSays(t, 77, "nobody has logged in yet", "popsync login work", "run", "work")
	s := a.sit("login", "work")
	address := s.sees(loginAddress)
	if page := visit(t, address); !strings.Contains(page, "You can close this page") {
		t.Errorf("the page: %s", page)
	}
	s.ends(0, "as me@example.org", "A client of your own", "work: logged in as me@example.org", "no end known")
	a.run(0)
	same(t, wanted(messages...), arrived(t, a.mail("Mail")))
	a.popsyncSays(t, 0, `work \(test\): logged in as me@example.org`, "no end known", "login", "--status")
	a.popsyncSays(t, 0, "OAuth test: logged in as me@example.org", "work: logged in as me@example.org by XOAUTH2; UIDL", "check", "--verbose")
	a.popsyncSays(t, 0, "work: logged out; the provider was told", "", "logout", "work")
	if a.stored() || a.p.Counts().Revoked != 1 {
		t.Error("it is still there")
	}
	a.popsyncSays(t, 77, "nobody has logged in", "Next step: popsync login work", "login", "--status")
	a.popsyncSays(t, 0, "nobody was logged in", "", "logout", "work")
}

// asks is the question at the end of the screen: what is typed before it would be shown.
const asks = `Address \(it is not shown\): $`

// A machine without a screen: the address is pasted. People paste other things first.
func TestLoginPaste(t *testing.T) {
	t.Parallel()
	a := newAgency(t, oauthtest.Options{}, nil)
	s := a.sit("login", "--flow", "paste", "work")
	address := s.sees(loginAddress)
	back := browse(t, address)
	s.types(address + "\n")
	s.sees(`(?s)that is the address to begin with.*` + asks)
	s.types("\n")
	s.sees(`(?s)that was nothing.*` + asks)
	s.types(strings.Replace(back, "state=", "state=x", 1) + "\n")
	s.sees(`(?s)not an answer to this login.*` + asks)
	s.types(back + "\n")
	s.ends(0, "work: logged in as me@example.org")
	if strings.Contains(s.screen(), "state=x") || !a.stored() {
		t.Errorf("what was pasted is shown, or nothing stored")
	}
}

// flows are the ways to log in with a person.
var flows = []string{"loopback", "paste", "device"}

const deviceCode = `\n    ([A-Z0-9]{4}-[A-Z0-9]{4})\n`

// consents does what the person at the browser does, in a flow that the sitting has begun.
func (a *agency) consents(t *testing.T, s *sitting, flow string) {
	t.Helper()
	switch flow {
	case "loopback":
		visit(t, s.sees(loginAddress))
	case "paste":
		s.types(browse(t, s.sees(loginAddress)) + "\n")
	case "device":
		code := s.sees(deviceCode)
		s.sees("Waiting until")
		a.p.Approve(code)
	}
}

// A code that is typed elsewhere. Then mail is fetched.
func TestLoginDevice(t *testing.T) {
	t.Parallel()
	messages := mailgen.Messages(1, 2, 300, 500)
	a := newAgency(t, oauthtest.Options{Interval: 1}, boxOf(messages))
	s := a.sit("login", "--flow", "device", "work")
	a.consents(t, s, "device")
	s.ends(0, "and type this code:", "work: logged in as me@example.org")
	a.run(0)
	same(t, wanted(messages...), arrived(t, a.mail("Mail")))
}

// While the provider is out of order nobody waits in silence, and the end says why.
func TestLoginDeviceWhileTheProviderIsOut(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]oauthtest.Fault{"HTTP 500": {Status: 500}, "HTTP 503": {Status: 503}, "can't be read": {Status: 200, Body: "<html>hello</html>"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAgency(t, oauthtest.Options{Interval: 1, CodeLife: 4 * time.Second}, nil)
			a.p.Down(&fault)
			s := a.sit("login", "--flow", "device", "work")
			s.sees(`(?s)Waiting until.*popsync goes\s+on\s+asking`)
			s.ends(75, name, "the code has ended, and until then nobody could say whether it was typed", "once the provider answers again, begin again: popsync login work")
		})
	}
	a := newAgency(t, oauthtest.Options{Interval: 1}, nil)
	a.p.Fail(oauthtest.Fault{Status: 503})
	s := a.sit("login", "--flow", "device", "work")
	s.sees(`goes\s+on\s+asking`)
	a.consents(t, s, "device")
	s.ends(0, "work: logged in as me@example.org")
}

// What people do wrong, in every flow: it is told in words of its own, with what to do, and nothing is stored.
func TestLoginMistakes(t *testing.T) {
	t.Parallel()
	if !large() {
		t.Log("one in four; every mistake in every flow with POPSYNC_LARGE=1")
	}
	turn := 0 // of those that can be left out
	sampled := func() bool { turn++; return large() || turn%4 == 1 }
	expired := oauthtest.Fault{Status: 400, Error: "invalid_grant"} // a code of the browser's that came too late
	for _, flow := range flows {
		for _, tt := range []struct {
			name string
			o    oauthtest.Options
			want []string
		}{
			{"a box not ticked", oauthtest.Options{Granted: []string{"offline_access"}}, []string{"not all was allowed that is needed: mail", "tick every box"}},
			{"declined", oauthtest.Options{Denied: true}, []string{"access_denied", "popsync login work"}},
			{"wrong account", oauthtest.Options{Email: "other@example.org"}, []string{
				"it was other@example.org who logged in at the provider, and the mailbox is me@example.org", "nothing was stored", "choose me@example.org there"}},
			{"no refresh token", oauthtest.Options{NoRefresh: true}, []string{"no refresh token"}},
			{"expired code", oauthtest.Options{CodeLife: 2 * time.Second}, []string{"popsync login work"}},
		} {
			if !sampled() {
				continue
			}
			t.Run(tt.name+", "+flow, func(t *testing.T) {
				t.Parallel()
				tt.o.Interval = 1
				a := newAgency(t, tt.o, nil)
				s := a.sit("login", "--flow", flow, "work")
				switch {
				case tt.name != "expired code":
					a.consents(t, s, flow)
				case flow == "device":
					tt.want = append(tt.want, "the code was not typed in time")
				default:
					a.p.Fail(expired)
					a.consents(t, s, flow)
					tt.want = append(tt.want, "the provider refuses (invalid_grant, HTTP 400)")
				}
				s.ends(77, tt.want...)
				if a.stored() {
					t.Error("it was stored")
				}
			})
		}
		t.Run("Ctrl-C, "+flow, func(t *testing.T) {
			t.Parallel()
			a := newAgency(t, oauthtest.Options{}, nil)
			s := a.sit("login", "--flow", flow, "work")
			s.sees("Waiting until|Address \\(it is not shown\\): ")
			s.types("\x03")
			s.ends(75, "popsync: stopped")
			if a.stored() {
				t.Error("it was stored")
			}
		})
		for _, off := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
			name := "behind"
			if off < 0 {
				name = "ahead of"
			}
			if !sampled() {
				continue
			}
			t.Run("a clock that is "+name+" the provider's, "+flow, func(t *testing.T) {
				t.Parallel()
				a := newAgency(t, oauthtest.Options{Interval: 1, Now: func() time.Time { return time.Now().Add(off) }}, nil)
				s := a.sit("login", "--flow", flow, "work")
				a.consents(t, s, flow)
				s.ends(0, "work: logged in as me@example.org", "This machine's clock is 10 min "+name+" the provider's")
				a.run(0)
			})
		}
	}
}

// The mailbox refuses the right person: the login is stored, and its status says so until it was let in.
func TestLoginThatTheMailboxRefuses(t *testing.T) {
	t.Parallel()
	a := newAgency(t, oauthtest.Options{Rotation: oauthtest.Lenient}, boxOf(mailgen.Messages(1, 2, 300, 500)))
	a.closed.Store(true)
	s := a.sit("login", "work")
	visit(t, s.sees(loginAddress))
	s.ends(77, "work: the login is stored, but the mailbox was not opened")
	if !a.stored() {
		t.Error("it is not stored")
	}
	refused := func() {
		t.Helper()
		a.popsyncSays(t, 77, "the mail server refuses it", "see what the mail server says: popsync check work", "login", "--status")
	}
	refused()
	a.popsyncSays(t, 77, "", "", "run", "work")
	refused()
	a.popsyncSays(t, 77, "login refused by the server", "note work: OAuth test: .*the mail server refuses it", "check", "work")
	refused()
	a.closed.Store(false)
	a.popsyncSays(t, 0, "", "", "run", "work")
	a.popsyncSays(t, 0, `work \(test\): logged in as me@example.org`, "no end known", "login", "--status")
}

func TestLoginRefusedBeforeItBegins(t *testing.T) {
	t.Parallel()
	a := newAgency(t, oauthtest.Options{}, nil)
	a.popsyncSays(t, 64, "there is no terminal", "ssh -t HOST popsync login work", "login", "work")
	a.popsyncSays(t, 64, "expected is an account", "", "login")
	a.popsyncSays(t, 64, "account work has no destination relay", "it has this one: maildir", "login", "work/relay")
	a.popsyncSays(t, 64, `there is no account "wrk" in .*; it has: work .did you mean "work"`, "See 'popsync login --help'", "login", "wrk")
	a.popsyncSays(t, 64, `there is no account "wrk/relay"|there is no account "wrk"`, "it has: work", "login", "wrk/relay")
	a.popsyncSays(t, 64, `there is no account test; .oauth.test. is no account; it is used by: work`, "popsync login work", "login", "test")
	a.popsyncSays(t, 64, `there is no account "other"`, "it has: work", "login", "--status", "other")
	a.popsyncSays(t, 64, `there is no account "other"`, "it has: work", "logout", "other")
	a.popsyncSays(t, 64, "--flow takes loopback, paste or device", "", "login", "--flow", "magic", "work")
	a.popsyncSays(t, 64, "say one of them", "", "login", "--flow", "device", "--status")
	a.conf.WriteString("\n[account.plain]\nhost = \"h\"\nusername = \"u\"\npassword = \"x\"\n[[account.plain.deliver]]\ntype = \"maildir\"\npath = \"/m\"\n")
	a.popsyncSays(t, 64, "plain does not log in by OAuth", "docs/oauth.md", "login", "plain")
	if os.Getuid() != 0 {
		t.Log("NOT TESTED: as root beside a service")
		return
	}
	if err := os.MkdirAll(a.state(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(a.state(), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	s := a.sit("login", "work")
	s.ends(78, "belongs to nobody", "sudo -u nobody popsync --config "+a.dir+"/config.toml login work")
	for _, flow := range flows {
		s := a.sit("login", "--flow", flow, "work")
		s.ends(78, "belongs to nobody", "sudo -u nobody popsync --config "+a.dir+"/config.toml login --flow "+flow+" work")
	}
	if a.p.Counts() != (oauthtest.Counts{}) {
		t.Errorf("the provider was asked: %+v", a.p.Counts())
	}
}

// With a proxy, nothing goes to the provider by another way: not when the proxy cannot be used either.
func TestLoginGoesByTheProxy(t *testing.T) {
	t.Parallel()
	a := newAgency(t, oauthtest.Options{}, nil)
	conf := strings.Replace(a.conf.String(), "oauth = \"test\"\n", fmt.Sprintf("oauth = \"test\"\ninsecure_plaintext = true\nproxy = \"socks5://127.0.0.1:%d\"\n", deafPort(t)), 1)
	a.conf.Reset()
	a.conf.WriteString(conf)
	s := a.sit("login", "--flow", "paste", "work")
	s.types(browse(t, s.sees(loginAddress)) + "\n")
	s.ends(75, "the proxy socks5://127.0.0.1:", "cannot be used")
	if n := a.p.Counts().Requests; n != 0 {
		t.Errorf("%d requests came by another way", n)
	}
}

// Beside a daemon the daemon stores it and fetches at once; a logout goes the same way.
func TestLoginBesideADaemon(t *testing.T) {
	t.Parallel()
	messages := mailgen.Messages(1, 2, 300, 500)
	a := newAgency(t, oauthtest.Options{Rotation: oauthtest.Strict}, boxOf(messages))
	d := a.daemon()
	d.says("nobody has logged in yet")
	s := a.sit("login", "work")
	visit(t, s.sees(loginAddress))
	s.ends(0, "work: logged in as me@example.org")
	d.says("login by OAuth stored", `"account":"work"`)
	d.holds("Mail", messages...)
	a.popsyncSays(t, 0, "logged out; the provider was told", "", "logout", "work")
	d.says("login by OAuth removed")
	if a.stored() {
		t.Error("it is still there")
	}
}

// An account that gets another name stays logged in, and one that is forgotten leaves no token behind.
func TestLoginOfARenamedAccount(t *testing.T) {
	t.Parallel()
	messages := mailgen.Messages(1, 2, 300, 500)
	a := newAgency(t, oauthtest.Options{Rotation: oauthtest.Strict}, boxOf(messages))
	s := a.sit("login", "work")
	visit(t, s.sees(loginAddress))
	s.ends(0, "work: logged in")
	a.run(0)
	conf := a.conf.String()
	a.conf.Reset()
	a.conf.WriteString(strings.ReplaceAll(conf, "account.work", "account.office"))
	a.run(0)
	if a.stored() {
		t.Error("the token has its old name yet")
	}
	a.popsyncSays(t, 0, `office \(test\): logged in as me@example.org`, "", "login", "--status")
	a.conf.Reset()
	a.conf.WriteString(strings.ReplaceAll(strings.ReplaceAll(conf, "account.work", "account.new"), mailboxName, "new@example.org"))
	a.popsyncSays(t, 0, "forgotten", "removed 1 login by OAuth", "forget", "--yes", "office")
	if left, err := os.ReadDir(a.state() + "/oauth"); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}
