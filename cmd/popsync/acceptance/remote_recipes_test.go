package acceptance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/deliver/delivertest/postfix"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// recipe is the TOML in a section of docs/recipes.md.
func recipe(t testing.TB, title string) string {
	t.Helper()
	for _, r := range recipes(t) {
		if r.title == title {
			return r.text
		}
	}
	t.Fatalf("docs/recipes.md has no TOML in a section %q", title)
	return ""
}

type titled struct{ title, text string }

func recipes(t testing.TB) (all []titled) {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "recipes.md"))
	if err != nil {
		t.Fatal(err)
	}
	for section := range strings.SplitSeq(string(doc), "\n## ") {
		title, section, _ := strings.Cut(section, "\n")
		if _, text, ok := strings.Cut(section, "```toml\n"); ok {
			text, _, _ = strings.Cut(text, "```\n")
			all = append(all, titled{title, text})
		}
	}
	return all
}

// Every recipe with TOML in it has a test here.
func TestRecipesTried(t *testing.T) {
	tried := map[string]string{
		"Postfix on this machine":                                 "TestAcceptRemoteFidelity",
		"Dovecot, by LMTP over a unix socket":                     "TestAcceptRemoteFidelity",
		"Into an IMAP mailbox":                                    "TestAcceptIMAPRecipes",
		"Into a mailbox file":                                     "TestAcceptMboxRecipe",
		"One mailbox for a whole domain":                          "TestAcceptRemoteCatchAll",
		"Everything into my main mailbox, over SMTP with a login": "TestAcceptRemoteLogin",
		"An archive beside it":                                    "TestAcceptRemoteArchive",
		"A quarantine for what is refused":                        "TestAcceptRemoteQuarantine",
	}
	for _, r := range recipes(t) {
		if tried[r.title] == "" {
			t.Errorf("the recipe %q is not tested", r.title)
		}
		delete(tried, r.title)
	}
	for title := range tried {
		t.Errorf("docs/recipes.md has no recipe %q", title)
	}
}

// guarded is a Postfix that takes mail only under TLS, from who logs in as "me@example.org" with dovecot.Password.
func guarded(t *testing.T) *postfix.Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "popsync-auth-") // short and open to others, as the path of a socket has to be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "auth")
	logins := dovecot.Start(t, dovecot.Options{Extra: fmt.Sprintf("service auth {\n  unix_listener %s {\n    mode = 0666\n  }\n}", socket)})
	logins.AddUser("me@example.org")
	return postfix.Start(t, postfix.Options{Users: []string{"me"}, TLS: true, SASL: socket})
}

// loginAt is a destination with a login, changed to be at a server of this test.
func loginAt(t *testing.T, text string, s *postfix.Server) string {
	t.Helper()
	_, port, _ := strings.Cut(s.Addr, ":")
	return replace(t, text, "mail.example.org:587", postfix.Host+":"+port,
		`["pass", "show", "mail/main"]`, fmt.Sprintf(`["printf", %q]`, dovecot.Password)) + fmt.Sprintf("ca_file = %q\n", s.CAFile)
}

func TestAcceptRemoteLogin(t *testing.T) {
	t.Parallel()
	server := guarded(t)
	text := loginAt(t, recipe(t, "Everything into my main mailbox, over SMTP with a login"), server)
	messages := mailgen.Messages(14, 50, 500, 5000)
	arrivesOnce(t, messages, text, func() [][]byte { return server.Messages("me") })
	if got := server.Messages("me")[0]; !strings.HasPrefix(string(got), "Return-Path: <me@example.org>\n") {
		t.Errorf("the envelope's sender is another one: %.100q", got)
	}
	for name, wrong := range map[string]string{
		"a wrong password":    replace(t, text, dovecot.Password, "wrong"),
		"an unknown issuer":   replace(t, text, server.CAFile, dovecot.Start(t, dovecot.Options{}).CAFile),
		"no login":            replace(t, text, "username =", "helo =", "password_command =", "#", "me@example.org\"\n#", "a.example\"\n#"),
		"a login without TLS": replace(t, text, `"starttls"`, `"none"`, "ca_file", "#"),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			pop, addr := serve(t, pop3test.Options{}, boxOf(messages[:5]))
			h.work(addr, wrong, `delete = "after-delivery"`)
			r := h.popsync("run")
			if r.code == 0 || r.err == "" {
				t.Errorf("exit code %d: %s", r.code, r.err)
			}
			if left := len(pop.Messages("u")); left != 5 {
				t.Errorf("%d left on the server", left)
			}
		})
	}
	if n := len(server.Messages("me")); n != len(messages) {
		t.Errorf("%d messages arrived", n)
	}
}

