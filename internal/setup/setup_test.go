package setup

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/discovery"
	"github.com/popsync/popsync/internal/exit"
)

// out is a resolver for which every host is on the Internet.
type out struct{ discovery.Resolver }

func (out) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("198.51.100.7")}, nil
}

// played is a setup whose world is played.
type played struct {
	World
	home         string
	looks, bases []string      // texts that were tried
	refuse       int           // so many logins are refused
	places       verdict.Class // of what is wrong with the place that mail goes to
	local        verdict.Class // of what is wrong on this machine
	depths       []Depth       // of looks without a login
	unmarked     int
	told         int
	out, errs    bytes.Buffer
}

func play(t *testing.T) *played {
	t.Helper()
	p := &played{home: t.TempDir()}
	p.World = World{
		Command: "popsync", Config: filepath.Join(p.home, "popsync/config.toml"), Missing: true, Folder: filepath.Join(p.home, "popsync/accounts.d"), Home: p.home,
		Finder: discovery.Finder{Resolver: out{}},
		Known:  func(string, string) (string, time.Duration) { return "", 0 },
		Sound:  func(Trial) error { return nil },
		Look: func(_ context.Context, t Trial, depth Depth) (Saw, error) {
			if depth != Whole {
				p.depths = append(p.depths, depth)
				if depth == Offline {
					return Saw{Worst: cmp.Or(p.local, verdict.OK)}, nil
				}
				return Saw{Worst: cmp.Or(p.places, verdict.OK)}, nil
			}
			p.looks = append(p.looks, string(t.Text))
			if p.places != "" {
				return Saw{Worst: p.places}, nil
			}
			class := p.answer()
			return Saw{class, class == verdict.Login}, nil
		},
		Baseline: func(_ context.Context, t Trial) error {
			p.bases = append(p.bases, string(t.Text))
			if p.answer() != verdict.OK {
				return exit.With(exit.Login, errors.New("refused"))
			}
			return nil
		},
		Unmark: func(context.Context, Trial) error { p.unmarked++; return nil },
		Reload: func(context.Context) (bool, error) { p.told++; return true, nil },
		Now:    func() time.Time { return time.Date(2026, 11, 29, 7, 0, 0, 0, time.UTC) },
	}
	return p
}

func (p *played) answer() verdict.Class {
	if p.refuse > 0 {
		p.refuse--
		return verdict.Login
	}
	return verdict.OK
}

// run runs without questions, with a password from standard input.
func (p *played) run(t *testing.T, r Request) error {
	t.Helper()
	in, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := w.WriteString("p\"4s\\s\nnot this\n"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	r.NonInteractive = true
	if r.PasswordFile == "" && !r.Credential && r.OAuth == "" {
		r.PasswordStdin = true
	}
	return Run(t.Context(), &console.Console{In: in, Out: &p.out, Err: &p.errs}, r, p.World)
}

func (p *played) read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(p.home, "popsync", name))
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

func (p *played) empty(t *testing.T) {
	t.Helper()
	if all, err := os.ReadDir(p.home); err != nil || len(all) > 0 {
		t.Errorf("left behind: %v, %v", all, err)
	}
}

// What is written, and that the password is in its own file only.
func TestWritten(t *testing.T) {
	p := play(t)
	if err := p.run(t, Request{Address: "Anna.B@web.de", AcceptHost: "POP3.web.de", Delete: "30d"}); err != nil {
		t.Fatal(err)
	}
	want := `# Anna.B@web.de, by popsync setup on 2026-11-29. The server is from: popsync's table of providers.
# All that can stand here is in config.example.toml.
[account.anna-b-web]
host = "pop3.web.de"
port = 995
tls = "implicit"
username = "Anna.B"
password_file = "HOME/popsync/accounts.d/anna-b-web.password"
# The provider wants 15 minutes between two logins.
schedule = "@every 20m"
delete = "30d"

[[account.anna-b-web.deliver]]
type = "maildir"
path = "HOME/Mail/anna-b-web"
`
	if got := strings.ReplaceAll(p.read(t, "accounts.d/anna-b-web.toml"), p.home, "HOME"); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := p.read(t, "accounts.d/anna-b-web.password"); got != "p\"4s\\s\n" {
		t.Errorf("the password is %q", got)
	}
	if len(p.looks) != 1 || !strings.Contains(p.looks[0], `password = "p\"4s\\s"`) || p.told != 1 {
		t.Errorf("looks: %q, told %d", p.looks, p.told)
	}
	for _, text := range []string{p.out.String(), p.errs.String(), p.read(t, "config.toml"), p.read(t, "accounts.d/anna-b-web.toml")} {
		if strings.Contains(text, "4s") {
			t.Errorf("the password is in\n%s", text)
		}
	}
	if !strings.Contains(p.errs.String(), "Not before 07:16") {
		t.Errorf("said:\n%s", p.errs.String())
	}
}

