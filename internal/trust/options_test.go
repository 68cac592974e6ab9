package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/nextstep"
)

// What the configuration is made of is said in it, so that nothing else decides.
func TestConfig(t *testing.T) {
	for _, tt := range []struct {
		o     Options
		least uint16
		rsa   bool
	}{
		{Options{}, tls.VersionTLS12, false},
		{Options{MinVersion: "1.2"}, tls.VersionTLS12, false},
		{Options{MinVersion: "1.3"}, tls.VersionTLS13, false},
		{Options{Legacy: true}, tls.VersionTLS10, true},
		{Options{Legacy: true, MinVersion: "1.3"}, tls.VersionTLS13, true},
	} {
		cfg, err := tt.o.Config()
		if err != nil {
			t.Fatal(err)
		}
		rsa := false
		for _, id := range cfg.CipherSuites {
			name := tls.CipherSuiteName(id)
			rsa = rsa || strings.HasPrefix(name, "TLS_RSA_")
			if strings.Contains(name, "RC4") {
				t.Errorf("%+v: %s", tt.o, name)
			}
		}
		if cfg.MinVersion != tt.least || rsa != tt.rsa || len(cfg.CipherSuites) == 0 || cfg.InsecureSkipVerify {
			t.Errorf("%+v: least %x, RSA %v", tt.o, cfg.MinVersion, rsa)
		}
	}
}