// The mail server is down for a while: the archive goes on, and every message is fetched once.
func TestAcceptRemoteArchive(t *testing.T) {
	t.Parallel()
	server := postfix.Start(t, postfix.Options{Users: []string{"me"}})
	text := replace(t, recipe(t, "An archive beside it"), "localhost:25", server.Addr)
	messages := mailgen.Messages(15, 60, 500, 5000)
	var retrieved atomic.Int64
	h := newHouse(t)
	pop, addr := serve(t, pop3test.Options{OnCommand: func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
		if verb == "RETR" {
			retrieved.Add(1)
		}
		return nil
	}}, boxOf(messages[:40]))
	empty := h.conf.String()
	h.work(addr, replace(t, text, server.Addr, "127.0.0.1:1"), `delete = "after-delivery"`)
	h.run(75)
	same(t, wanted(messages[:40]...), arrived(t, h.mail("Mail/archive")))
	if left := len(pop.Messages("u")); left != 40 {
		t.Errorf("%d left on the server", left)
	}
	h.conf.Reset()
	h.conf.WriteString(empty)
	h.work(addr, text, `delete = "after-delivery"`)
	pop.Deliver("u", boxOf(messages)[40:]...)
	h.again()
	h.run(0)
	same(t, wanted(messages...), arrived(t, h.mail("Mail/archive")))
	same(t, relayed(messages...), untraced(t, server.Messages("me")))
	if left := len(pop.Messages("u")); left != 0 || retrieved.Load() != int64(len(messages)) {
		t.Errorf("%d left on the server, %d retrieved", left, retrieved.Load())
	}
	h.nothingWaits()
}

// again lets what has to wait be tried at once.
func (h *house) again() {
	h.t.Helper()
	for _, table := range []string{"account", "message", "delivery"} {
		h.exec("UPDATE " + table + " SET next_try = 0")
	}
}

// What Postfix refuses for its size, and after the data for what is in it, goes to the fallback and stays on the server.
func TestAcceptRemoteQuarantine(t *testing.T) {
	t.Parallel()
	server := postfix.Start(t, postfix.Options{Users: []string{"me"}, SizeLimit: 50_000, Checks: "/^Subject: .*refuse this/ REJECT not this one\n"})
	good := mailgen.Messages(16, 30, 500, 5000)
	bad := [][]byte{
		[]byte("From: a@a.example\r\nSubject: please refuse this\r\n\r\nbody\r\n"),
		mailgen.Messages(17, 1, 60_000, 60_000)[0],
	}
	h := newHouse(t)
	box := boxOf(append(append(append([][]byte{}, good[:10]...), bad...), good[10:]...))
	pop, addr := serve(t, pop3test.Options{}, box)
	h.work(addr, replace(t, recipe(t, "A quarantine for what is refused"), "localhost:25", server.Addr), `delete = "after-delivery"`)
	h.run(0)
	h.run(0)
	same(t, relayed(good...), untraced(t, server.Messages("me")))
	same(t, wanted(bad...), arrived(t, h.mail("Mail/quarantine")))
	if left := len(pop.Messages("u")); left != len(bad) {
		t.Errorf("%d left on the server", left)
	}
	h.nothingWaits()
}

