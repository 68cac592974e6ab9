package imap

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/xdg-go/scram"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/sasl"
	"github.com/popsync/popsync/pop3/pop3test"
)

// plusServer is a scripted IMAP server whose only login is SCRAM-SHA-256, and that with -PLUS over the connection that it has itself:
// Dovecot 2.3 has no -PLUS. It is written for this test alone.
type plusServer struct {
	t      *testing.T
	conf   *tls.Config
	offers string
	server *scram.Server
}

func (p *plusServer) listen() net.Addr {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(tls.Server(conn, p.conf))
		}
	}()
	return l.Addr()
}

func (p *plusServer) serve(conn *tls.Conn) {
	defer conn.Close()
	in := bufio.NewScanner(conn)
	say := func(format string, args ...any) { fmt.Fprintf(conn, format+"\r\n", args...) }
	say("* OK ready")
	for in.Scan() {
		tag, rest, _ := strings.Cut(in.Text(), " ")
		switch verb, args, _ := strings.Cut(rest, " "); verb {
		case "CAPABILITY":
			say("* CAPABILITY IMAP4rev1 SASL-IR %s", p.offers)
			say("%s OK", tag)
		case "AUTHENTICATE":
			mechanism, first, _ := strings.Cut(args, " ")
			if p.login(conn, in, mechanism, first) {
				say("%s OK in", tag)
			} else {
				say("%s NO [AUTHENTICATIONFAILED] no", tag)
			}
		case "LIST":
			say(`* LIST (\Noselect) "/" ""`)
			say("%s OK", tag)
		case "STATUS":
			say("* STATUS INBOX (UIDVALIDITY 1 UIDNEXT 5)")
			say("%s OK", tag)
		default:
			say("%s OK", tag)
		}
	}
}

func (p *plusServer) login(conn *tls.Conn, in *bufio.Scanner, mechanism, first string) bool {
	state := conn.ConnectionState()
	conv := p.server.NewConversation()
	if strings.HasSuffix(mechanism, "-PLUS") {
		binding, err := scram.NewTLSExporterBinding(&state)
		if err != nil {
			p.t.Error(err)
		}
		conv = p.server.NewConversationWithChannelBindingRequired(binding)
	}
	for answer := first; ; answer = in.Text() {
		text, err := base64.StdEncoding.DecodeString(answer)
		if err != nil {
			return false
		}
		if conv.Done() {
			return conv.Valid()
		}
		reply, err := conv.Step(string(text))
		if err != nil && reply == "" {
			return false
		}
		fmt.Fprintf(conn, "+ %s\r\n", base64.StdEncoding.EncodeToString([]byte(reply)))
		if !in.Scan() {
			return false
		}
	}
}

// relayed is somebody between who has a certificate that is trusted: what both sides say goes through unchanged, over two connections.
func relayed(t *testing.T, conf *tls.Config, to net.Addr) net.Addr {
	l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			inner, err := tls.Dial("tcp", to.String(), &tls.Config{InsecureSkipVerify: true}) // he trusts his victim
			if err != nil {
				conn.Close()
				return
			}
			for _, pair := range [][2]net.Conn{{conn, inner}, {inner, conn}} {
				go func() {
					_, _ = io.Copy(pair[1], pair[0])
					pair[1].Close()
				}()
			}
		}
	}()
	return l.Addr()
}

// -PLUS binds the login to the connection: it is taken where it is announced, and who sits between cannot pass it on.
func TestLoginBoundToTheConnection(t *testing.T) {
	t.Parallel()
	const password = "pencil"
	client, err := scram.SHA256.NewClient("me", password, "")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "0123456789abcdef", Iters: 4096})
	if err != nil {
		t.Fatal(err)
	}
	server, err := scram.SHA256.NewServer(func(string) (scram.StoredCredentials, error) { return stored, nil })
	if err != nil {
		t.Fatal(err)
	}
	ca, err := pop3test.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := ca.Server("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	const both = "AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256"
	for name, tt := range map[string]struct {
		offers, auth, worked, password string
		between                        bool
		method                         string // "": it is refused
		config                         bool   // that is for a person to decide
	}{
		"unasked":         {both, "auto", "", password, false, "scram-sha-256-plus", false},
		"by its name":     {both, "scram-sha-256-plus", "", password, false, "scram-sha-256-plus", false},
		"wrong":           {both, "scram-sha-256-plus", "", "wrong", false, "", false},
		"only without":    {"AUTH=SCRAM-SHA-256", "auto", "", password, false, "scram-sha-256", false},
		"passed on":       {both, "scram-sha-256-plus", "", password, true, "", false},
		"hidden since":    {"AUTH=SCRAM-SHA-256 AUTH=PLAIN", "auto", "scram-sha-256-plus", password, false, "", true},
		"PLAIN alone now": {"AUTH=PLAIN", "auto", "scram-sha-256-plus", password, false, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := (&plusServer{t: t, conf: conf, offers: tt.offers, server: server}).listen()
			if tt.between {
				address = relayed(t, conf, address)
			}
			w := &world{TB: t, addr: address.String(), copies: t.TempDir()}
			w.set = func(o *Options) {
				o.TLS, o.TLSConfig, o.AllowPlain = ImplicitTLS, &tls.Config{RootCAs: ca.Pool()}, false
				o.Username, o.Auth = "me", tt.auth
				o.Password = func(context.Context) (string, error) { return tt.password, nil }
			}
			s := w.open(false)
			if tt.worked != "" {
				s.o.logins.Note(sasl.Outcome{Method: tt.worked}, tt.worked)
			}
			saw, err := s.Look(t.Context())
			if (err == nil) != (tt.method != "") || saw.Method != tt.method {
				t.Fatalf("by %q: %v", saw.Method, err)
			}
			if saw.TLS == nil || !saw.Connected {
				t.Errorf("what is known of TLS is not told: %+v", saw)
			}
			var e *deliver.Error
			if err != nil && (!errors.As(err, &e) || !e.Permanent || e.Login == tt.config) {
				t.Errorf("%+v", e)
			}
		})
	}
}
