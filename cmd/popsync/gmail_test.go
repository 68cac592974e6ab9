package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver/gmail"
	"github.com/popsync/popsync/deliver/gmail/gmailtest"
	"github.com/popsync/popsync/deliver/spool"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/alarms"
	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/notify"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/oauthtest"
	"github.com/popsync/popsync/internal/status"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl/uidltest"
)

// forGmail is a message as most are; without a sender, Gmail does not want it.
func forGmail(i int, from bool) pop3test.Message {
	head := ""
	if from {
		head = "From: a@a.example\r\n"
	}
	return pop3test.Message{UID: fmt.Sprintf("uid-%05d", i), Data: fmt.Appendf(nil,
		"Received: from a.example by b.example id x%[1]d; Sat, 28 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%[1]d@a.example>\r\n%[2]sSubject: number %[1]d\r\n\r\nThe text of %[1]d.\r\n", i, head)}
}

// signIn stores a login as popsync login would.
func signIn(t *testing.T, a *app, cfg *config.Config, p *oauthtest.Provider) {
	t.Helper()
	source, _, err := a.tokenOf(cfg, gmailHolder("work", gmailOf(cfg)), "")
	if err != nil {
		t.Fatal(err)
	}
	access, refresh := p.Grant("me@gmail.com", "")
	token := oauth.Token{Access: oauth.NewSecret(access), Refresh: oauth.NewSecret(refresh), Got: time.Now(), Expires: time.Now().Add(time.Hour), Subject: "1001", Email: "me@gmail.com"}
	if err := source.Put(t.Context(), token); err != nil {
		t.Fatal(err)
	}
}

func gmailOf(cfg *config.Config) config.Deliver {
	for _, d := range cfg.Accounts[0].Deliver {
		if d.Gmail != nil {
			return d
		}
	}
	panic("there is none")
}

// gmailWorld is an account whose mail goes to a Gmail of the test's.
type gmailWorld struct {
	*testing.T
	a    *app
	cfg  *config.Config
	box  *gmailtest.Server
	dir  string
	file string
}