// Files that do not hold what they should are named, with the way out; nothing of a key is shown.
func TestFiles(t *testing.T) {
	ca := newCert(t, nil, authority("Our CA"))
	own, other := newCert(t, ca, nil), newCert(t, ca, nil)
	whole := file(t, "whole.pem", own.certPEM(), own.keyPEM(t))
	cert, key := file(t, "cert.pem", own.certPEM()), file(t, "key.pem", own.keyPEM(t))
	locked := file(t, "locked.pem", pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}))
	old := file(t, "old.pem", []byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"))
	open := file(t, "open.pem", own.keyPEM(t))
	marked := file(t, "marked.pem", []byte("\xef\xbb\xbf"), own.certPEM())
	for _, f := range []struct {
		path   string
		folder os.FileMode
		mode   os.FileMode
	}{{open, 0o755, 0o644}, {cert, 0o755, 0o644}} {
		if err := os.Chmod(filepath.Dir(f.path), f.folder); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(f.path, f.mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		o          Options
		text, next string // "": it works
	}{
		{Options{ClientCert: whole}, "", ""},
		{Options{ClientCert: cert, ClientKey: key}, "", ""},
		{Options{ClientCert: marked, ClientKey: key}, "", ""},
		{Options{CAFile: file(t, "ca.pem", []byte("\xef\xbb\xbf"), ca.certPEM())}, "", ""},
		{Options{CAFile: key}, "ca_file: no PEM certificate in", "name a file of PEM certificates"},
		{Options{CAFile: cert + "x"}, "ca_file: open", "name a file of PEM certificates that this user may read"},
		{Options{ClientCert: cert}, "no private key in", "name its file in tls_client_key"},
		{Options{ClientCert: cert, ClientKey: cert + "x"}, "tls_client_key: " + cert + "x: no such file", "private key in PEM"},
		{Options{ClientCert: cert, ClientKey: open}, "others may open it (mode 0644)", "chmod 600 " + open},
		{Options{ClientCert: cert, ClientKey: locked}, "is locked with a passphrase", "openssl pkey -in " + locked},
		{Options{ClientCert: cert, ClientKey: old}, "is locked with a passphrase", "openssl pkey"},
		{Options{ClientCert: cert, ClientKey: file(t, "k", other.keyPEM(t))}, "tls_client_key: tls: private key does not match public key", "the private key that belongs to it"},
		{Options{ClientCert: key, ClientKey: key}, "tls_client_cert: no PEM certificate in", "certificate in PEM"},
		{Options{ClientCert: file(t, "c.p12", []byte{0x30, 0x82, 1, 2}), ClientKey: key}, "is not PEM", "openssl pkcs12"},
	} {
		_, err := tt.o.Config()
		switch {
		case tt.text == "" && err != nil, tt.text != "" && err == nil:
			t.Errorf("%+v: %v", tt.o, err)
		case err != nil && (!strings.Contains(err.Error(), tt.text) || !strings.Contains(nextstep.Of(err), tt.next)):
			t.Errorf("%v\n%s\nwant %s\n%s", err, nextstep.Of(err), tt.text, tt.next)
		}
	}
}

// A certificate of ours that was replaced counts at the next handshake; one that is gone is told of.
func TestOwnIsReadAgain(t *testing.T) {
	ca := newCert(t, nil, authority("Our CA"))
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	usage := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
	ours := func(c *made) []byte { return append(c.certPEM(), c.keyPEM(t)...) }
	path := file(t, "own.pem", ours(newCert(t, newCert(t, nil, authority("Rogue")), usage)))
	cfg, err := Options{ClientCert: path, CAFile: file(t, "ca.pem", ca.certPEM()), ServerName: "h.example"}.Config()
	if err != nil {
		t.Fatal(err)
	}
	server := &tls.Config{Certificates: []tls.Certificate{newCert(t, ca, nil).pair()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots}
	explained(t, first(Client(served(t, server), cfg)), ownRefused, true)
	if err := os.WriteFile(path, ours(newCert(t, ca, usage)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := first(Client(served(t, server), cfg)); err != nil {
		t.Error(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	explained(t, first(Client(served(t, server), cfg)), ownBroken, false, "tls_client_cert: open "+path)
}

// What a connection is worth goes by what was agreed on; a pin is checked for resumed connections, too.
func TestLevels(t *testing.T) {
	ca := newCert(t, nil, authority("Our CA"))
	leaf := newCert(t, ca, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(50 * time.Hour) })
	caFile := file(t, "ca.pem", ca.certPEM())
	old := func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }
	cbc := func(c *tls.Config) {
		c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256}
	}
	for _, tt := range []struct {
		o       Options
		server  func(*tls.Config)
		level   Level
		text    string
		remarks string
	}{
		{Options{CAFile: caFile}, nil, Verified, "encrypted (TLS 1.3 by STLS), certificate verified", "ends on"},
		{Options{Pins: []string{Pin(leaf.cert)}}, nil, Pinned, "encrypted (TLS 1.3 by STLS), key pinned", ""},
		{Options{CAFile: caFile, Legacy: true}, nil, Verified, "certificate verified", "does not need tls_legacy"},
		{Options{CAFile: caFile, Legacy: true}, old, Legacy, "TLS 1.1 by STLS, WEAK: TLS 1.1), certificate verified", "in 2 days"},
		{Options{Pins: []string{Pin(leaf.cert)}, Legacy: true}, old, Legacy, "WEAK: TLS 1.1), key pinned", ""},
		{Options{CAFile: caFile, Legacy: true}, cbc, Legacy, "WEAK: CBC", ""},
	} {
		cfg, err := tt.o.Config()
		if err != nil {
			t.Fatal(err)
		}
		cfg.ServerName, cfg.ClientSessionCache = "h.example", tls.NewLRUClientSessionCache(2)
		server := &tls.Config{Certificates: []tls.Certificate{leaf.pair()}}
		if tt.server != nil {
			tt.server(server)
		}
		for range 2 {
			c := Client(served(t, server), cfg)
			if LevelOf(c) != None {
				t.Error("a connection is worth something before its handshake")
			}
			if err := first(c); err != nil {
				t.Fatalf("%+v: %v", tt.o, err)
			}
			s := c.ConnectionState()
			remarks := ""
			for _, r := range tt.o.Remarks(s, time.Now()) {
				remarks += r.Text + "; "
			}
			if LevelOf(c) != tt.level || !strings.Contains(Describe(s, "STLS"), tt.text) || !strings.Contains(remarks, tt.remarks) || (tt.o.Pins != nil) != (remarks == "") {
				t.Errorf("%+v: %s, %s, %s", tt.o, LevelOf(c), Describe(s, "STLS"), remarks)
			}
		}
		// The same cache, and another key by now.
		cfg.VerifyConnection = func(s tls.ConnectionState) error { return checkPins([]string{Pin(ca.cert)}, s.PeerCertificates) }
		explained(t, first(Client(served(t, server), cfg)), pinMismatch, true)
	}
	if plain, _ := net.Pipe(); LevelOf(plain) != None {
		t.Error("a connection without TLS is worth something")
	}
}

// HTTP takes its connections here as well, and hints then name no keys of a mail server.
func TestHTTP(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	pin := Pin(server.Certificate())
	get := func(o Options) error {
		client := &http.Client{Transport: &http.Transport{DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			cfg, err := o.Config()
			if err != nil {
				return nil, err
			}
			raw, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			cfg.ServerName, cfg.NextProtos = "127.0.0.1", []string{"http/1.1"}
			conn := Client(raw, cfg)
			if err := conn.HandshakeContext(ctx); err != nil {
				raw.Close()
				return nil, err
			}
			return conn, nil
		}}}
		defer client.CloseIdleConnections()
		r, err := client.Get(server.URL)
		if err == nil {
			r.Body.Close()
		}
		return err
	}
	if err := get(Options{Pins: []string{pin}}); err != nil {
		t.Error(err)
	}
	err := get(Options{})
	explained(t, err, selfSigned, true, "is self-signed", "check the address")
	if f := new(Failure); !errors.As(err, &f) || strings.Contains(f.Hint(), "tls_pin") || strings.Contains(f.Hint(), "password") {
		t.Error(f.Hint())
	}

	for _, tt := range []struct {
		o     Options
		name  string // that is asked for; "": the host of the URL
		class Class
		words string
	}{
		{Options{}, "", selfSigned, "is self-signed"},
		{Options{CAFile: file(t, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))}, "other.example", wrongName, "not for other.example"},
		{Options{Pins: []string{Pin(newCert(t, nil, nil).cert)}}, "", pinMismatch, "which is not pinned"},
	} {
		tt.o.ServerName = tt.name
		cfg, err := tt.o.Config()
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: cfg, DisableKeepAlives: true}}
		_, err = client.Get(server.URL)
		if f := ExplainHTTP(err, cfg); f == nil || f.Class != tt.class || !strings.Contains(f.Error(), tt.words) || strings.Contains(f.Hint(), `tls_pin = "`) {
			t.Errorf("%v: %v", err, f)
		}
	}
	for _, err := range []error{io.EOF, context.DeadlineExceeded, errors.New("404")} {
		if f := ExplainHTTP(err, nil); f != nil {
			t.Errorf("%v: %v", err, f)
		}
	}
}
