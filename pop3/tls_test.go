package pop3_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/popsync/popsync/internal/trust"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// TestSTLSRefused: whatever a server, or somebody between, does to avoid TLS, no credential is sent.
func TestSTLSRefused(t *testing.T) {
	for _, tt := range []struct {
		name  string
		steps fault.Script
		check func(error) bool
	}{
		{"not announced", fault.Script{fault.Chat("CAPA", "+OK\r\nUSER\r\n.\r\n"), fault.ExpectEOF()},
			func(err error) bool { return errors.Is(err, pop3.ErrNoSTLS) }},
		{"refused", fault.Script{fault.Chat("CAPA", "+OK\r\nSTLS\r\n.\r\n", "STLS", "-ERR [SYS/TEMP] not now\r\n"), fault.ExpectEOF()},
			func(err error) bool {
				var re *pop3.ResponseError
				return errors.Is(err, pop3.ErrNoSTLS) && errors.As(err, &re) && re.Code == "SYS/TEMP"
			}},
		{"no CAPA, refused", fault.Script{fault.Chat("CAPA", "-ERR\r\n", "STLS", "-ERR\r\n"), fault.ExpectEOF()},
			func(err error) bool { return errors.Is(err, pop3.ErrNoSTLS) }},
		{"injection", fault.Script{fault.Chat("CAPA", "+OK\r\nSTLS\r\n.\r\n", "STLS", "+OK\r\n+OK\r\nPIPELINING\r\n.\r\n+OK\r\n"), fault.ExpectEOF()},
			func(err error) bool {
				var pe *pop3.ProtocolError
				return errors.As(err, &pe) && pe.Command == "STLS"
			}},
		{"injection of one octet", fault.Script{fault.Chat("CAPA", "-ERR\r\n", "STLS", "+OK\r\n\x16"), fault.ExpectEOF()},
			func(err error) bool { var pe *pop3.ProtocolError; return errors.As(err, &pe) }},
		{"injection before STLS", fault.Script{fault.Chat("CAPA", "+OK\r\nSTLS\r\n.\r\n+OK\r\n"), fault.ExpectEOF()},
			func(err error) bool { var pe *pop3.ProtocolError; return errors.As(err, &pe) }},
		{"garbled", fault.Script{fault.Chat("CAPA", "-ERR\r\n", "STLS", "OK\r\n"), fault.ExpectEOF()},
			func(err error) bool { var pe *pop3.ProtocolError; return errors.As(err, &pe) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dial := start(t, append(fault.Script{fault.Send("+OK\r\n")}, tt.steps...))
			_, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.StartTLS, Dial: dial})
			if err == nil || !tt.check(err) {
				t.Error(err)
			}
		})
	}
}

// TestCapabilitiesBeforeTLS are dropped, also when the server tells nothing after TLS.
func TestCapabilitiesBeforeTLS(t *testing.T) {
	ca, err := pop3test.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := ca.Server("h")
	if err != nil {
		t.Fatal(err)
	}
	client, server := net.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() {
		defer server.Close()
		r := bufio.NewReader(server)
		say := func(w io.Writer, s string) { _, _ = io.WriteString(w, s) }
		say(server, "+OK\r\n")
		r.ReadString('\n')
		say(server, "+OK\r\nSTLS\r\nPIPELINING\r\nSASL PLAIN\r\n.\r\n")
		r.ReadString('\n')
		say(server, "+OK\r\n")
		secure := tls.Server(server, conf)
		r = bufio.NewReader(secure)
		if line, err := r.ReadString('\n'); line != "CAPA\r\n" {
			t.Error(line, err)
		}
		say(secure, "-ERR\r\n")
		r.ReadString('\n')
	})
	c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.StartTLS, TLSConfig: &tls.Config{RootCAs: ca.Pool()}, Dial: dialer(client)})
	if err != nil {
		t.Fatal(err)
	}
	if caps := c.Capabilities(); caps.Known || caps.Pipelining || caps.SASL != nil {
		t.Errorf("%+v", caps)
	}
	c.Close()
	wg.Wait()
}