// newGmailWorld makes one with n messages, of which those that are named have no sender. destinations is the TOML of the account's, with the
// provider google. HOME is its folder.
func newGmailWorld(t *testing.T, n int, destinations func(address, ca string) string, bad ...int) *gmailWorld {
	t.Helper()
	w := &gmailWorld{T: t, dir: t.TempDir()}
	t.Setenv("HOME", w.dir)
	server := pop3test.NewServer(pop3test.Options{})
	t.Cleanup(server.Close)
	var all []pop3test.Message
	for i := range n {
		all = append(all, forGmail(i, !slices.Contains(bad, i)))
	}
	server.AddUser("u", "p", all...)
	pop, err := server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	p := oauthtest.New(oauthtest.Options{})
	w.box = gmailtest.New(gmailtest.Options{Quota: -1, Token: func(token string) ([]string, bool) {
		_, ok := p.Valid(token)
		return []string{"https://mail.google.com/"}, ok
	}})
	t.Cleanup(w.box.Close)
	addr, err := w.box.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(w.dir, "ca.pem")
	w.file = filepath.Join(w.dir, "config.toml")
	conf := fmt.Sprintf("state_dir = %q\n[account.work]\nhost = \"127.0.0.1\"\nport = %d\ntls = \"none\"\nusername = \"u\"\npassword = \"p\"\nalarm = false\n%s",
		filepath.Join(w.dir, "state"), pop.Port, destinations(addr, ca))
	for name, text := range map[string]string{ca: string(w.box.CA), w.file: conf} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{"Mail", "state"} {
		if err := os.Mkdir(filepath.Join(w.dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.a = &app{Console: &console.Console{Out: io.Discard, Err: io.Discard}, configFile: w.file, providers: p}
	w.a.pacers.Minute = 50 * time.Millisecond
	if w.cfg, err = w.a.load(); err != nil {
		t.Fatal(err)
	}
	signIn(t, w.a, w.cfg, p)
	return w
}

// pass makes one pass, as popsync run would.
func (w *gmailWorld) pass() fetcher.Report {
	w.Helper()
	rep, err := fetching{w.a}.demoPass(w.Context(), w.cfg)
	if err != nil {
		w.Fatal(err)
	}
	return rep
}

// Many messages, of which Gmail forbids two: all others are there, these two are in the fallback, and status says which and why.
func TestGmailForbidsTwo(t *testing.T) {
	n := 80
	if os.Getenv("POPSYNC_LARGE") != "" {
		n = 5000
	}
	w := newGmailWorld(t, n, func(address, ca string) string {
		return fmt.Sprintf("[oauth.google]\nprovider = \"google\"\nclient_id = \"c\"\nclient_secret = \"s\"\n"+
			"[[account.work.deliver]]\ntype = \"gmail\"\naddress = %q\nca_file = %q\nusername = \"me@gmail.com\"\noauth = \"google\"\n"+
			"[[account.work.deliver]]\ntype = \"maildir\"\npath = \"~/Refused\"\nfallback = true\n", address, ca)
	}, n/3, n/2)
	file := w.file
	for range 2 {
		if rep := w.pass(); rep.Verdict.Class != verdict.OK {
			t.Errorf("%+v", rep)
		}
	}
	if got := len(w.box.Messages()); got != n-2 {
		t.Errorf("Gmail has %d messages", got)
	}
	refused, err := os.ReadDir(filepath.Join(w.dir, "Refused", "new"))
	if err != nil || len(refused) != 2 {
		t.Errorf("the fallback has %d, %v", len(refused), err)
	}
	var out, errs bytes.Buffer
	code := execute(t.Context(), []string{"--config", file, "status", "--json", "work"}, &console.Console{Out: &out, Err: &errs})
	var said status.Account
	if err := json.Unmarshal(out.Bytes(), &said); err != nil {
		t.Fatalf("exit code %d, %v: %s%s", code, err, out.String(), errs.String())
	}
	told := said.Diverted
	if len(told) != 2 || told[0].Destination != "gmail" || !strings.Contains(told[0].Reason, "Expected a single 'From' header") ||
		told[0].UID == told[1].UID || !strings.Contains(fmt.Sprintf("uid-%05d uid-%05d", n/3, n/2), told[0].UID) {
		t.Errorf("status says %+v", told)
	}
	out.Reset()
	execute(t.Context(), []string{"--config", file, "status", "work"}, &console.Console{Out: &out, Err: &errs})
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{fmt.Sprintf("gmail refused uid-%05d, and the fallback has it", n/3), "Expected a single 'From' header"} {
		if !strings.Contains(text, want) {
			t.Errorf("status does not say %q:\n%s", want, out.String())
		}
	}
}

// The login ends in the midst of everything: a person is told once, nothing is tried without a token, and after a login all goes on.
func TestDaemonGmailLogin(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { gmailLogin(t, dir) })
}

func gmailLogin(t *testing.T, dir string) {
	p := oauthtest.New(oauthtest.Options{})
	server := pop3test.NewServer(pop3test.Options{})
	defer server.Close()
	box := gmailtest.New(gmailtest.Options{Token: func(token string) ([]string, bool) {
		_, ok := p.Valid(token)
		return []string{"https://mail.google.com/"}, ok
	}})
	box.Serve()
	defer box.Close()
	file := filepath.Join(dir, "config.toml")
	conf := fmt.Sprintf("state_dir = %q\nschedule = \"@every 10m\"\n[log]\nlevel = \"error\"\n[control]\nsocket = \"off\"\n[alarm]\nmaildir = false\n"+
		"[oauth.google]\nprovider = \"google\"\nclient_id = \"c\"\nclient_secret = \"s\"\n"+
		"[account.work]\nhost = \"h.example\"\ntls = \"none\"\ninsecure_plaintext = true\nusername = \"u\"\npassword = \"p\"\n"+
		"[[account.work.deliver]]\ntype = \"gmail\"\nusername = \"me@gmail.com\"\noauth = \"google\"\n", dir)
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{Console: &console.Console{Out: io.Discard, Err: io.Discard}, configFile: file, providers: p}
	cfg, err := a.load()
	if err != nil {
		t.Fatal(err)
	}
	signIn(t, a, cfg, p)
	var mail []pop3test.Message
	more := func(n int) {
		for range n {
			mail = append(mail, forGmail(len(mail), true))
		}
		server.AddUser("u", "p", mail...)
	}
	more(5)
	log, err := openLog(io.Discard, false, config.Log{Level: "error", Format: "json"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	ledger := uidltest.NewMemory().Open()
	defer ledger.Close()
	d, err := serving{a}.newService(cfg, ledger, log, func(cfg *config.Config, c config.Account) (fetcher.Account, error) {
		acc, err := serving{a}.wireUnasked(cfg, c)
		if err != nil {
			return acc, err
		}
		acc.Server.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			return server.Dial(ctx, network, addr)
		}
		source, _, err := a.tokenOf(cfg, gmailHolder("work", gmailOf(cfg)), "")
		if err != nil {
			return acc, err
		}
		o := gmail.Options{Username: "me@gmail.com", Labels: []string{"INBOX"}, Token: source.Token, Dial: box.Dial, TLSConfig: box.Trust(), Pacers: &a.pacers}
		sender, err := gmail.New(o)
		acc.Destinations[0].Target = spool.New(spool.Options{Root: spoolRoot(cfg), Where: o.Where(), Account: "work", Destination: "gmail", Sender: sender})
		return acc, err
	})
	if err != nil {
		t.Fatal(err)
	}
	told := &mouth{all: map[string][]tolding{}}
	d.Config.Alarms.Shared = []alarms.Way{{Channel: told}}
	ended := make(chan error, 1)
	go func() {
		_, err := d.Run(ctx, make(chan os.Signal, 1))
		ended <- err
	}()
	pass := func(d time.Duration) {
		time.Sleep(d)
		synctest.Wait()
	}
	pass(30 * time.Minute)
	if n := len(box.Messages()); n != 5 {
		t.Errorf("%d messages at first", n)
	}
	p.End()
	more(3)
	pass(24 * time.Hour)
	asked, refused := box.Calls("import"), p.Counts().Refused
	if n := len(box.Messages()); n != 5 || asked > 6 {
		t.Errorf("%d messages without a login, %d requests", n, asked)
	}
	all := told.of("work")
	if len(all) != 1 || !all[0].Person || !strings.Contains(all[0].Next, "popsync login work/gmail") {
		t.Errorf("told: %+v", all)
	}
	if refused != 1 {
		t.Errorf("Google was asked %d times to renew what it had ended", refused)
	}
	signIn(t, a, cfg, p)
	pass(12 * time.Hour)
	if n := len(box.Messages()); n != 8 {
		t.Errorf("%d messages after the login", n)
	}
	if all := told.of("work"); len(all) != 2 || all[1].Kind != notify.Recovered {
		t.Errorf("told: %+v", all)
	}
	stop(nil)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// The demonstration has what is awkward about Gmail.
func TestDemoGmail(t *testing.T) {
	var out bytes.Buffer
	if code := execute(t.Context(), []string{"demo", "--gmail"}, &console.Console{In: os.Stdin, Out: &out, Err: &out}); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, out.String())
	}
	for what, n := range map[string]int{"every byte the same": 9, "refused by Gmail; in the fallback": 2, "merged by Gmail with the first": 1, "  0 new": 1} {
		if got := strings.Count(out.String(), what); got != n {
			t.Errorf("%q is there %d times, want %d:\n%s", what, got, n, out.String())
		}
	}
}

// The recipes of the README and of docs/gmail.md, as they are written, but for where Gmail is.
func TestGmailRecipes(t *testing.T) {
	for _, name := range []string{"README.md", "docs/gmail.md"} {
		doc, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		_, text, ok := strings.Cut(string(doc), "```toml\n[oauth.google]\n")
		if text, _, _ = strings.Cut(text, "```"); !ok || !strings.Contains(text, "type     = \"gmail\"") {
			t.Fatalf("%s has no recipe", name)
		}
		w := newGmailWorld(t, 5, func(address, ca string) string {
			return strings.Replace("[oauth.google]\n"+text, "type     = \"gmail\"", fmt.Sprintf("address = %q\nca_file = %q\ntype = \"gmail\"", address, ca), 1)
		}, -1)
		if rep := w.pass(); rep.Verdict.Class != verdict.OK || rep.New != 5 {
			t.Errorf("%s: %+v", name, rep)
		}
		all := w.box.Messages()
		if len(all) != 5 || !slices.Equal(all[0].Labels, []string{"INBOX", "UNREAD"}) {
			t.Errorf("%s: Gmail has %d messages", name, len(all))
		}
	}
}
