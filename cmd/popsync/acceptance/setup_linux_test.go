package acceptance_test

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/bench/mailgen"
)

// setupAnswer is a setupAnswer at the end of the screen, and what is typed then.
type setupAnswer struct{ asked, typed string }

// The questions, in their order.
var (
	agreeing = setupAnswer{`Shall the password go to this server\? \(yes/no\): $`, "yes\n"}
	whereTo  = setupAnswer{`(?s)Where shall the mail go\?.*Number \[1\]: $`, "\n"}
	intoIt   = setupAnswer{`Maildir \[[^]]*\]: $`, "\n"}
	there    = setupAnswer{`(?s)The mail that is there already:.*Number \[1\]: $`, "\n"}
	original = setupAnswer{`(?s)The originals on the server.*Number \[1\]: $`, "\n"}
	secretly = setupAnswer{`Password for .* \(it is not shown\): $`, scriptPassword + "\n"}
)

func typed(domain string) setupAnswer {
	return setupAnswer{`type the domain of the server, ` + regexp.QuoteMeta(domain) + `: $`, domain + "\n"}
}

func (s *sitting) goes(all ...setupAnswer) {
	s.t.Helper()
	for _, e := range all {
		s.sees(e.asked)
		s.types(e.typed)
	}
}

const autoconfigDoc = `<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="hoster.example"><displayName>Hoster</displayName>
<incomingServer type="imap"><hostname>imap.hoster.example</hostname><port>993</port><socketType>SSL</socketType></incomingServer>
<incomingServer type="pop3"><hostname>pop.hoster.example</hostname><port>995</port><socketType>SSL</socketType>
<authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username></incomingServer>
<enable visiturl="https://hoster.example/pop3"/></emailProvider></clientConfig>`

