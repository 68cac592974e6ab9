package smtp

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/pop3/pop3test"
)

const marker = "h9-m4rk3r-secret"

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func login(o *Options) {
	o.Username = "me"
	o.Password = func(context.Context) (string, error) { return marker, nil }
	o.AllowPlain = true
}

// TestAuth plays each way of logging in and of being refused. No error may hold the secret, however it is echoed.
func TestAuth(t *testing.T) {
	plain := "AUTH PLAIN " + b64("\x00me\x00"+marker)
	response := b64("\x00me\x00" + marker)
	good := script{mailCmd, rcpt, data, text}
	for _, tt := range []struct {
		name, auth, offer string
		turns             []string // command, reply
		short             string
	}{
		{"plain", "", "AUTH LOGIN PLAIN", []string{plain, "235 ok"}, "ok"},
		{"old offer", "auto", "AUTH=LOGIN PLAIN", []string{plain, "235 ok"}, "ok"},
		{"no initial response", "plain", "AUTH PLAIN", []string{plain, "334 ", response, "235 ok"}, "ok"},
		{"login", "", "AUTH CRAM-MD5 LOGIN", []string{"AUTH LOGIN", "334 VXNlcm5hbWU6", b64("me"), "334 UGFzc3dvcmQ6", b64(marker), "235 ok"}, "ok"},
		{"login, odd prompts", "login", "AUTH LOGIN", []string{"AUTH LOGIN", "334", b64("me"), "334 !!not base64!!", b64(marker), "235 ok"}, "ok"},
		{"login, not offered", "login", "HELP", []string{"AUTH LOGIN", "334", b64("me"), "334", b64(marker), "235 ok"}, "ok"},
		{"refused", "", "AUTH PLAIN", []string{plain, "535 5.7.8 no " + marker + " " + response + " " + b64(marker)}, "target permanent"},
		{"refused for now", "", "AUTH PLAIN", []string{plain, "454 4.7.0 later " + marker}, "target"},
		{"login, user refused", "login", "AUTH LOGIN", []string{"AUTH LOGIN", "334", b64("me"), "535 no"}, "target permanent"},
		{"login, endless", "login", "AUTH LOGIN", []string{"AUTH LOGIN", "334", b64("me"), "334", b64(marker), "334 more?", "*", "501 stopped"}, "target permanent"},
		{"plain, endless", "plain", "AUTH PLAIN", []string{plain, "334", response, "334 more", "*", "501 stopped"}, "target permanent"},
		{"odd", "plain", "AUTH PLAIN", []string{plain, "250 " + marker}, "target"},
		{"nonsense", "plain", "AUTH PLAIN", []string{plain, marker}, "target"},
		{"in capitals", "", "AUTH PLAIN", []string{plain, "535 5.7.8 no " + strings.ToUpper(marker+" "+response)}, "target permanent"},
		{"at the edge", "", "AUTH PLAIN", []string{plain, "535 5.7.8 " + strings.Repeat("a", 493) + marker}, "target permanent"},
		{"within more base64", "", "AUTH PLAIN", []string{plain, "535 5.7.8 " + b64("xy"+marker+" is wrong")}, "target permanent"},
		{"nothing offered", "", "AUTH CRAM-MD5", nil, "target"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := hello(tt.offer)
			for i := 0; i < len(tt.turns); i += 2 {
				s = s.and(turn{tt.turns[i] + "\r\n", tt.turns[i+1] + "\r\n"})
			}
			if tt.short == "ok" {
				s = s.and(good...)
			}
			r := newRig(t, s)
			sender := r.sender(func(o *Options) { login(o); o.Auth = tt.auth })
			err := sender.Send(t.Context(), outgoing("id1", letter))
			wants(t, err, tt.short)
			for _, secret := range []string{marker[:6], response[8:16], b64(marker)[:8], b64("xy" + marker)[8:16]} {
				if err != nil && strings.Contains(strings.ToLower(err.Error()), strings.ToLower(secret)) {
					t.Errorf("the secret is in %q", err)
				}
			}
			r.end(sender)
		})
	}
}

// TestSecretFails: without a password nothing is tried, and what went wrong is kept.
func TestSecretFails(t *testing.T) {
	locked := errors.New("the keyring is locked")
	for _, tt := range []struct {
		secret string
		err    error
	}{{"", locked}, {"", nil}, {"a\x00b", nil}} {
		r := newRig(t, hello("AUTH PLAIN"))
		s := r.sender(func(o *Options) {
			login(o)
			o.Password = func(context.Context) (string, error) { return tt.secret, tt.err }
		})
		err := s.Send(t.Context(), outgoing("id1", letter))
		wants(t, err, "target", "password")
		if tt.err != nil && !errors.Is(err, locked) {
			t.Error(err)
		}
		r.end(s)
	}
}

