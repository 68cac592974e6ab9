package imap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/popsync/popsync/deliver/imap/imaptest"
	"github.com/popsync/popsync/internal/trust"
	"github.com/popsync/popsync/pop3/pop3test"
)

// secured is a server that speaks TLS at once.
func secured(t *testing.T, conf *tls.Config) (*imaptest.Server, *world) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := imaptest.New(imaptest.Options{})
	s.Addr = l.Addr().String()
	go s.Serve(tls.NewListener(l, conf))
	t.Cleanup(func() { l.Close(); s.Hangup() })
	return s, &world{TB: t, server: s, addr: s.Addr, copies: t.TempDir() + "/copies"}
}

// Who may not be trusted gets no password, and a person is told why and what would let the server through.
func TestTrust(t *testing.T) {
	t.Parallel()
	must := func(conf *tls.Config, err error) *tls.Config {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return conf
	}
	ca, err := pop3test.NewCA()
	must(nil, err)
	good := func(change func(*tls.Config)) *tls.Config {
		conf := must(ca.Server("127.0.0.1"))
		if change != nil {
			change(conf)
		}
		return conf
	}
	old := func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }
	wants := func(version uint16) func(*tls.Config) {
		return func(c *tls.Config) { c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, version }
	}
	conf := good(nil)
	leaf, err := x509.ParseCertificate(conf.Certificates[0].Certificate[0])
	must(nil, err)
	for _, tt := range []struct {
		name  string
		conf  *tls.Config
		o     trust.Options
		known bool   // the CA is trusted
		words string // of the error and its hint; "": it is trusted
	}{
		{"good", good(nil), trust.Options{}, true, ""},
		{"unknown CA", conf, trust.Options{}, false, `tls_pin = "` + trust.Pin(leaf) + `"`},
		{"pinned", conf, trust.Options{Pins: []string{trust.Pin(leaf)}}, false, ""},
		{"wrong pin", good(nil), trust.Options{Pins: []string{trust.Pin(leaf)}}, true, "the server's key is sha256//"},
		{"wrong name", must(ca.Server("mail.hoster.example")), trust.Options{}, true, "mail.hoster.example"},
		{"its name", must(ca.Server("mail.hoster.example")), trust.Options{ServerName: "mail.hoster.example"}, true, ""},
		{"expired", must(ca.Expired("127.0.0.1")), trust.Options{}, true, "expired on"},
		{"old TLS", good(old), trust.Options{}, true, "tls_legacy = true"},
		{"old TLS let in", good(old), trust.Options{Legacy: true}, true, ""},
		{"wants our certificate, TLS 1.2", good(wants(tls.VersionTLS12)), trust.Options{}, true, "tls_client_cert"},
		{"wants our certificate, TLS 1.3", good(wants(tls.VersionTLS13)), trust.Options{}, true, "tls_client_cert"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server, w := secured(t, tt.conf)
			asked := false
			w.set = func(o *Options) {
				cfg, err := tt.o.Config()
				w.must(err)
				if tt.known {
					cfg.RootCAs = ca.Pool()
				}
				o.TLS, o.TLSConfig, o.AllowPlain = ImplicitTLS, cfg, false
				o.Password = func(context.Context) (string, error) { asked = true; return imaptest.Password, nil }
			}
			s := w.open(false)
			if tt.words == "" {
				saw, err := s.Look(t.Context())
				w.must(err)
				if saw.TLS == nil || !saw.LoggedIn {
					t.Errorf("%+v", saw)
				}
				w.must(w.send(s, "one", ordinary(1), false))
				return
			}
			for _, err := range []error{s.Check(t.Context(), ""), w.send(s, "one", ordinary(1), false)} {
				if e := w.fault(err); !e.Permanent || e.Uncertain || !strings.Contains(e.Error()+" | "+e.Hint, tt.words) {
					t.Errorf("%+v | %s\nlacks %q", e, e.Hint, tt.words)
				}
			}
			if asked || len(server.Commands("LOGIN")) > 0 {
				t.Error("there was a login")
			}
		})
	}
}

// A server that waits for TLS is found out after seconds, not after the minutes that a greeting may take.
func TestLookAtTLSFirst(t *testing.T) {
	ca, err := pop3test.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := ca.Server("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now() // of the certificate, not of the bubble
	for _, tt := range []struct {
		name string
		mode TLSMode
		tls  bool // the server speaks TLS
		want string
	}{
		{"without TLS", NoTLS, true, `set tls = "implicit"`},
		{"STARTTLS", StartTLS, true, `set tls = "implicit"`},
		{"silent", NoTLS, false, "check the port"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{TB: t, addr: "127.0.0.1:143"}
				w.set = func(o *Options) {
					o.TLS, o.TLSConfig = tt.mode, &tls.Config{RootCAs: ca.Pool(), Time: func() time.Time { return now }}
					o.Dial = func(context.Context, string, string) (net.Conn, error) {
						client, server := net.Pipe()
						go func() {
							defer server.Close()
							if tt.tls {
								_ = tls.Server(server, conf).Handshake()
							}
							_, _ = server.Read(make([]byte, 1))
						}()
						return client, nil
					}
				}
				s := w.open(false)
				saw, err := s.Look(t.Context())
				e := w.fault(err)
				if e.Permanent != tt.tls || !strings.Contains(e.Hint, tt.want) || saw.Connected {
					t.Errorf("%+v, %+v", saw, e)
				}
			})
		})
	}
}
