package acceptance_test

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// trustCase is a server with its TLS, what an account or a destination says of it, and what comes of that.
type trustCase struct {
	name     string
	cert     *paper
	args     []string // further ones of openssl s_server
	keys     []string // of the configuration
	class    string   // "": it logs in
	words    []string // in what check says
	starts   bool     // only where TLS begins by a command
	hidden   bool
	injected bool
}

// Servers with all kinds of certificates and of old TLS, by POP3, by SMTP and by IMAP, from the first octet and by STLS or STARTTLS: each is
// let in or refused in words of its own, and one that is refused gets no password.
func TestAcceptTrust(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("needs openssl: sh tools/test-deps.sh")
	}
	t.Parallel()
	p := &papers{t: t, dir: t.TempDir()}
	p.key = p.newKey()
	ca, foreign := p.issue("Our CA", nil, p.newKey(), authority), p.issue("Foreign CA", nil, p.newKey(), authority)
	good := p.issue("good", ca, nil, nil)
	alone, other := p.issue("alone", nil, nil, nil), p.issue("other", nil, ca.key, nil)
	expired := p.issue("expired", ca, nil, func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(0, 0, -3) })
	early := p.issue("early", ca, nil, func(c *x509.Certificate) { c.NotBefore = time.Now().AddDate(0, 0, 3) })
	named := p.issue("named", ca, nil, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"mail.hoster.example"} })
	unknown := p.issue("unknown", foreign, nil, nil)
	sha1 := p.issue("sha1", ca, nil, func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA })
	own := p.issue("own", ca, nil, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })

	trusted := fmt.Sprintf("ca_file = %q", ca.certFile)
	pinned := func(all ...*paper) string {
		var keys []string
		for _, m := range all {
			keys = append(keys, fmt.Sprintf("%q", m.pin()))
		}
		return "tls_pin = [" + strings.Join(keys, ", ") + "]"
	}
	legacy := []string{trusted, "tls_legacy = true"}
	weakest := "@SECLEVEL=0"
	tls10 := []string{"-tls1", "-cipher", "ALL:" + weakest}
	rsa := []string{"-tls1_2", "-cipher", "AES128-GCM-SHA256:" + weakest}
	dhe := []string{"-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256:" + weakest}
	asks := []string{"-Verify", "1", "-verify_return_error", "-CAfile", ca.certFile}
	offer := `tls_pin = "` + alone.pin() + `"` // all have the same key but for those with one of their own
	cases := []trustCase{
		{name: "good", cert: good, keys: []string{trusted}, words: []string{"encrypted (TLS 1.3", "certificate verified"}},
		{name: "expired", cert: expired, keys: []string{trusted}, class: "config", words: []string{"the server's certificate expired on ", "the server's owner must renew it", offer}},
		{name: "early", cert: early, keys: []string{trusted}, class: "config", words: []string{"is not valid before", "if this machine's clock is wrong, set it", offer}},
		{name: "wrong name", cert: named, keys: []string{trusted}, class: "config",
			words: []string{"is for mail.hoster.example, not for 127.0.0.1", `set tls_server_name = "mail.hoster.example"`, offer}},
		{name: "its name", cert: named, keys: []string{trusted, `tls_server_name = "mail.hoster.example"`}, words: []string{"certificate verified"}},
		{name: "self-signed", cert: alone, class: "config", words: []string{"is self-signed", "its key is " + alone.pin(), offer}},
		{name: "unknown CA", cert: unknown, keys: []string{trusted}, class: "config", words: []string{`was issued by "Foreign CA", which this machine does not trust`, "ca_file", offer}},
		{name: "pin", cert: alone, keys: []string{pinned(alone)}, words: []string{"key pinned", "were not looked at"}},
		{name: "pin of what expired", cert: expired, keys: []string{pinned(alone)}, words: []string{"key pinned"}},
		{name: "rotation", cert: other, keys: []string{pinned(alone, other)}, words: []string{"key pinned"}},
		{name: "pin mismatch", cert: other, keys: []string{pinned(alone)}, class: "config",
			words: []string{"the server's key is " + other.pin(), "which is not pinned in tls_pin", `tls_pin = "` + other.pin() + `"`}},
		{name: "pin of the issuer", cert: good, args: []string{"-cert_chain", ca.certFile}, keys: []string{pinned(ca)}, class: "config", words: []string{"only the server's own key counts"}},
		{name: "TLS 1.0", cert: good, args: tls10, keys: []string{trusted}, class: "config", words: []string{"the server speaks no TLS newer than 1.", "tls_legacy = true"}},
		{name: "TLS 1.0 let in", cert: good, args: tls10, keys: legacy, words: []string{"WEAK: TLS 1.0", "certificate verified", "old TLS is allowed"}},
		{name: "TLS 1.0, expired", cert: expired, args: tls10, keys: legacy, class: "config", words: []string{"expired on"}},
		{name: "RSA", cert: good, args: rsa, keys: []string{trusted}, class: "config", words: []string{"no safe encryption in common", "tls_legacy = true helps"}},
		{name: "RSA let in", cert: good, args: rsa, keys: legacy, words: []string{"WEAK: RSA key exchange", "certificate verified"}},
		{name: "DHE", cert: good, args: dhe, keys: legacy, class: "config", words: []string{"such as DHE key exchange"}},
		{name: "SHA-1", cert: sha1, args: []string{"-cipher", "ALL:" + weakest}, keys: []string{trusted}, class: "config", words: []string{"is signed by means of SHA-1", offer}},
		{name: "TLS 1.2 at most", cert: good, args: []string{"-tls1_2"}, keys: []string{trusted, `tls_min_version = "1.3"`}, class: "config",
			words: []string{"the server speaks no TLS 1.3, which tls_min_version demands"}},
		{name: "legacy without need", cert: good, keys: legacy, words: []string{"this server does not need tls_legacy: it has TLS 1.3"}},
		{name: "asks for ours", cert: good, args: asks, keys: []string{trusted}, class: "config", words: []string{"wants a client certificate", "tls_client_cert"}},
		{name: "gets ours", cert: good, args: asks, keys: []string{trusted, fmt.Sprintf("tls_client_cert = %q\ntls_client_key = %q", own.certFile, own.keyFile)}, words: []string{"certificate verified"}},
		{name: "stripped", cert: good, keys: []string{trusted}, class: "any", words: []string{"the server offers no TLS here", "somebody may sit in between"}, starts: true, hidden: true},
		{name: "injected", cert: good, keys: []string{trusted}, class: "temporary", words: []string{"in plaintext", "that could be somebody between", "no password was sent"}, starts: true, injected: true},
	}
	h := newHouse(t)
	var all []*trustTry
	for i, tt := range cases {
		for _, start := range []bool{false, true} {
			if tt.starts && start || !tt.starts && (large() || start == (i%2 == 1)) { // else a sample
				all = append(all, tryTrust(t, h, &tt, start, len(all)))
			}
		}
	}
	r := h.popsync("check", "--json")
	for _, line := range strings.Split(strings.TrimSpace(r.out), "\n") {
		var sheet struct {
			Account  string
			Findings []finding
		}
		if err := json.Unmarshal([]byte(line), &sheet); err != nil {
			t.Fatalf("%v: %s%s", err, line, r.err)
		}
		for _, try := range all {
			if try.account == sheet.Account {
				try.judge(t, sheet.Findings)
			}
		}
	}
	for _, try := range all {
		if !try.judged {
			t.Errorf("%s: nothing was said: %s", try.name, r.err)
		}
	}
}

