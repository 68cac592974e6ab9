package pop3_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// served gives a connection to a server that shakes hands with conf and says no more.
func served(conf *tls.Config) net.Conn {
	client, server := fault.Pipe()
	go func() {
		defer server.Close()
		_ = tls.Server(server, conf).Handshake()
	}()
	return client
}

// played gives a connection on which a server says something and waits for the client to hang up.
func played(text string) net.Conn {
	client, server := fault.Pipe()
	go func() {
		defer server.Close()
		_, _ = io.WriteString(server, text)
		_, _ = io.Copy(io.Discard, server)
	}()
	return client
}

// Why TLS cannot come about is told from what may be otherwise tomorrow.
func TestMisfit(t *testing.T) {
	ca, err := pop3test.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	good, err1 := ca.Server("h")
	other, err2 := ca.Server("elsewhere")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	change := func(f func(*tls.Config)) *tls.Config {
		c := good.Clone()
		f(c)
		return c
	}
	for name, tt := range map[string]struct {
		conn net.Conn
		want pop3.Misfit
	}{
		"TLS 1.1": {served(change(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })), pop3.MisfitVersion},
		"TLS 1.0": {served(change(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 })), pop3.MisfitVersion},
		"RSA key exchange": {served(change(func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		})), pop3.MisfitCiphers},
		"HTTP":                     {served(change(func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} })), pop3.MisfitProtocol},
		"wrong name":               {served(other), pop3.Fits},
		"plaintext":                {played("+OK ready\r\n"), pop3.MisfitPlaintext},
		"bare plaintext":           {played("+OK\r\n"), pop3.MisfitPlaintext},
		"refused in plaintext":     {played("-ERR too many connections\r\n"), pop3.Fits},
		"a portal":                 {played("HTTP/1.1 302 Found\r\n\r\n"), pop3.Fits},
		"alert: handshake failure": {played("\x15\x03\x03\x00\x02\x02\x28"), pop3.MisfitCiphers},
		"alert: protocol version":  {played("\x15\x03\x01\x00\x02\x02\x46"), pop3.MisfitVersion},
		"alert: insufficient":      {played("\x15\x03\x03\x00\x02\x02\x47"), pop3.MisfitCiphers},
		"alert: no protocol":       {played("\x15\x03\x03\x00\x02\x02\x78"), pop3.MisfitProtocol},
		"alert: internal error":    {played("\x15\x03\x03\x00\x02\x02\x50"), pop3.Fits},
		"alert: unrecognised name": {played("\x15\x03\x03\x00\x02\x02\x70"), pop3.Fits},
		// As OpenSSL answers: it chooses the best that it knows.
		"ServerHello of TLS 1.1": {played("\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02" + strings.Repeat("r", 32) + "\x00\x00\x2f\x00"), pop3.MisfitVersion},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLSConfig: &tls.Config{RootCAs: ca.Pool()}, Dial: dialer(tt.conn)})
			var failed *pop3.TLSError
			if !errors.As(err, &failed) || failed.Misfit() != tt.want {
				t.Errorf("%v: %v, want %v", err, failed.Misfit(), tt.want)
			}
		})
	}
}

// A server that says nothing in plaintext is asked whether it expects TLS; only a handshake proves that it does.
func TestDiagnose(t *testing.T) {
	ca, err := pop3test.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	good, err := ca.Server("h")
	if err != nil {
		t.Fatal(err)
	}
	old := good.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	for name, tt := range map[string]struct {
		second func() net.Conn // nil: connection refused
		want   bool
	}{
		"TLS":         {func() net.Conn { return served(good) }, true},
		"TLS 1.1":     {func() net.Conn { return served(old) }, true},
		"an alert":    {func() net.Conn { return played("\x15\x03\x03\x00\x02\x02\x28") }, true},
		"silent":      {func() net.Conn { return played("") }, false},
		"a greeting":  {func() net.Conn { return played("+OK here I am\r\n") }, false},
		"unreachable": {nil, false},
	} {
		for _, mode := range []pop3.TLSMode{pop3.NoTLS, pop3.StartTLS} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					conns := []net.Conn{played("")}
					if tt.second != nil {
						conns = append(conns, tt.second())
					}
					o := pop3.Options{Host: "h", TLS: mode, TLSConfig: &tls.Config{RootCAs: ca.Pool()}, Dial: dialling(conns...)}
					_, err := pop3.Dial(t.Context(), o)
					if !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Fatal(err)
					}
					err = pop3.Diagnose(t.Context(), o, err)
					var failed *pop3.TLSError
					if is := errors.As(err, &failed) && failed.Misfit() == pop3.MisfitTLSFirst; is != tt.want || !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Error(err)
					}
				})
			})
		}
	}
	// Nothing else is looked into.
	for _, err := range []error{nil, &pop3.ConnError{Command: "CAPA", Err: io.EOF}, &pop3.ResponseError{Command: "greeting"}} {
		o := pop3.Options{Host: "h", TLS: pop3.StartTLS, Dial: func() dialFunc { return dialling() }()}
		if got := pop3.Diagnose(t.Context(), o, err); got != err {
			t.Error(got)
		}
	}
}
