package acceptance_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// What a connection needs on this machine, and is not as it must be, is trouble like any other: status and healthcheck show it, also after
// a pass that went well, and a destination that has it stops no other.
func TestAcceptUnfitForConnections(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	messages := mailgen.Messages(1, 3, 300, 500)
	server := pop3test.NewServer(pop3test.Options{})
	t.Cleanup(server.Close)
	server.AddUser("me", "secret", boxOf(messages)...)
	addr, err := server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	h.account("work", addr, "me", "secret", "Mail")
	h.run(0)
	healthy := h.conf.String()
	with := func(more string) {
		h.conf.Reset()
		h.conf.WriteString(strings.Replace(healthy, `tls = "none"`, more, 1))
	}
	says := func(code int, want string, args ...string) {
		t.Helper()
		r := h.popsync(args...)
		if text := strings.Join(strings.Fields(r.out+r.err), " "); r.code != code || !strings.Contains(text, want) {
			t.Errorf("popsync %v: exit code %d, want %d and %q:\n%s%s", args, r.code, code, want, r.out, r.err)
		}
	}
	for _, c := range []struct{ lines, why string }{
		{"ca_file = \"/nosuch.pem\"", "ca_file: open /nosuch.pem: no such file"},
		{"tls_client_cert = \"/nosuch.pem\"\ntls_client_key = \"/nosuch.pem\"", "tls_client_cert: open /nosuch.pem: no such file"},
		{"tls = \"none\"\ninsecure_plaintext = true\nproxy = \"env\"", "ALL_PROXY in the environment"},
	} {
		h.env = []string{"ALL_PROXY=ftp://127.0.0.1:1", "NO_PROXY="}
		with(c.lines)
		h.run(78)
		says(0, c.why, "status", "work")
		says(0, c.why, "status", "--trouble")
		says(1, c.why, "healthcheck")
		says(78, c.why, "check")
		says(78, c.why, "check", "--offline")
		h.conf.Reset()
		h.conf.WriteString(healthy)
		h.run(0)
		says(0, "healthy", "healthcheck")
	}
	byToken := newHouse(t) // where the provider of OAuth is reached by the same way
	fmt.Fprintf(&byToken.conf, "[oauth.g]\nclient_id = \"x\"\nauth_url = \"https://127.0.0.1:1/a\"\ntoken_url = \"https://127.0.0.1:1/t\"\nscopes = [\"mail\"]\n"+
		"[account.work]\nhost = \"127.0.0.1\"\nport = %d\nproxy = \"env\"\nusername = \"me\"\noauth = \"g\"\n"+
		"[[account.work.deliver]]\ntype = \"maildir\"\npath = %q\n", addr.Port, byToken.mail("Mail"))
	byToken.env = []string{"ALL_PROXY=ftp://127.0.0.1:1", "NO_PROXY="}
	byToken.run(78)
	if r := byToken.popsync("status", "work"); !strings.Contains(strings.Join(strings.Fields(r.out), " "), "ALL_PROXY in the environment") {
		t.Errorf("%s", r.out)
	}
	for _, kind := range []string{"imap", "smtp"} {
		h := newHouse(t)
		h.account("work", addr, "me", "secret", "Mail")
		to := "folder = \"INBOX\""
		if kind == "smtp" {
			to = "from = \"me@b.example\"\nto = [\"me@b.example\"]"
		}
		fmt.Fprintf(&h.conf, "\n[[account.work.deliver]]\ntype = %q\naddress = \"127.0.0.1:1\"\nusername = \"you\"\npassword = \"secret\"\nca_file = \"/nosuch.pem\"\n%s\n", kind, to)
		h.run(78)
		same(t, wanted(messages...), arrived(t, h.mail("Mail")))
		r := h.popsync("status", "work")
		if text := strings.Join(strings.Fields(r.out), " "); !strings.Contains(text, "3 deliveries on the way to "+kind) || !strings.Contains(text, "ca_file: open /nosuch.pem") {
			t.Errorf("%s:\n%s", kind, r.out)
		}
	}
}