// From nothing to the first message, with eight answers at most, at five kinds of providers.
func TestAcceptSetup(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	n := newInternet(t)
	for _, host := range []string{"pop3.web.de", "pop.gmail.com", "pop.hoster.example", "pop.guess.example", "outlook.office365.com"} {
		n.host(host, popAddress)
	}
	n.host("autoconfig.example.org", webAddress)
	n.docs["autoconfig.example.org/mail/config-v1.1.xml"] = autoconfigDoc
	n.host("private.example", [4]byte{127, 0, 0, 1})
	n.host("pop.private.example", [4]byte{127, 0, 0, 1})
	n.mx["firm.example"] = "mx.web.de"
	messages := mailgen.Messages(1, 3, 300, 500)
	for _, user := range []string{"anna", "bert@example.org", "carla@guess.example", "emil@gmail.com", "local"} {
		n.pop.AddUser(user, scriptPassword, boxOf(messages)...)
	}
	for name, tt := range map[string]struct {
		address string
		talk    []setupAnswer
		account string
		tries   int
		want    []string
	}{
		"table": {"anna@web.de", []setupAnswer{agreeing, whereTo, intoIt, there, original, secretly}, "anna-web", 1,
			[]string{"pop3.web.de, port 995, TLS", "popsync's table of providers", "switch POP3 on", "15 min between two logins", "Next: popsync run anna-web Not before"}},
		"autoconfig": {"bert@example.org", []setupAnswer{agreeing, whereTo, intoIt, there, original, secretly}, "bert-example", 1,
			[]string{"known from https://autoconfig.example.org/mail/config-v1.1.xml", "switched on here: https://hoster.example/pop3", "Next: popsync run bert-example"}},
		"guess": {"carla@guess.example", []setupAnswer{typed("guess.example"), whereTo, intoIt, there, original, secretly}, "carla-guess", 1,
			[]string{"Mind: it is a guess.", "as is usual"}},
		"typo": {"emil@gmial.com", []setupAnswer{{`Did you mean emil@gmail.com\? .* \(yes/no\): $`, "yes\n"}, agreeing, whereTo, intoIt, there, original, secretly}, "emil-gmail", 1,
			[]string{"pop.gmail.com", "app password"}},
		"through MX, by the other name": {"anna@firm.example", []setupAnswer{typed("web.de"), whereTo, intoIt, there, original, secretly}, "anna-firm", 1,
			[]string{"Mind: only the MX record of firm.example names it"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := n.newcomer(t)
			s := sitDown(t, p.command("setup", tt.address))
			s.goes(tt.talk...)
			s.ends(0, tt.want...)
			if strings.Contains(s.screen(), scriptPassword) || len(tt.talk) > 8 || n.tries() != tt.tries {
				t.Errorf("%d answers, the screen:\n%s", len(tt.talk), s.screen())
			}
			t.Logf("the screen:\n%s", s.screen())
			run := sitDown(t, p.command("run", tt.account))
			run.ends(0)
			same(t, wanted(messages...), arrived(t, filepath.Join(p.home, "Mail", tt.account)))
			for _, file := range []string{"accounts.d/" + tt.account + ".toml", "accounts.d/" + tt.account + ".password", "config.toml"} {
				if info, err := os.Stat(filepath.Join(p.home, ".config/popsync", file)); err != nil || info.Mode() != 0o600 {
					t.Errorf("%s: %v, %v", file, info, err)
				}
			}
			// The same once more.
			again := sitDown(t, p.command("setup", "--name", "other", tt.address))
			if name == "typo" {
				again.goes(tt.talk[0])
			}
			again.ends(78, "fetches this mailbox already")
		})
	}
	t.Run("OAuth only", func(t *testing.T) {
		p := n.newcomer(t)
		s := sitDown(t, p.command("setup", "dora@outlook.com"))
		s.ends(78, "takes no password for POP3, only a login by OAuth", "[oauth.microsoft]", "popsync setup dora@outlook.com", "nobody logged in")
		t.Logf("the screen:\n%s", s.screen())
		p.nothing()
		// With a client of one's own it is written, and popsync login is the next step.
		n.must(os.MkdirAll(filepath.Join(p.home, ".config/popsync"), 0o700))
		n.must(os.WriteFile(filepath.Join(p.home, ".config/popsync/config.toml"), []byte("[oauth.mine]\nprovider = \"microsoft\"\nclient_id = \"x\"\n"), 0o600))
		s = sitDown(t, p.command("setup", "dora@outlook.com"))
		s.goes(setupAnswer{`Shall popsync log in at this server\? \(yes/no\): $`, "yes\n"}, whereTo, intoIt, there, original)
		s.ends(0, "Next: popsync login dora-outlook")
		if n.tries() > 0 {
			t.Error("somebody logged in")
		}
	})
	t.Run("refused", func(t *testing.T) { n.refused(t) })
	t.Run("Ctrl-C", func(t *testing.T) {
		for i := range 6 {
			p := n.newcomer(t)
			talk := []setupAnswer{agreeing, whereTo, intoIt, there, original, secretly}
			s := sitDown(t, p.command("setup", "anna@web.de"))
			s.goes(talk[:i]...)
			s.goes(setupAnswer{talk[i].asked, "\x03"})
			s.ends(75, "popsync: stopped")
			p.nothing()
		}
		p := n.newcomer(t)
		s := sitDown(t, p.command("setup", "anna@web.de"))
		s.goes(setupAnswer{agreeing.asked, "\x04"})
		s.ends(75, "the terminal was closed; nothing was written")
		p.nothing()
		s = sitDown(t, p.command("setup", "anna@web.de")) // the window is closed
		s.goes(agreeing, whereTo)
		s.sees(intoIt.asked)
		closed := syscall.SIGHUP
		if signal.Ignored(closed) { // as below nohup: popsync lets it stay so
			closed = syscall.SIGTERM
		}
		n.must(s.cmd.Process.Signal(closed))
		s.ends(75)
		p.nothing()
	})
	t.Run("places", func(t *testing.T) { n.places(t) })
	t.Run("daemon", func(t *testing.T) { n.besideDaemon(t) })
	t.Run("without questions", func(t *testing.T) { n.unasked(t) })
}

// nothing fails if anything was made, or anybody logged in.
func (p *newcomer) nothing() {
	p.t.Helper()
	if things, tries := p.things(), p.tries(); len(things) > 0 || tries > 0 {
		p.t.Errorf("%d logins, and there are: %q", tries, things)
	}
}

