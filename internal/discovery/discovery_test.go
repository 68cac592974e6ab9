package discovery

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const paccDoc = `{"protocols":{"pop3":{"host":"pop.pacc.example"},"imap":{}},"authentication":{"password":true},"info":{"provider":{"name":"Pacc"}},"more":[1]}`

func digest(doc string) string {
	sum := sha256.Sum256([]byte(doc))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Each source is used when those before it have nothing, and the first that has something wins.
func TestOrder(t *testing.T) {
	w := newWorld(t)
	auto := func(host string) string { return document(server(host, "995", "SSL", "%EMAILADDRESS%")) }
	w.addrs["pop.example.org"], w.pops["pop.example.org"] = "192.0.2.1", "+OK ready\r\n"
	steps := []struct {
		want    Source
		host    string
		prepare func()
	}{
		{FromGuess, "pop.example.org", func() {}},
		{FromSRV, "srv.example.org", func() { w.srv["_pop3s._tcp.example.org"] = []*net.SRV{{Target: "srv.example.org.", Port: 995}} }},
		{FromMX, "pop.hoster.example", func() {
			w.mx["example.org"] = []*net.MX{{Host: "MX1.mail.hoster.example.", Pref: 10}, {Host: "mx.other.example.", Pref: 20}}
			w.pages["autoconfig.hoster.example"] = page(auto("pop.hoster.example"))
		}},
		{FromISPDB, "ispdb.example.org", func() { w.pages["autoconfig.thunderbird.net"] = page(auto("ispdb.example.org")) }},
		{FromWellKnown, "wellknown.example.org", func() { w.pages["example.org"] = page(auto("wellknown.example.org")) }},
		{FromAutoconfig, "autoconfig.example.net", func() { w.pages["autoconfig.example.org"] = page(auto("autoconfig.example.net")) }},
		{FromPACC, "pop.pacc.example", func() {
			w.pages["ua-auto-config.example.org"] = page(paccDoc)
			w.txt["_ua-auto-config.example.org"] = []string{"v=spf1 -all", "x=1; d=" + digest(paccDoc) + "; a=sha256; v=UAAC1"}
		}},
	}
	for _, s := range steps {
		w.mu.Lock()
		s.prepare()
		w.mu.Unlock()
		f, misses, ok := w.find(t, "anna@example.org")
		if !ok || f.Source != s.want || f.Host != s.host || f.Port != 995 || f.StartTLS || f.Where == "" || len(f.Usernames) != 2 || len(misses) == 0 {
			t.Errorf("%s: %+v, %v, %+v", s.want, f, ok, misses)
		}
		if doubtful := s.want == FromGuess || s.want == FromMX; doubtful != (len(f.Doubts) > 0) {
			t.Errorf("%s: doubts %q", s.want, f.Doubts)
		}
	}
	for _, a := range w.asked {
		if strings.Contains(a, "anna") && !strings.HasPrefix(a, "autoconfig.example.org/") {
			t.Errorf("the address was sent to %s", a)
		}
	}
	if !slices.Contains(w.asked, "autoconfig.example.org/mail/config-v1.1.xml?emailaddress=anna%40example.org") {
		t.Errorf("asked: %q", w.asked)
	}
}

// What is in the table asks nobody. Nor does --offline.
func TestTableAsksNobody(t *testing.T) {
	w := newWorld(t)
	f, _, ok := w.find(t, "Anna@WEB.DE")
	if !ok || f.Source != FromTable || f.Host != "pop3.web.de" || f.Usernames[0] != "Anna" || f.Usernames[1] != "Anna@web.de" || f.Interval != 15*time.Minute || !f.Password || f.OAuth {
		t.Errorf("%+v", f)
	}
	if f, _, ok := w.find(t, "a@outlook.com"); !ok || f.Password || !f.OAuth {
		t.Errorf("%+v", f)
	}
	if f, _, ok := w.find(t, "a.b@ff.iij4u.or.jp"); !ok || !f.StartTLS || f.Port != 110 || f.Usernames[0] != "a.b.ff.iij4u.or.jp" {
		t.Errorf("%+v", f)
	}
	off := w.finder()
	off.Offline = true
	if f, misses, ok := off.Find(t.Context(), Address{"anna", "example.org"}); ok || len(misses) != 1 {
		t.Errorf("%+v %+v", f, misses)
	}
	if len(w.looks)+len(w.asked)+len(w.dials) > 0 {
		t.Errorf("asked: %q %q %q", w.looks, w.asked, w.dials)
	}
}

// Through MX, the table is asked first. DNS can be lied to, so a host in another domain is doubtful.
func TestMXTable(t *testing.T) {
	w := newWorld(t)
	w.mx["firm.example"] = []*net.MX{{Host: "firm-example.mail.protection.outlook.com.", Pref: 0}}
	if f, _, ok := w.find(t, "a@firm.example"); !ok || f.Host != "outlook.office365.com" || f.Source != FromMX || len(f.Doubts) != 1 || f.Password {
		t.Errorf("%+v", f)
	}
	w.mx["nomail.example"] = []*net.MX{{Host: ".", Pref: 0}}
	if f, _, ok := w.find(t, "a@nomail.example"); ok {
		t.Errorf("%+v", f)
	}
	w.srv["_pop3._tcp.nomail.example"] = []*net.SRV{{Target: "pop.elsewhere.example.", Port: 110}}
	w.srv["_pop3s._tcp.nomail.example"] = []*net.SRV{{Target: ".", Port: 0}}
	if f, _, ok := w.find(t, "a@nomail.example"); !ok || !f.StartTLS || f.Port != 110 || len(f.Doubts) != 1 {
		t.Errorf("%+v", f)
	}
}

// What a document may not do. The next source is asked then.
func TestHostileDocuments(t *testing.T) {
	deep := document(strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100))
	good := server("pop.example.org", "995", "SSL", "%EMAILADDRESS%")
	for name, doc := range map[string]string{
		"plain text only": document(server("pop.example.org", "110", "plain", "%EMAILADDRESS%")),
		"no POP3":         strings.ReplaceAll(document(good), "pop3", "imap"),
		"DTD":             strings.Replace(document(good), "<clientConfig", `<!DOCTYPE x [<!ENTITY a "aaaa">]><clientConfig`, 1),
		"deep":            deep,
		"huge":            document(good) + "<!--" + strings.Repeat("x", 64<<10) + "-->",
		"no XML":          "<html><body>Welcome!<br></body>",
		"empty":           "",
		"half":            document(good)[:200],
		"no host":         document(server("", "995", "SSL", "")),
		"an address":      document(server("192.0.2.1", "995", "SSL", "")),
		"a path":          document(server("pop.example.org/x", "995", "SSL", "")),
		"a port":          document(server("pop.example.org", "99999", "SSL", "")),
		"control":         document(server("pop.example.org", "995", "SSL", "a&#10;b")),
		"kerberos":        document(server("pop.example.org", "995", "SSL", "", "<authentication>GSSAPI</authentication>")),
	} {
		w := newWorld(t)
		w.pages["autoconfig.example.org"] = page(doc)
		if f, _, ok := w.find(t, "anna@example.org"); ok {
			t.Errorf("%s: %+v", name, f)
		}
	}
	for name, tt := range map[string]struct {
		doc  string
		want Found
	}{
		"TLS before STARTTLS":      {document(server("a.example.org", "110", "STARTTLS", ""), good), Found{Host: "pop.example.org", Port: 995, Usernames: []string{"anna@example.org", "anna"}, Named: true}},
		"STARTTLS":                 {document(server("a.%EMAILDOMAIN%", "110", "STARTTLS", "%EMAILLOCALPART%")), Found{Host: "a.example.org", Port: 110, StartTLS: true, Usernames: []string{"anna", "anna@example.org"}, Named: true}},
		"one bad of two":           {document(server("-", "x", "SSL", ""), good), Found{Host: "pop.example.org", Port: 995, Usernames: []string{"anna@example.org", "anna"}, Named: true}},
		"another user":             {document(server("pop.example.org", "995", "SSL", "u4711")), Found{Host: "pop.example.org", Port: 995, Usernames: []string{"u4711", "anna@example.org"}, Named: true, Doubts: []string{"the user name u4711 is not from your address"}}},
		"OAuth and check interval": {document(server("pop.example.org", "995", "SSL", "", "<authentication>OAuth2</authentication><pop3><checkInterval minutes='15'/></pop3>")), Found{Host: "pop.example.org", Port: 995, Usernames: []string{"anna@example.org", "anna"}, OAuth: true, Interval: 15 * time.Minute}},
	} {
		f, err := parseAutoconfig([]byte(tt.doc), Address{"anna", "example.org"})
		if err != nil || f.Host != tt.want.Host || f.Port != tt.want.Port || f.StartTLS != tt.want.StartTLS || !slices.Equal(f.Usernames, tt.want.Usernames) ||
			f.Named != tt.want.Named || f.OAuth != tt.want.OAuth || f.Interval != tt.want.Interval || !slices.Equal(f.Doubts, tt.want.Doubts) ||
			f.Provider != "Example Mail" || f.Enable != "https://example.org/pop3" {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

// Redirects go over https only, and nobody is told from where.
func TestRedirects(t *testing.T) {
	w := newWorld(t)
	to := func(where string) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, where, http.StatusFound) }
	}
	w.pages["autoconfig.example.org"] = to("https://host.example/config.xml")
	w.pages["host.example"] = page(document(server("pop.host.example", "995", "SSL", "")))
	if f, _, ok := w.find(t, "anna@example.org"); !ok || f.Host != "pop.host.example" || f.Source != FromAutoconfig {
		t.Errorf("%+v", f)
	}
	if strings.Join(w.froms, "") != "" {
		t.Errorf("told from where: %q", w.froms)
	}
	for _, where := range []string{"http://host.example/config.xml", "https://autoconfig.example.org/again", "ftp://host.example/"} {
		w.pages["autoconfig.example.org"] = to(where)
		f, misses, ok := w.find(t, "anna@example.org")
		if ok || !slices.ContainsFunc(misses, func(m Miss) bool { return m.Err != nil && strings.HasPrefix(m.Err.Error(), "it leads ") }) {
			t.Errorf("%s: %+v %+v", where, f, misses)
		}
	}
	// A certificate of another name.
	w.names["autoconfig.example.org"] = "host.example"
	w.pages["autoconfig.example.org"] = page(document(server("pop.host.example", "995", "SSL", "")))
	f, misses, ok := w.find(t, "anna@example.org")
	if ok || !slices.ContainsFunc(misses, func(m Miss) bool { return m.Err != nil && strings.Contains(m.Err.Error(), "certificate") }) {
		t.Errorf("%+v %+v", f, misses)
	}
}