// Two logins, and nothing stays behind when both are refused, or when writing fails.
func TestTwoLogins(t *testing.T) {
	for _, fetch := range []string{"all", "new"} {
		p := play(t)
		p.refuse = 5
		err := p.run(t, Request{Address: "anna@web.de", AcceptHost: "pop3.web.de", Fetch: fetch})
		if exit.CodeOf(err) != exit.Login || len(p.looks)+len(p.bases) != 2 || p.told > 0 {
			t.Errorf("%s: %v, %d, %d", fetch, err, len(p.looks), len(p.bases))
		}
		p.empty(t)

		p = play(t)
		p.refuse = 1
		if err := p.run(t, Request{Address: "anna@web.de", AcceptHost: "pop3.web.de", Fetch: fetch}); err != nil {
			t.Errorf("%s: %v", fetch, err)
		}
		if text := p.read(t, "accounts.d/anna-web.toml"); !strings.Contains(text, `username = "anna@web.de"`) || (fetch == "new") != (len(p.bases) == 2) {
			t.Errorf("%s: %d baselines\n%s", fetch, len(p.bases), text)
		}

		p = play(t)
		look := func() {
			if err := os.MkdirAll(filepath.Join(p.Folder, "anna-web.toml"), 0o700); err != nil {
				t.Error(err)
			}
		}
		old, base := p.Look, p.Baseline
		p.Look = func(ctx context.Context, t Trial, depth Depth) (Saw, error) {
			look()
			return old(ctx, t, depth)
		}
		p.Baseline = func(ctx context.Context, t Trial) error { look(); return base(ctx, t) }
		err = p.run(t, Request{Address: "anna@web.de", AcceptHost: "pop3.web.de", Fetch: fetch})
		if exit.CodeOf(err) != exit.Config || (fetch == "new") != (p.unmarked == 1) {
			t.Errorf("%s: %v, unmarked %d", fetch, err, p.unmarked)
		}
		if left, err := os.ReadDir(p.Folder); err != nil || len(left) != 1 {
			t.Errorf("%s: left behind: %v, %v", fetch, left, err)
		}
	}
}

// What is no refusal of a login is not tried again.
func TestOtherTrouble(t *testing.T) {
	for class, code := range map[verdict.Class]int{verdict.Temporary: exit.Temp, verdict.Config: exit.Config} {
		p, looks := play(t), 0
		p.Look = func(context.Context, Trial, Depth) (Saw, error) { looks++; return Saw{Worst: class}, nil }
		if err := p.run(t, Request{Address: "anna@web.de", AcceptHost: "pop3.web.de"}); exit.CodeOf(err) != code || looks != 1 {
			t.Errorf("%v: %v, %d looks", class, err, looks)
		}
		p.empty(t)
	}
}

// A place that refuses the mail is no reason to log in again at the server with another user name; and it is seen before mail is marked.
func TestPlaceRefuses(t *testing.T) {
	for _, fetch := range []string{"all", "new"} {
		p := play(t)
		p.places = verdict.Login
		err := p.run(t, Request{Address: "anna@web.de", AcceptHost: "pop3.web.de", IMAP: "imap.example.net", To: "me", ToPasswordFile: "/s", Fetch: fetch})
		if exit.CodeOf(err) != exit.Login || !strings.Contains(err.Error(), "see above") || len(p.bases) > 0 ||
			(fetch == "all") != (len(p.looks) == 1) || (fetch == "new") != (len(p.depths) == 1 && p.depths[0] == Places) {
			t.Errorf("%s: %v, %d looks, %d baselines, %v", fetch, err, len(p.looks), len(p.bases), p.depths)
		}
		p.empty(t)
	}
}