// One mailbox for a domain: each message goes to those of it whom its fields name, and to nobody else.
func TestAcceptRemoteCatchAll(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := &sink{t: t, unix: filepath.Join(h.dir, "lmtp"), seen: map[string]int{}}
	t.Cleanup(s.stop)
	s.start()
	head := func(fields string) []byte { return []byte(fields + "Subject: x\r\n\r\nbody\r\n") }
	_, addr := serve(t, pop3test.Options{}, boxOf([][]byte{
		head("Delivered-To: example-org-ada@example.org\r\n"),
		head("Delivered-To: example-org-ada@example.org\r\nDelivered-To: example-org-bob@example.org\r\n"),
		head("Delivered-To: x@elsewhere.example, example-org-eve@example.org\r\n"),
	}))
	h.work(addr, replace(t, recipe(t, "One mailbox for a whole domain"), "/run/dovecot/lmtp", s.unix))
	h.run(0)
	var got []string
	for _, m := range s.messages() {
		got = append(got, strings.Join(m.to, ","))
	}
	slices.Sort(got)
	if want := "ada@example.org ada@example.org bob@example.org eve@example.org"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %s", got, want)
	}
	h.nothingWaits()
}

// A server that refuses everything after the data, or everybody before: nothing is taken for a message's fault.
func TestAcceptRemoteRefusesAll(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]postfix.Options{
		"unknown recipient": {},
		"no relaying":       {Users: []string{"me"}, Extra: "smtpd_relay_restrictions = reject"},
	} {
		t.Run(name, func(t *testing.T) {
			server := postfix.Start(t, o)
			h := newHouse(t)
			pop, addr := serve(t, pop3test.Options{}, boxOf(mailgen.Messages(18, 20, 500, 5000)))
			h.work(addr, replace(t, recipe(t, "A quarantine for what is refused"), "localhost:25", server.Addr), `delete = "after-delivery"`)
			for range 3 {
				r := h.popsync("run")
				if r.code == 0 || strings.Count(r.err, "\n") > 3 {
					t.Errorf("exit code %d: %s", r.code, r.err)
				}
				h.again()
			}
			if got := len(arrived(t, h.mail("Mail/quarantine"))); got != 0 {
				t.Errorf("%d in the quarantine", got)
			}
			if left := len(pop.Messages("u")); left != 20 {
				t.Errorf("%d left on the server", left)
			}
		})
	}
}

// Of two recipients one does not exist: the other gets each message once, however often the rest is tried.
func TestAcceptRemoteHalf(t *testing.T) {
	t.Parallel()
	server := dovecot.Start(t, dovecot.Options{LMTP: true})
	server.AddUser("me")
	messages := mailgen.Messages(19, 10, 500, 5000)
	h := newHouse(t)
	pop, addr := serve(t, pop3test.Options{}, boxOf(messages))
	h.work(addr, replace(t, recipe(t, "Dovecot, by LMTP over a unix socket"), "/run/dovecot/lmtp", server.LMTP,
		`to = ["me@example.org"]`, `to = ["nobody@example.org", "me@example.org"]`), `delete = "after-delivery"`)
	for i := range 4 {
		if r := h.popsync("run"); r.code != 78 || !strings.Contains(r.err, "<nobody@example.org>") {
			t.Errorf("run %d: exit code %d: %s", i, r.code, r.err)
		}
		same(t, relayed(messages...), untraced(t, maildirMessages(t, server.Maildir("me"))))
		h.again()
	}
	if left := len(pop.Messages("u")); left != len(messages) {
		t.Errorf("%d left on the server", left)
	}
	server.AddUser("nobody")
	time.Sleep(1100 * time.Millisecond) // Dovecot looks at its list of users once a second
	h.run(0)
	for _, user := range []string{"me", "nobody"} {
		same(t, relayed(messages...), untraced(t, maildirMessages(t, server.Maildir(user))))
	}
	if left := len(pop.Messages("u")); left != 0 {
		t.Errorf("%d left on the server", left)
	}
	h.nothingWaits()
}