// finding is what check says of an account: see docs/json.md.
type finding struct {
	Part, Destination, Text, Class string
	NextStep                       string `json:"next_step"`
}

// trustTry is a case by POP3, SMTP and IMAP.
type trustTry struct {
	*trustCase
	account    string
	pop3, smtp *opensslServer
	imap       *opensslServer
	judged     bool
}

func tryTrust(t *testing.T, h *house, tt *trustCase, start bool, n int) *trustTry {
	try := &trustTry{trustCase: tt, account: fmt.Sprintf("a%d", n)}
	serve := func(protocol string) (*opensslServer, int) {
		s := &opensslServer{t: t, speaks: dialects[protocol], start: start, hidden: tt.hidden,
			args: append([]string{"-cert", tt.cert.certFile, "-key", tt.cert.keyFile}, tt.args...)}
		if tt.injected {
			s.injected = map[string]string{"pop3": "+OK logged in\r\n", "smtp": "250 mx.example\r\n", "imap": "* PREAUTH welcome\r\n"}[protocol]
		}
		return s, s.listen()
	}
	var port, to, into int
	try.pop3, port = serve("pop3")
	try.smtp, to = serve("smtp")
	try.imap, into = serve("imap")
	mode := `tls = "implicit"`
	if start {
		mode = `tls = "starttls"`
	}
	keys := strings.Join(append([]string{mode}, tt.keys...), "\n")
	h.add(try.account, "127.0.0.1", port, "u"+try.account, marker, try.account, keys)
	fmt.Fprintf(&h.conf, "\n[[account.%s.deliver]]\ntype = \"smtp\"\nname = \"relay\"\naddress = %q\nusername = \"u%s\"\npassword = %q\nto = [\"me@x.example\"]\n%s\n",
		try.account, net.JoinHostPort("127.0.0.1", fmt.Sprint(to)), try.account, marker, keys)
	fmt.Fprintf(&h.conf, "\n[[account.%s.deliver]]\ntype = \"imap\"\nname = \"box\"\naddress = %q\nusername = \"u%s\"\npassword = %q\nfolder = \"Archive\"\n%s\n",
		try.account, net.JoinHostPort("127.0.0.1", fmt.Sprint(into)), try.account, marker, keys)
	return try
}

func (try *trustTry) judge(t *testing.T, findings []finding) {
	try.judged = true
	for _, side := range []struct {
		server *opensslServer
		part   string
	}{{try.pop3, ""}, {try.smtp, "relay"}, {try.imap, "box"}} {
		name := try.name + ", POP3"
		switch side.part {
		case "relay":
			name = try.name + ", SMTP"
		case "box":
			name = try.name + ", IMAP"
		}
		if side.server.start {
			name += " by a command"
		}
		text, class := "", ""
		for _, f := range findings {
			if f.Destination == side.part || f.Part == "configuration" {
				text += f.Text + " | " + f.NextStep + "\n"
				if f.Class != "" {
					class = f.Class
				}
			}
		}
		in := class == "" && strings.Contains(text, "logged in as u"+try.account)
		if in != (try.class == "") || try.class != "any" && class != try.class {
			t.Errorf("%s: logged in: %v, class %q, want %q:\n%s", name, in, class, try.class, text)
		}
		for _, w := range try.words {
			if !strings.Contains(text, w) {
				t.Errorf("%s:\n%slacks %q", name, text, w)
			}
		}
		// Those that are let in got it, so that it would be found elsewhere.
		if got := side.server.gotSecret("u"+try.account, marker); got != in {
			t.Errorf("%s: the password came to the server: %v", name, got)
		}
	}
}