// TestNoPasswordInTheClear: neither the constructor nor a session lets it out.
func TestNoPasswordInTheClear(t *testing.T) {
	r := newRig(t, hello("AUTH PLAIN"))
	o := r.options()
	login(&o)
	o.AllowPlain = false
	if _, err := New(o); err == nil {
		t.Error("permitted")
	}
	s := r.sender(login)
	s.o.AllowPlain = false
	wants(t, s.Send(t.Context(), outgoing("id1", letter)), "target", errPlain.Error())
	r.end(s)
}

func servers(t *testing.T, names ...string) (*tls.Config, *tls.Config) {
	t.Helper()
	ca, err := pop3test.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.Server(names...)
	if err != nil {
		t.Fatal(err)
	}
	return server, &tls.Config{RootCAs: ca.Pool()}
}

// TestTLS: verified, from the start or after STARTTLS; what was learned before is forgotten.
func TestTLS(t *testing.T) {
	server, client := servers(t, "mx.example.org")
	ehlo := hello("SIZE", "AUTH PLAIN")[1]
	before := hello("STARTTLS", "AUTH LOGIN", "SMTPUTF8")
	start := turn{"STARTTLS\r\n", "220 go\r\n"}
	auth := turn{"AUTH PLAIN " + b64("\x00me\x00"+marker) + "\r\n", "235 ok\r\n"}
	sized := turn{"MAIL FROM:<a@b.example> SIZE=20\r\n", "250 ok\r\n"}
	for _, tt := range []struct {
		name  string
		s     script
		mode  TLSMode
		cfg   *tls.Config
		short string
		words string
	}{
		{"implicit", script{secure}.and(hello("SIZE", "AUTH PLAIN")...).and(auth, sized, rcpt, data, text), ImplicitTLS, client, "ok", ""},
		{"STARTTLS", before.and(start, secure, ehlo, auth, sized, rcpt, data, text), StartTLS, client, "ok", ""},
		{"not offered", hello("AUTH PLAIN"), StartTLS, client, "target", "STARTTLS"},
		{"refused", before.and(turn{start.want, "454 not now\r\n"}), StartTLS, client, "target", "not now"},
		{"injected", before.and(turn{start.want, "220 go\r\n250 forged\r\n"}, silent), StartTLS, client, "target", "that could be somebody between"},
		{"unknown issuer", before.and(start, secure), StartTLS, nil, "target permanent", "certificate was issued by"},
		{"other name", before.and(start, secure), StartTLS, &tls.Config{RootCAs: client.RootCAs, ServerName: "other.example"}, "target permanent", "not for other.example"},
		{"not TLS", before.and(turn{start.want, "220 go\r\n"}, hangUp), StartTLS, client, "target", "TLS handshake"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.s)
			r.tls = server
			s := r.sender(func(o *Options) { login(o); o.AllowPlain = false; o.TLS = tt.mode; o.TLSConfig = tt.cfg })
			wants(t, s.Send(t.Context(), outgoing("id1", letter)), tt.short, tt.words)
			r.end(s)
		})
	}
}

// TestHelo: the argument is always legal.
func TestHelo(t *testing.T) {
	for name, want := range map[string]string{"host.example": "host.example", "my host_1": "my-host-1", "": "localhost", "..": "localhost", "-": "localhost", "ü": "localhost"} {
		if got := legalName(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
	o := Options{}
	for _, a := range []net.Addr{nil, &net.TCPAddr{IP: net.ParseIP("192.0.2.1")}, &net.TCPAddr{IP: net.ParseIP("2001:db8::1")}, &net.TCPAddr{}} {
		if got := o.heloName(a); !validDomain(got) && !validLiteral(got) {
			t.Errorf("%v: %q", a, got)
		}
	}
}

// TestCheck names the recipients to the server and sends nothing.
func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name   string
		turns  []turn
		change func(*Options)
		short  string
	}{
		{"good", []turn{mailCmd, rcpt, rset}, nil, "ok"},
		{"recipient", []turn{mailCmd, {rcpt.want, "550 no\r\n"}, rset}, nil, "target permanent envelope"},
		{"sender", []turn{{mailCmd.want, "451 no\r\n"}, rset}, nil, "target envelope"},
		{"original", []turn{{"MAIL FROM:<>\r\n", "250 ok\r\n"}, rcpt, rset}, func(o *Options) { o.From = "original" }, "ok"},
		{"by header", nil, func(o *Options) { o.To = nil; o.EnvelopeHeader = "X-To"; o.AllowDomains = []string{"y.example"} }, "ok"},
		{"lost", []turn{mailCmd, hangUp}, nil, "target"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, hello().and(tt.turns...))
			s := r.sender(tt.change)
			wants(t, s.Check(t.Context(), ""), tt.short)
			r.end(s)
		})
	}
}