// A document whose digest is not in DNS counts for nothing.
func TestPACC(t *testing.T) {
	for name, tt := range map[string]struct {
		doc string
		txt []string
		ok  bool
	}{
		"right":        {paccDoc, []string{"v=UAAC1; a=sha256; d=" + digest(paccDoc)}, true},
		"none":         {paccDoc, nil, false},
		"another":      {paccDoc, []string{"v=UAAC1; a=sha256; d=" + digest(paccDoc+" ")}, false},
		"another kind": {paccDoc, []string{"v=UAAC1; a=md5; d=" + digest(paccDoc)}, false},
		"no base64":    {paccDoc, []string{"v=UAAC1; a=sha256; d=%%%"}, false},
		"no JSON":      {"{", []string{"v=UAAC1; a=sha256; d=" + digest("{")}, false},
		"no POP3":      {`{"protocols":{"imap":{"host":"x.example"}}}`, []string{"v=UAAC1; a=sha256; d=" + digest(`{"protocols":{"imap":{"host":"x.example"}}}`)}, false},
	} {
		w := newWorld(t)
		w.pages["ua-auto-config.example.org"], w.txt["_ua-auto-config.example.org"] = page(tt.doc), tt.txt
		if f, misses, ok := w.find(t, "anna@example.org"); ok != tt.ok || ok && (f.Host != "pop.pacc.example" || f.Provider != "Pacc" || f.Named) {
			t.Errorf("%s: %+v %+v", name, f, misses)
		}
	}
}

