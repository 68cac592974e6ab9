package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// served gives a connection to a server that shakes hands with conf and sends a letter.
func served(t *testing.T, conf *tls.Config) net.Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		raw, err := l.Accept()
		if err != nil {
			return
		}
		defer raw.Close()
		s := tls.Server(raw, conf)
		if s.Handshake() == nil {
			_, _ = s.Write([]byte("x"))
		}
		_ = raw.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, raw)
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// played gives a connection on which a server says something and waits for the client to hang up.
func played(t *testing.T, text string) net.Conn {
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		go func() { _, _ = io.WriteString(server, text) }()
		_, _ = io.Copy(io.Discard, server)
	}()
	t.Cleanup(func() { client.Close() })
	return client
}

// first shakes hands and reads what comes first.
func first(c *Conn) error {
	err := c.HandshakeContext(context.Background())
	if err == nil {
		_, err = c.Read(make([]byte, 1))
	}
	return err
}

// explained compares the class of an error and looks for words in its text and its hint.
func explained(t *testing.T, err error, class Class, lasting bool, words ...string) {
	t.Helper()
	var f *Failure
	if !errors.As(err, &f) {
		t.Errorf("%T: %v", err, err)
		return
	}
	if f.Class != class || f.Class.Lasting() != lasting {
		t.Errorf("%q (lasting: %v), want %q (%v): %v", f.Class, f.Class.Lasting(), class, lasting, err)
	}
	all := f.Error() + " | " + f.Hint()
	for _, w := range words {
		if !strings.Contains(all, w) {
			t.Errorf("%s\nlacks %q", all, w)
		}
	}
}

