package setup

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/discovery"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
)

// What comes next is said as it has to be typed, and where mail is not marked yet that shall not be fetched, nobody is told to fetch.
func TestNext(t *testing.T) {
	for name, tt := range map[string]struct {
		r     Request
		want  string
		lacks string
		told  int
	}{
		"another configuration": {Request{}, "The running daemon has it now, and fetches by its schedule. To fetch at once: popsync --config /x wake anna-gmx", "Next:", 1},
		"later, only new":       {Request{Credential: true, Fetch: "new"}, "Next: popsync --config /x baseline anna-gmx, as only new mail is wanted; a running daemon is told after that, by: popsync --config /x reload\nThen: popsync --config /x run anna-gmx\n", "running daemon has", 0},
		"OAuth, only new":       {Request{OAuth: "mine", Fetch: "new"}, "Next: popsync --config /x login anna-gmx\nThen: popsync --config /x baseline anna-gmx, as only", "running daemon has", 0},
		"OAuth":                 {Request{OAuth: "mine"}, "Next: popsync --config /x login anna-gmx\nThen: popsync --config /x run anna-gmx\n", "baseline", 1},
	} {
		p := play(t)
		p.Command, p.Grants = "popsync --config /x", []Grant{{Name: "mine"}}
		tt.r.Address, tt.r.AcceptHost = " anna@gmx.de ", "pop.gmx.net"
		err := p.run(t, tt.r)
		if said := p.errs.String(); err != nil || !strings.Contains(said, tt.want) || strings.Contains(said, tt.lacks) || p.told != tt.told {
			t.Errorf("%s: %v, told %d\n%s", name, err, p.told, said)
		}
	}
}

// lost is a resolver that knows no host, or reaches nobody.
type lost struct {
	discovery.Resolver
	none bool
}

func (l lost) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	return nil, &net.DNSError{Err: "no answer", Name: host, IsNotFound: l.none}
}

// A server that is not there is known before anything is asked, and where nobody logs in it need not be there.
func TestNoHost(t *testing.T) {
	for none, code := range map[bool]int{true: exit.Config, false: exit.Temp} {
		p := play(t)
		p.Finder.Resolver = lost{none: none}
		if err := p.run(t, Request{Address: "anna@gmx.de", AcceptHost: "pop.gmx.net"}); exit.CodeOf(err) != code || len(p.looks) > 0 || !strings.Contains(err.Error(), "pop.gmx.net") {
			t.Errorf("%v", err)
		}
		p.empty(t)
		if err := p.run(t, Request{Address: "anna@gmx.de", AcceptHost: "pop.gmx.net", Credential: true}); err != nil {
			t.Errorf("%v", err)
		}
	}
}

// Files that are in the way are known before anybody logs in, whichever it is.
func TestInTheWay(t *testing.T) {
	for _, name := range []string{"anna-gmx.toml", "anna-gmx.password", "anna-gmx.deliver.password"} {
		p := play(t)
		if err := os.MkdirAll(p.Folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(p.Folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.run(t, Request{Address: "anna@gmx.de", AcceptHost: "pop.gmx.net"}); exit.CodeOf(err) != exit.Config || !strings.Contains(err.Error(), name+" is there already") || len(p.looks) > 0 {
			t.Errorf("%s: %v, %d looks", name, err, len(p.looks))
		}
	}
}

// What is said by flags is looked at before a server is looked for.
func TestFlagsFirst(t *testing.T) {
	for _, r := range []Request{{Name: "a b"}, {Delete: "soon"}, {Delete: "soon", Print: true}} {
		p, sounds := play(t), 0
		p.Finder.Resolver = lost{}
		p.Sound = func(tr Trial) error {
			sounds++
			if text := string(tr.Text); strings.Contains(text, `"a b"`) || strings.Contains(text, `delete = "soon"`) {
				return exit.Errorf(exit.Config, "not sound")
			}
			return nil
		}
		r.Address = "anna@gmx.de"
		if err := p.run(t, r); err == nil || err.Error() != "not sound" || sounds != 1 || p.errs.Len() > 0 {
			t.Errorf("%+v: %v\n%s", r, err, p.errs.String())
		}
		p.empty(t)
	}
}

func TestIsServer(t *testing.T) {
	for text, want := range map[string]bool{"imap.example.org": true, "imap.example.org:993": true, "localhost:25": true, "[2001:db8::1]:993": true, "2001:db8::1": true,
		"": false, "imap.example.org:": false, "imap.example.org:x": false, "imap.example.org:70000": false, ":993": false, "imaps://imap.example.org": false, "me@example.org": false, "a b": false} {
		if isServer(text) != want {
			t.Errorf("%q", text)
		}
	}
}

// What is printed says what else it needs; and nothing is written.
func TestPrinted(t *testing.T) {
	p := play(t)
	p.Command = "popsync --config /x"
	if err := p.run(t, Request{Address: "anna@gmx.de", Print: true, Fetch: "new", PasswordFile: ""}); err != nil {
		t.Fatal(err)
	}
	p.empty(t)
	if !strings.HasPrefix(p.out.String(), "# ") {
		t.Errorf("printed:\n%s", p.out.String())
	}
	for _, want := range []string{"accounts.d/anna-gmx.toml", "popsync --config /x baseline anna-gmx", p.home + "/Mail\n"} {
		if !strings.Contains(p.errs.String(), want) {
			t.Errorf("no %q in\n%s", want, p.errs.String())
		}
	}
}

// After a refusal the password is named first, and the time that the provider wants.
func TestAfterRefusal(t *testing.T) {
	for address, want := range map[string]string{
		"anna@gmx.de": "see that user name and password are right, and say it again; many providers lock a mailbox after three refusals",
		"anna@web.de": "see that user name and password are right; switch it on; then say it again, not before 07:16",
	} {
		p := play(t)
		p.refuse = 2
		p.Known = func(host, _ string) (string, time.Duration) {
			if host == "pop3.web.de" {
				return "switch it on", 15 * time.Minute
			}
			return "", 0
		}
		err := p.run(t, Request{Address: address, AcceptHost: map[string]string{"anna@gmx.de": "pop.gmx.net", "anna@web.de": "pop3.web.de"}[address]})
		if step := nextstep.Of(err); step != want {
			t.Errorf("%s: %s", address, step)
		}
	}
}

// A password file that is not there costs no login, wherever mail goes.
func TestLocalFirst(t *testing.T) {
	p := play(t)
	p.local = verdict.Config
	if err := p.run(t, Request{Address: "anna@gmx.de", AcceptHost: "pop.gmx.net", SMTP: "h.example", To: "a@h.example", ToPasswordFile: "/gone"}); exit.CodeOf(err) != exit.Config || len(p.looks) > 0 {
		t.Errorf("%v, %d looks", err, len(p.looks))
	}
	p.empty(t)
}

// A Maildir that cannot be costs no login.
func TestMaildirFirst(t *testing.T) {
	p := play(t)
	p.places = verdict.Config
	if err := p.run(t, Request{Address: "anna@gmx.de", AcceptHost: "pop.gmx.net"}); exit.CodeOf(err) != exit.Config || len(p.looks) > 0 {
		t.Errorf("%v, %d looks", err, len(p.looks))
	}
	p.empty(t)
}