// A guess counts only with a certificate of its name and a greeting of POP3.
func TestGuess(t *testing.T) {
	w := newWorld(t)
	w.addrs["mail.example.org"], w.addrs["pop.example.org"], w.addrs["pop3.example.org"] = "192.0.2.1", "192.0.2.1", "192.0.2.1"
	w.pops["pop3.example.org"] = "220 smtp ready\r\n"
	w.pops["pop.example.org"], w.names["pop.example.org"] = "+OK\r\n", "other.example"
	if f, _, ok := w.find(t, "anna@example.org"); ok {
		t.Errorf("%+v", f)
	}
	w.pops["mail.example.org"] = "+OK\r\n"
	if f, _, ok := w.find(t, "anna@example.org"); !ok || f.Host != "mail.example.org" || len(f.Doubts) != 1 {
		t.Errorf("%+v", f)
	}
	f := w.finder()
	f.NoGuess, w.dials = true, nil
	if found, _, ok := f.Find(t.Context(), Address{"anna", "example.org"}); ok || len(w.dials) > 0 {
		t.Errorf("%+v %q", found, w.dials)
	}
}

func TestPassing(t *testing.T) {
	w := newWorld(t)
	if _, misses, _ := w.find(t, "a@nowhere.example"); Passing(misses) {
		t.Errorf("%+v", misses)
	}
	w.down = true
	// Nobody waits for more of the same.
	if _, misses, _ := w.find(t, "a@nowhere.example"); !Passing(misses) || len(misses) != 5 || misses[4].Err.Error() != "DNS could not be asked: no such host" {
		t.Errorf("%+v", misses)
	}
}

