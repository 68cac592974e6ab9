package sasl

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"
)

// shake is what both sides know of a connection that was made as cfg says, on the client's side.
func shake(t *testing.T, cfg *tls.Config) (client, server tls.ConnectionState) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	cfg.InsecureSkipVerify = true // who the server is does not matter here
	c := tls.Client(a, cfg)
	s := tls.Server(b, &tls.Config{MinVersion: tls.VersionTLS10, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	done := make(chan error, 1)
	go func() { done <- s.Handshake() }()
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	go c.Read(make([]byte, 1)) // tickets
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState(), s.ConnectionState()
}

// The kinds of connections.
func modern(t *testing.T) *tls.ConnectionState {
	c, _ := shake(t, &tls.Config{})
	return &c
}

func legacy(t *testing.T) *tls.ConnectionState {
	c, _ := shake(t, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	return &c
}

// TestBinding: by the exporter where Go gives it, else to the certificate; legacy TLS has nothing to bind to.
func TestBinding(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  *tls.Config
		want string
	}{
		{"1.3", &tls.Config{}, "tls-exporter"},
		{"1.2 with extended master secret", &tls.Config{MaxVersion: tls.VersionTLS12}, "tls-exporter"},
		{"1.2 without exporter", &tls.Config{MaxVersion: tls.VersionTLS12, Renegotiation: tls.RenegotiateOnceAsClient}, "tls-server-end-point"},
		{"1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, ""},
	} {
		state, _ := shake(t, tt.cfg)
		b, ok := bindingOf(&state)
		if ok != (tt.want != "") || string(b.Type) != tt.want {
			t.Errorf("%s: %q, %v", tt.name, b.Type, ok)
		}
		if strong(&state) != (tt.want != "") {
			t.Errorf("%s: strong: %v", tt.name, strong(&state))
		}
	}
	if _, ok := bindingOf(nil); ok || strong(nil) {
		t.Error("bound to nothing")
	}
}