// Why TLS cannot come about is told from what may be otherwise tomorrow, and in words that help.
func TestFailures(t *testing.T) {
	ca := newCert(t, nil, authority("Our CA"))
	good := newCert(t, ca, nil)
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	server := func(c *made, change func(*tls.Config), more ...*made) *tls.Config {
		conf := &tls.Config{Certificates: []tls.Certificate{c.pair(more...)}}
		if change != nil {
			change(conf)
		}
		return conf
	}
	days := func(from, to int) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().AddDate(0, 0, from), time.Now().AddDate(0, 0, to)
		}
	}
	expired, early := newCert(t, ca, days(-30, -3)), newCert(t, ca, days(3, 30))
	other := newCert(t, ca, func(c *x509.Certificate) {
		c.DNSNames = []string{"*.hoster.example", "mail.hoster.example", "c.example", "d.example", "e.example"}
	})
	nameless := newCert(t, ca, func(c *x509.Certificate) { c.DNSNames = nil })
	alone := newCert(t, nil, nil)
	rogue := newCert(t, newCert(t, nil, authority("Rogue\x1b[31m CA")), func(c *x509.Certificate) {
		c.DNSNames, c.Subject = []string{"elsewhere.example"}, pkix.Name{CommonName: "\x1b]0;x\a"}
	})
	lapsed := newCert(t, ca, func(c *x509.Certificate) { authority("Lapsed CA")(c); days(-30, -1)(c) })
	below := newCert(t, lapsed, nil)
	clients := newCert(t, ca, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	wants := func(version uint16) func(*tls.Config) {
		return func(c *tls.Config) {
			c.ClientAuth, c.ClientCAs, c.MaxVersion = tls.RequireAndVerifyClientCert, roots, version
		}
	}
	stale := newCert(t, ca, func(c *x509.Certificate) {
		days(-30, -1)(c)
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
	ours := Options{ClientCert: file(t, "own.pem", stale.certPEM(), stale.keyPEM(t))}
	versions := func(from, to uint16) func(*tls.Config) {
		return func(c *tls.Config) { c.MinVersion, c.MaxVersion = from, to }
	}
	clock := func(c *tls.Config) { c.Time = func() time.Time { return time.Unix(1000, 0) } }
	hello := func(version, suite string) string {
		return "\x16\x03\x02\x00\x2a\x02\x00\x00\x26" + version + strings.Repeat("r", 32) + "\x00" + suite + "\x00"
	}
	pin := Pin(alone.cert)
	for _, tt := range []struct {
		name    string
		conn    net.Conn
		o       Options
		change  func(*tls.Config)
		class   Class
		lasting bool
		words   []string
	}{
		{"expired", served(t, server(expired, nil)), Options{}, nil, "expired", true, []string{"expired on 20", "clock says", "no password was sent", `tls_pin = "` + Pin(expired.cert) + `"`, "owner has confirmed"}},
		{"expired issuer", served(t, server(below, nil, lapsed)), Options{}, nil, "expired", true, []string{`the certificate of "Lapsed CA", which issued the server's, expired`}},
		{"not yet valid", served(t, server(early, nil)), Options{}, nil, "not yet valid", true, []string{"is not valid before", "if this machine's clock is wrong, set it"}},
		{"wrong clock", served(t, server(good, nil)), Options{}, clock, "wrong clock", false, []string{"clock says 1970-01-01 00:16 UTC, which is wrong", "set the clock"}},
		{"wrong name", served(t, server(other, nil)), Options{}, nil, "wrong name", true, []string{
			"is for *.hoster.example, mail.hoster.example, c.example and 2 more names, not for h.example", `tls_server_name = "mail.hoster.example"`, `tls_pin = "` + Pin(other.cert) + `"`}},
		{"wrong name of nobody we know", served(t, server(rogue, nil)), Options{}, nil, "wrong name", true, []string{"is for elsewhere.example, not for h.example; | "[:0], "log in to that first", "tls_pin"}},
		{"no name", served(t, server(nameless, nil)), Options{}, nil, "wrong name", true, []string{`names no host (only "h.example", which does not count any more)`}},
		{"self-signed", served(t, server(alone, nil)), Options{}, nil, "self-signed", true, []string{"is self-signed, so it proves nothing; its key is " + pin, `tls_pin = "` + pin + `"`}},
		{"unknown CA", served(t, server(rogue, nil)), Options{ServerName: "elsewhere.example"}, nil, "unknown CA", true, []string{`issued by "Rogue\x1b[31m CA"`, "ca_file", `tls_pin = "` + Pin(rogue.cert) + `"`, "it sent its own alone", "hotel"}},
		{"for clients", served(t, server(clients, nil)), Options{}, nil, "unusable certificate", true, []string{"cannot be used: certificate specifies an incompatible key usage"}},
		{"pin mismatch", served(t, server(alone, nil)), Options{Pins: []string{Pin(good.cert)}}, nil, "pin mismatch", true, []string{"the server's key is " + pin, "somebody sits between", `tls_pin = "` + pin + `"`}},
		{"pin of its issuer", served(t, server(good, nil, ca)), Options{Pins: []string{Pin(ca.cert)}}, nil, "pin mismatch", true, []string{`pinned is the key of "Our CA"`, "only the server's own key counts"}},
		{"client certificate missing, TLS 1.3", served(t, server(good, wants(tls.VersionTLS13))), Options{}, nil, "client certificate missing", true, []string{"wants a client certificate", "tls_client_cert"}},
		{"client certificate missing, TLS 1.2", served(t, server(good, wants(tls.VersionTLS12))), Options{}, nil, "client certificate missing", true, []string{"wants a client certificate"}},
		{"client certificate expired, TLS 1.3", served(t, server(good, wants(tls.VersionTLS13))), ours, nil, "client certificate refused", true, []string{"refused the certificate of tls_client_cert"}},
		{"client certificate expired, TLS 1.2", served(t, server(good, wants(tls.VersionTLS12))), ours, nil, "client certificate refused", true, []string{"refused the certificate of tls_client_cert"}},
		{"TLS 1.1", served(t, server(good, versions(tls.VersionTLS10, tls.VersionTLS11))), Options{}, nil, "old version", true, []string{"no TLS newer than 1.1", "tls_legacy = true"}},
		{"TLS 1.2 at most", served(t, server(good, versions(tls.VersionTLS12, tls.VersionTLS12))), Options{MinVersion: "1.3"}, nil, "below tls_min_version", true, []string{"no TLS 1.3, which tls_min_version demands", `"1.2"`}},
		// As OpenSSL answers: it chooses the best that it knows.
		{"ServerHello of TLS 1.0", played(t, hello("\x03\x01", "\x00\x2f")), Options{}, nil, "old version", true, []string{"no TLS newer than 1.0", "tls_legacy = true"}},
		{"ServerHello of TLS 1.2", played(t, hello("\x03\x03", "\xc0\x2f")), Options{MinVersion: "1.3"}, nil, "below tls_min_version", true, nil},
		{"SSL 3.0", played(t, hello("\x03\x00", "\x00\x2f")), Options{Legacy: true}, nil, "old version", true, []string{"SSL 3.0 only", "stunnel"}},
		{"a suite that nobody asked for", played(t, hello("\x03\x03", "\x00\x9e")), Options{}, nil, "no common cipher", true, nil},
		{"RSA key exchange", played(t, "\x15\x03\x03\x00\x02\x02\x28"), Options{}, nil, "no common cipher", true, []string{"tls_legacy = true helps", "DHE alone"}},
		{"DHE", played(t, "\x15\x03\x03\x00\x02\x02\x28"), Options{Legacy: true}, nil, "no common cipher", true, []string{"such as DHE key exchange", "ECDHE", "stunnel"}},
		{"alert: insufficient", played(t, "\x15\x03\x03\x00\x02\x02\x47"), Options{}, nil, "no common cipher", true, nil},
		{"alert: protocol version", played(t, "\x15\x03\x01\x00\x02\x02\x46"), Options{}, nil, "old version", true, nil},
		{"alert: protocol version, legacy", played(t, "\x15\x03\x01\x00\x02\x02\x46"), Options{Legacy: true}, nil, "old version", true, []string{"no version of TLS that popsync knows"}},
		{"alert: no protocol", played(t, "\x15\x03\x03\x00\x02\x02\x78"), Options{}, nil, "other protocol", true, []string{"another protocol on this port, not POP3"}},
		{"alert: unrecognised name", played(t, "\x15\x03\x03\x00\x02\x02\x70"), Options{}, nil, "unknown name", false, []string{"does not know the name h.example", "tls_server_name"}},
		{"alert: internal error", played(t, "\x15\x03\x03\x00\x02\x02\x50"), Options{}, nil, Unclear, false, []string{"internal error"}},
		{"POP3 in plaintext", played(t, "+OK ready\r\n"), Options{}, nil, "plaintext", true, []string{"does not speak TLS on this port: it greets in plain text", `tls = "starttls"`}},
		{"bare POP3 in plaintext", played(t, "+OK\r\n"), Options{}, nil, "plaintext", true, nil},
		{"SMTP in plaintext", played(t, "220 mx ready\r\n"), Options{}, nil, "plaintext", true, nil},
		{"IMAP in plaintext", played(t, "* OK ready\r\n"), Options{}, nil, "plaintext", true, nil},
		{"refused in plaintext", played(t, "-ERR too many connections\r\n"), Options{}, nil, "not TLS", false, []string{"does not speak TLS"}},
		{"busy in plaintext", played(t, "421 too many connections\r\n"), Options{}, nil, "not TLS", false, nil},
		{"a portal", played(t, "HTTP/1.1 302 Found\r\n\r\n"), Options{}, nil, "web server", false, []string{"a web server answers", "log in to that first"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := tt.o.Config()
			if err != nil {
				t.Fatal(err)
			}
			cfg.RootCAs, cfg.NextProtos = roots, []string{"pop3"}
			if cfg.ServerName == "" {
				cfg.ServerName = "h.example"
			}
			if tt.change != nil {
				tt.change(cfg)
			}
			err = first(Client(tt.conn, cfg))
			explained(t, err, tt.class, tt.lasting, tt.words...)
			if err != nil && strings.ContainsAny(err.Error(), "\x1b\a") {
				t.Errorf("%q", err)
			}
			var f *Failure
			if strings.HasPrefix(tt.name, "wrong name of nobody") && errors.As(err, &f) && strings.Contains(f.Hint(), "tls_server_name") {
				t.Errorf("a name is offered of a certificate that proves nothing: %s", f.Hint())
			}
		})
	}
}

// What a server that hangs up is blamed for stays a matter of the network.
func TestHangUp(t *testing.T) {
	client, server := net.Pipe()
	go func() {
		_, _ = server.Read(make([]byte, 4096))
		server.Close()
	}()
	err := first(Client(client, &tls.Config{ServerName: "h.example"}))
	explained(t, err, Unclear, false, "closed the connection in the middle of the handshake")
	if !errors.Is(err, io.EOF) {
		t.Error("the cause is lost")
	}
}

// A configuration of somebody else's works as well, and its certificates are sent.
func TestForeignConfig(t *testing.T) {
	ca := newCert(t, nil, authority("Our CA"))
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	own := newCert(t, ca, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	conn := served(t, &tls.Config{Certificates: []tls.Certificate{newCert(t, ca, nil).pair()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots})
	cfg := &tls.Config{RootCAs: roots, ServerName: "h.example", Certificates: []tls.Certificate{own.pair()}}
	if err := first(Client(conn, cfg)); err != nil {
		t.Error(err)
	}
	if cfg.GetClientCertificate != nil {
		t.Error("the caller's configuration was changed")
	}
}