// Where nobody could be asked, nobody knows that there is no server; and the reason is in words.
func TestNotAsked(t *testing.T) {
	unreachable := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}
	for _, err := range []error{
		&url.Error{Op: "Get", URL: "https://example.org/?anna", Err: context.DeadlineExceeded}, unreachable,
		&net.DNSError{Err: unreachable.Error(), Name: "example.org"}, // neither temporary nor a timeout, says package net
	} {
		if why := told(err); !Passing([]Miss{{"there", why}}) || strings.Contains(why.Error(), "context") || strings.Contains(why.Error(), "anna") {
			t.Errorf("%v: %v", err, why)
		}
	}
	if Passing([]Miss{{"there", errNoPOP3}, {"there", nil}}) {
		t.Error("who was asked and has nothing will have nothing the next time")
	}
}

// Who types the name of a host need not know its A-labels.
func TestHost(t *testing.T) {
	for text, want := range map[string]string{"POP.Müller.example.": "pop.xn--mller-kva.example", " pop.xn--mller-kva.example ": "pop.xn--mller-kva.example", "localhost": "", "a b.example": "", "": ""} {
		if got := Host(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestInside(t *testing.T) {
	w := newWorld(t)
	for i, ip := range []string{"127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.1.1", "100.64.0.1", "0.0.0.0", "::1", "fd00::1", "fe80::1", "::ffff:10.0.0.1"} {
		host := string(rune('a'+i)) + ".example"
		w.addrs[host] = ip
		if at, err := w.finder().Inside(t.Context(), host); err != nil || !at.IsValid() {
			t.Errorf("%s: %v %v", ip, at, err)
		}
		if at, err := w.finder().Inside(t.Context(), ip); err != nil || !at.IsValid() {
			t.Errorf("%s itself: %v %v", ip, at, err)
		}
	}
	w.addrs["out.example"] = "198.51.100.7"
	if at, err := w.finder().Inside(t.Context(), "out.example"); err != nil || at.IsValid() {
		t.Errorf("%v %v", at, err)
	}
	if _, err := w.finder().Inside(t.Context(), "none.example"); err == nil {
		t.Error("no error")
	}
}

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]string{
		"Anna@Example.ORG": "Anna@example.org", "anna@bücher.example.": "anna@xn--bcher-kva.example", "jørgen@example.dk": "jørgen@example.dk",
		"a+b@x-y.example.co.uk": "a+b@x-y.example.co.uk",
	} {
		if a, err := ParseAddress(text); err != nil || a.String() != want {
			t.Errorf("%s: %s, %v", text, a, err)
		}
	}
	for _, text := range []string{"", "anna", "@example.org", "anna@", "anna@localhost", "an na@example.org", "anna@exa mple.org", "anna@example.org/x", "a@b@c", "anna@192.0.2.1",
		"anna@[192.0.2.1]", "\x00@example.org", "anna@-x.example", "a\n@example.org", "anna@example..org", strings.Repeat("a", 400) + "@example.org"} {
		if a, err := ParseAddress(text); err == nil && text != "a@b@c" {
			t.Errorf("%q: %s", text, a)
		}
	}
}