// What is refused: by the server, by a person, by the machine.
func (n *internet) refused(t *testing.T) {
	wrong := setupAnswer{secretly.asked, "wrong\n"}
	p := n.newcomer(t)
	s := sitDown(t, p.command("setup", "anna@web.de"))
	s.goes(agreeing, whereTo, intoIt, there, original, wrong)
	s.ends(77, "Trying once more, with the user name anna@web.de", "the server refused the login; nothing was written")
	if k := n.tries(); k != 2 {
		t.Errorf("%d tries", k)
	}
	p.nothing()

	// The mailbox that mail shall go to refuses: the one that it comes from has done nothing wrong, and no other user name is tried there.
	n.host("imap.example.net", popAddress)
	n.refusingIMAP()
	into := []setupAnswer{agreeing, {whereTo.asked, "2\n"}, {`Its server, as HOST or HOST:PORT: $`, "imap.example.net\n"}, {`User name there: $`, "me\n"}}
	for answer, tries := range map[string]int{"1\n": 1, "2\n": 0} { // only new mail: before anything is marked
		s = sitDown(t, p.command("setup", "anna@web.de"))
		s.goes(append(into[:4:4], setupAnswer{there.asked, answer}, original, secretly, setupAnswer{`Password for me at imap.example.net .*: $`, "x\n"})...)
		s.ends(77, "login imap.example.net:993", "nothing was written: see above what is wrong")
		if k := n.tries(); k != tries || strings.Contains(s.screen(), "Trying once more") {
			t.Errorf("%d tries, the screen:\n%s", k, s.screen())
		}
		p.nothing()
	}

	s = sitDown(t, p.command("setup", "anna@web.de"))
	s.goes(setupAnswer{agreeing.asked, "no\n"})
	s.ends(0, "Nothing was written, and nobody logged in.")
	s = sitDown(t, p.command("setup", "carla@guess.example"))
	s.goes(setupAnswer{typed("guess.example").asked, "yes\n"})
	s.ends(0, "Nothing was written, and nobody logged in.")
	sitDown(t, p.command("setup", "a@nowhere.example")).ends(78, "No server was found", "the POP3 server of nowhere.example is not known")
	sitDown(t, p.command("setup", "nobody")).ends(64, "no mail address")
	s = sitDown(t, p.command("setup", "a@gmial.com"))
	s.goes(setupAnswer{`Did you mean a@gmail.com\? .*: $`, "no\n"})
	s.ends(78, "No server was found")
	if strings.Contains(s.screen(), "a guess") {
		t.Errorf("it was guessed:\n%s", s.screen())
	}
	p.nothing()

	// A server on this machine, and no right to write the configuration: before the password is asked for.
	s = sitDown(t, p.command("setup", "--server", "pop.private.example", "a@private.example"))
	s.goes(setupAnswer{typed("private.example").asked, "no\n"})
	s.ends(0, "it is at 127.0.0.1, on this machine or in a private network")
	n.must(os.MkdirAll(filepath.Join(p.home, ".config/popsync"), 0o777))
	n.must(os.Chmod(filepath.Join(p.home, ".config/popsync"), 0o777))
	sitDown(t, p.command("setup", "anna@web.de")).ends(78, "accounts.d: can't be trusted", "others can write to")
	n.must(unix.Mount("none", filepath.Join(p.home, ".config/popsync"), "tmpfs", unix.MS_RDONLY, "mode=700"))
	sitDown(t, p.command("setup", "anna@web.de")).ends(78, "the account could not be written", "read-only file system", "install -d")
	n.must(unix.Unmount(filepath.Join(p.home, ".config/popsync"), 0))
	n.must(os.RemoveAll(filepath.Join(p.home, ".config")))
	p.nothing()
}