// TestCertificates: each reason reaches the caller.
func TestCertificates(t *testing.T) {
	ca, err := pop3test.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	good, err1 := ca.Server("pop.example.org")
	other, err2 := ca.Server("pop.example.com")
	expired, err3 := ca.Expired("pop.example.org")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	old := good.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	web := good.Clone()
	web.NextProtos = []string{"http/1.1"}
	client := &tls.Config{RootCAs: ca.Pool()}
	var (
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		authority x509.UnknownAuthorityError
	)
	for _, tt := range []struct {
		name   string
		server *tls.Config
		client *tls.Config
		class  trust.Class
		as     any
	}{
		{"good", good, client, "", nil},
		{"wrong name", other, client, "wrong name", &hostname},
		{"expired", expired, client, "expired", &invalid},
		{"unknown CA", good, nil, "unknown CA", &authority},
		{"old TLS", old, client, "old version", nil},
		{"old TLS, asked for", old, &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS10}, "", nil},
		{"another protocol", web, client, "other protocol", nil},
	} {
		for _, mode := range []pop3.TLSMode{pop3.ImplicitTLS, pop3.StartTLS} {
			t.Run(tt.name, func(t *testing.T) {
				s := newServer(t, pop3test.Options{TLS: tt.server})
				o := pop3.Options{Host: "pop.example.org.", TLS: mode, TLSConfig: tt.client, Dial: s.Dial}
				if mode == pop3.ImplicitTLS {
					o.Dial = s.DialTLS
				}
				c, err := pop3.Dial(t.Context(), o)
				if tt.class == "" {
					if err != nil {
						t.Fatal(err)
					}
					c.Close()
					return
				}
				var te *pop3.TLSError
				if !errors.As(err, &te) || te.Class() != tt.class || tt.as != nil && !errors.As(err, tt.as) {
					t.Errorf("%v", err)
				}
				if s.Stats().Commands["USER"]+s.Stats().Commands["AUTH"] > 0 {
					t.Error("credentials were sent")
				}
			})
		}
	}
}

// TestStrangers: whatever else answers is named.
func TestStrangers(t *testing.T) {
	for greeting, words := range map[string]string{
		"HTTP/1.1 400 Bad Request\r\n\r\n<html>": "captive portal",
		"<html>":                                 "web server",
		"220 mx.example.org ESMTP\r\n":           "SMTP",
		"* OK IMAP4rev1\r\n":                     "IMAP",
		"SSH-2.0-OpenSSH_9\r\n":                  "SSH",
		"\x15\x03\x01\x00\x02\x02\x16":           "TLS",
		"hello\r\n":                              "not a POP3 server",
		"+OK\n":                                  "bare LF",
	} {
		dial := start(t, fault.Script{fault.Send(greeting)})
		_, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
		wrong(t, err, 0, words)
	}
	dial := start(t, fault.Script{fault.Send("-ERR [LOGIN-DELAY] come back later\r\n")})
	_, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
	var re *pop3.ResponseError
	if !errors.As(err, &re) || re.Command != "greeting" || re.Code != "LOGIN-DELAY" {
		t.Error(err)
	}
	dial = start(t, fault.Script{})
	_, err = pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	client, server := fault.Pipe() // both sides speak first here
	if _, err := io.WriteString(server, "+OK plaintext here\r\n"); err != nil {
		t.Fatal(err)
	}
	_, err = pop3.Dial(t.Context(), pop3.Options{Host: "h", Dial: dialer(client)})
	if err == nil || !strings.Contains(err.Error(), "does not speak TLS") {
		t.Error(err)
	}
}

// TestDialContext: no connection is left behind when the context ends during the greeting.
func TestDialContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	dial := start(t, fault.Script{func(*fault.Peer) error { cancel(); return nil }, fault.Stalled()})
	if _, err := pop3.Dial(ctx, pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