// TestLook: what was looked at is told apart from what was not.
func TestLook(t *testing.T) {
	for _, tt := range []struct {
		name   string
		turns  []turn
		change func(*Options)
		want   Sight
		short  string
	}{
		{"all", []turn{mailCmd, rcpt, rset}, nil, Sight{Connected: true, Asked: true, From: "a@b.example"}, "ok"},
		{"refused", []turn{mailCmd, {rcpt.want, "550 no\r\n"}, rset}, nil, Sight{Connected: true, Asked: true, From: "a@b.example"}, "target permanent envelope"},
		{"null", []turn{{"MAIL FROM:<>\r\n", "250 ok\r\n"}, rcpt, rset}, func(o *Options) { o.From = "null" }, Sight{Connected: true, Asked: true}, "ok"},
		{"by header", nil, func(o *Options) { o.To = nil; o.EnvelopeHeader = "X-To"; o.AllowDomains = []string{"y.example"} }, Sight{Connected: true}, "ok"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, hello().and(tt.turns...))
			s := r.sender(tt.change)
			saw, err := s.Look(t.Context())
			wants(t, err, tt.short)
			if saw != tt.want {
				t.Errorf("saw %+v, want %+v", saw, tt.want)
			}
			r.end(s)
		})
	}
}

// TestLookAtTLSFirst: a server that waits for TLS is found out after seconds, not after the minutes that a greeting may take.
func TestLookAtTLSFirst(t *testing.T) {
	ca, err := pop3test.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := ca.Server("mx.example.org")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		second script
		change func(*Options)
		words  string
	}{
		"starttls":          {script{secure, silent}, func(o *Options) { o.TLS, o.TLSConfig = StartTLS, &tls.Config{RootCAs: ca.Pool()} }, "expects TLS at once"},
		"none":              {script{secure, silent}, nil, "expects TLS at once"},
		"says nothing ever": {script{silent}, nil, "did not answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, script{silent}, tt.second)
				r.tls = conf
				s := r.sender(tt.change)
				began := time.Now()
				_, err := s.Look(t.Context())
				took := time.Since(began)
				short := "target"
				if tt.words == "expects TLS at once" {
					short += " permanent"
				}
				wants(t, err, short, tt.words)
				if most := 2 * probeTime; short != "target" && took > most || took > 2*checkReply {
					t.Errorf("it took %v", took)
				}
				r.wg.Wait()
				for i := range r.rest {
					r.rest[i] = "" // what TLS says
				}
				r.end(s)
			})
		})
	}
}

// TestOptions: what makes no sense is said before any connection.
func TestOptions(t *testing.T) {
	for words, change := range map[string]func(*Options){
		"host:port":               func(o *Options) { o.Address = "mx.example.org" },
		"unix:/path is for LMTP":  func(o *Options) { o.Address = "unix:/run/x" },
		"absolute path":           func(o *Options) { o.LMTP = true; o.Address = "unix:x" },
		"needs the name":          func(o *Options) { o.LMTP = true; o.Address = "unix:/run/x"; o.TLS = ImplicitTLS },
		"come together":           func(o *Options) { o.Username = "me" },
		"is not an address":       func(o *Options) { o.From = "a b@c" },
		"recipient \"a b\"":       func(o *Options) { o.To = []string{"a b"} },
		"no recipient":            func(o *Options) { o.To = nil },
		"not both":                func(o *Options) { o.EnvelopeHeader = "X"; o.AllowDomains = []string{"a"} },
		"list of allowed domains": func(o *Options) { o.To = nil; o.EnvelopeHeader = "X" },
		"name of a header field":  func(o *Options) { o.To = nil; o.EnvelopeHeader = "X:"; o.AllowDomains = []string{"a"} },
		"negative":                func(o *Options) { o.EnvelopeSkip = -1 },
		"unknown choice \"cram\"": func(o *Options) { o.Auth = "cram" },
		"bare CR":                 func(o *Options) { o.BareCR = "x" },
		"long lines":              func(o *Options) { o.LongLines = "x" },
		"NUL":                     func(o *Options) { o.NUL = "x" },
		"TLS mode":                func(o *Options) { o.TLS = 7 },
		"helo":                    func(o *Options) { o.Helo = "a b" },
		"trace host":              func(o *Options) { o.TraceBy = "a\r\nb" },
	} {
		r := newRig(t)
		o := r.options()
		change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("want %q, got %v", words, err)
		}
	}
	s, err := New(Options{LMTP: true, Address: "unix:/run/lmtp", TLS: NoTLS, To: []string{"vmail"}})
	if err != nil {
		t.Fatal(err)
	}
	if network, address := s.o.endpoint(); network != "unix" || address != "/run/lmtp" {
		t.Error(network, address)
	}
}