// What scripts say.
func (n *internet) unasked(t *testing.T) {
	p := n.newcomer(t)
	says := func(code int, want, stdin string, args ...string) string {
		t.Helper()
		cmd := p.command(append([]string{"setup"}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		r := finish(t, cmd)
		if r.code != code || !strings.Contains(r.out+r.err, want) || strings.Contains(r.out+r.err, scriptPassword) {
			t.Errorf("%q: exit code %d\n%s%s", args, r.code, r.out, r.err)
		}
		return r.out
	}
	says(64, "there is no terminal to ask on", "", "anna@web.de")
	says(78, "nobody agreed that the password goes to pop3.web.de", "", "--non-interactive", "--password-stdin", "anna@web.de")
	says(78, "the server is pop3.web.de, and --accept-host says pop.web.de", "", "--non-interactive", "--accept-host", "pop.web.de", "anna@web.de")
	says(78, "did you mean a@gmail.com", "", "--non-interactive", "a@gmial.com")
	says(64, "where is the password?", "", "--non-interactive", "--accept-host", "pop3.web.de", "anna@web.de")
	says(64, "unknown flag: --password", "", "--password", "x", "anna@web.de")
	says(64, "say one of --password-command", "", "--password-stdin", "--credential", "anna@web.de")
	text := says(0, "host = \"pop3.web.de\"", "", "--print", "--offline", "--non-interactive", "anna@web.de")
	if !strings.Contains(text, "[account.anna-web]") || !strings.Contains(text, "anna-web.password") || !strings.HasPrefix(text, "# ") {
		t.Errorf("printed:\n%s", text)
	}
	says(78, "the account that would be written: account.anna-web.delete: ", "", "--non-interactive", "--delete", "soon", "anna@web.de")
	says(78, "there is no host pop.nowhere.example", "", "--non-interactive", "--server", "pop.nowhere.example", "a@nowhere.example")
	says(78, "is not known", "", "--offline", "--print", "--non-interactive", "bert@example.org")
	p.nothing()
	says(0, "Next: popsync run anna-web", scriptPassword+"\n", "--non-interactive", "--accept-host", "pop3.web.de", "--password-stdin", "--fetch", "new", "--delete", "30d", "anna@web.de")
	if k := n.tries(); k != 1 {
		t.Errorf("%d logins", k)
	}
	says(0, "Next: popsync --config "+p.home+"/own.toml run anna-web", scriptPassword+"\n", "--config", "own.toml", "--non-interactive", "--accept-host", "pop3.web.de", "--password-stdin", "anna@web.de")
	if k := n.tries(); k != 1 {
		t.Errorf("%d logins", k)
	}
	if r := finish(t, p.command("run", "anna-web")); r.code != 0 {
		t.Errorf("run: %+v", r)
	}
	if got := arrived(t, filepath.Join(p.home, "Mail/anna-web")); got.len() != 0 {
		t.Errorf("%d messages came that were there before", got.len())
	}
	secret := filepath.Join(p.home, "secret")
	n.must(os.WriteFile(secret, []byte(scriptPassword+"\n"), 0o600))
	says(0, "Next: popsync run bert", "", "--name", "bert", "--non-interactive", "--accept-host", "pop.hoster.example", "--password-file", "~/secret", "--maildir", "~/Mail/b", "bert@example.org")
	says(0, "Next: popsync run local", "", "--name", "local", "--non-interactive", "--server", "pop.guess.example", "--accept-host", "pop.guess.example", "--username", "local", "--password-command", "cat "+secret, "--maildir", "~/Mail/l", "local@private.example")
	if r := finish(t, p.command("run", "--quiet")); r.code != 0 {
		t.Errorf("run: %+v", r)
	}
	for _, account := range []string{"bert", "local"} {
		b, err := os.ReadFile(filepath.Join(p.home, ".config/popsync/accounts.d", account+".toml"))
		if err != nil || strings.Contains(string(b), scriptPassword) {
			t.Errorf("%s: %s, %v", account, b, err)
		}
	}
	says(78, "there is an account local already", "", "--name", "local", "--non-interactive", "x@example.org")
	if got := fmt.Sprint(arrived(t, filepath.Join(p.home, "Mail/b")).len(), arrived(t, filepath.Join(p.home, "Mail/l")).len()); got != "3 3" {
		t.Errorf("arrived: %s", got)
	}
}

// The other places that mail can go to, as they would be written.
func (n *internet) places(t *testing.T) {
	at := func(number string, more ...setupAnswer) []setupAnswer {
		return append([]setupAnswer{agreeing, {whereTo.asked, number + "\n"}}, more...)
	}
	for name, tt := range map[string]struct {
		talk []setupAnswer
		want []string
	}{
		"imap": {at("2", setupAnswer{`Its server, as HOST or HOST:PORT: $`, "me@x\n"}, setupAnswer{`for example imap.example.org[^$]*Its server, as HOST or HOST:PORT: $`, "imap.example.net\n"},
			setupAnswer{`User name there: $`, "me\n"}), []string{`address = "imap.example.net"`, `username = "me"`, `anna-web.deliver.password"`}},
		"gmail": {at("3", setupAnswer{`User name there: $`, "me@gmail.com\n"}), []string{`address = "imap.gmail.com:993"`, `username = "me@gmail.com"`}},
		"smtp": {at("4", setupAnswer{`Its server, as HOST or HOST:PORT: $`, "mail.example.net:587\n"}, setupAnswer{`Address that the mail is sent to: $`, "me@example.net\n"},
			setupAnswer{`User name there; Enter: no login: $`, "\n"}), []string{`address = "mail.example.net:587"`, `to = ["me@example.net"]`}},
	} {
		p := n.newcomer(t)
		s := sitDown(t, p.command("setup", "--print", "anna@web.de"))
		s.goes(tt.talk...)
		s.ends(0, append(tt.want, `host = "pop3.web.de"`)...)
		if name == "smtp" && strings.Contains(s.screen(), "deliver.password") {
			t.Errorf("a password without a login:\n%s", s.screen())
		}
		p.nothing()
	}
}

// A running daemon is told, and fetches.
func (n *internet) besideDaemon(t *testing.T) {
	p := n.newcomer(t)
	first := sitDown(t, p.command("setup", "bert@example.org"))
	first.goes(agreeing, whereTo, intoIt, there, original, secretly)
	first.ends(0)
	daemon := p.command("daemon")
	n.must(daemon.Start())
	t.Cleanup(func() { _ = daemon.Process.Kill(); _ = daemon.Wait() })
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if r := finish(t, p.command("wake", "bert-example")); r.code == 0 {
			break
		}
	}
	s := sitDown(t, p.command("setup", "carla@guess.example"))
	s.goes(typed("guess.example"), whereTo, intoIt, there, original, secretly)
	s.ends(0, "The running daemon has it now", "popsync wake carla-guess")
	if r := finish(t, p.command("run", "carla-guess")); r.code != 0 { // by the daemon
		t.Errorf("%+v", r)
	}
	if got := arrived(t, filepath.Join(p.home, "Mail/carla-guess")).len(); got != 3 {
		t.Errorf("%d messages", got)
	}
}