// Where mail goes, and where its password is.
func TestPlaces(t *testing.T) {
	for name, tt := range map[string]struct {
		r    Request
		want []string
	}{
		"Gmail":      {Request{Gmail: "me@gmail.com", ToPasswordFile: "/s"}, []string{"type = \"imap\"\naddress = \"imap.gmail.com:993\"\nusername = \"me@gmail.com\"\npassword_file = \"/s\"\n"}},
		"IMAP":       {Request{IMAP: "imap.example.net", To: "me", ToPasswordFile: "~/s"}, []string{"address = \"imap.example.net\"\nusername = \"me\"\npassword_file = \"HOME/s\"\n"}},
		"SMTP":       {Request{SMTP: "localhost:25", To: "me@localhost.example"}, []string{"address = \"localhost:25\"\nto = [\"me@localhost.example\"]\n"}},
		"SMTP login": {Request{SMTP: "mail.example.net:587", To: "me@example.net", ToPasswordFile: "/s"}, []string{"username = \"me@example.net\"\npassword_file = \"/s\"\nfrom = \"me@example.net\"\nto = [\"me@example.net\"]\n"}},
		"credential": {Request{Credential: true}, []string{"delete = \"never\"\n", "# The password is the systemd credential popsync.anna-gmx.\n"}},
		"server":     {Request{Server: "pop.example.net:110", AcceptHost: "pop.example.net", User: "u"}, []string{"host = \"pop.example.net\"\nport = 110\ntls = \"starttls\"\nusername = \"u\"\n"}},
		"IDN":        {Request{Server: "pop.müller.example", AcceptHost: "POP.Müller.example"}, []string{"host = \"pop.xn--mller-kva.example\"\n"}},
		"odd port":   {Request{Server: "[2001:db8::1]:1995", AcceptHost: "2001:db8::1"}, []string{"host = \"2001:db8::1\"\nport = 1995\n"}},
	} {
		p := play(t)
		tt.r.Address = "anna@gmx.de"
		if tt.r.AcceptHost == "" {
			tt.r.AcceptHost = "pop.gmx.net"
		}
		if err := p.run(t, tt.r); err != nil {
			t.Errorf("%s: %v\n%s", name, err, p.errs.String())
			continue
		}
		text := strings.ReplaceAll(p.read(t, "accounts.d/anna-gmx.toml"), p.home, "HOME")
		for _, w := range tt.want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %q in\n%s", name, w, text)
			}
		}
	}
}

// What is refused before anybody logs in.
func TestRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		r    Request
		code int
	}{
		"no address":         {Request{Address: "anna"}, exit.Usage},
		"nobody agrees":      {Request{Address: "anna@gmx.de"}, exit.Config},
		"another host":       {Request{Address: "anna@gmx.de", AcceptHost: "gmx.net"}, exit.Config},
		"a typo":             {Request{Address: "anna@gnx.de"}, exit.Config},
		"two places":         {Request{Address: "anna@gmx.de", Maildir: "/m", SMTP: "h"}, exit.Usage},
		"two secrets":        {Request{Address: "anna@gmx.de", PasswordFile: "/s", OAuth: "x"}, exit.Usage},
		"a shell":            {Request{Address: "anna@gmx.de", PasswordCommand: "pass $X", PasswordFile: "/s"}, exit.Usage},
		"no grant":           {Request{Address: "anna@gmx.de", OAuth: "x"}, exit.Config},
		"OAuth only":         {Request{Address: "anna@outlook.com", AcceptHost: "outlook.office365.com"}, exit.Config},
		"a name":             {Request{Address: "anna@gmx.de", Name: "taken"}, exit.Config},
		"the mailbox":        {Request{Address: "carl@gmx.de", AcceptHost: "pop.gmx.net"}, exit.Config},
		"in other letters":   {Request{Address: "Carl@GMX.de", AcceptHost: "pop.gmx.net"}, exit.Config},
		"a port":             {Request{Address: "anna@gmx.de", Server: "h:0"}, exit.Usage},
		"a relative Maildir": {Request{Address: "anna@gmx.de", AcceptHost: "pop.gmx.net", Maildir: "Mail"}, exit.Usage},
	} {
		p := play(t)
		p.Accounts = []Account{{"taken", "pop.gmx.net", "carl@gmx.de"}}
		if err := p.run(t, tt.r); exit.CodeOf(err) != tt.code || len(p.looks)+len(p.bases) > 0 {
			t.Errorf("%s: %v", name, err)
		}
		p.empty(t)
	}
}

func TestNames(t *testing.T) {
	for text, want := range map[string]string{"Anna.B+x-web": "anna-b-x-web", "jørgen-example": "j-rgen-example", "--": "", strings.Repeat("a", 100): strings.Repeat("a", 64)} {
		if got := plain(text); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
	if got := quote("a\"\\\n\x7fü"); got != `"a\"\\\u000A\u007Fü"` {
		t.Error(got)
	}
}
