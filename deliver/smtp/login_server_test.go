package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest/postfix"
	"github.com/popsync/popsync/internal/sasl"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// token is an access token of a user, as long as Microsoft's.
func token(user string) string {
	return strings.Repeat("eyJhbGciOiJSUzI1NiJ9.", 150) + base64.RawURLEncoding.EncodeToString([]byte(user))
}

// padding makes a token one of so many octets.
func padding(octets int) string { return strings.Repeat("A", octets-len(token("u00"))) }

// TestPostfixLogins logs in to Postfix, whose logins are Dovecot's, by every mechanism, with the right secret and a wrong one, with
// the first response in the command and behind it. A wrong secret costs one refusal.
func TestPostfixLogins(t *testing.T) {
	t.Parallel()
	asked := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		user, _ := base64.RawURLEncoding.DecodeString(said[strings.LastIndexByte(said, '.')+1:])
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"active":%v,"username":%q,"scope":"mail"}`, strings.HasSuffix(said, token(string(user))), user)
	}))
	t.Cleanup(asked.Close)
	users := dovecot.Start(t, dovecot.Options{Logins: true, Introspect: asked.URL + "/"})
	users.AddUser("stored")
	users.AddHashedUser("hashed")
	server := postfix.Start(t, postfix.Options{Users: []string{"me"}, TLS: true, SASL: users.AuthSocket()})
	pem, err := os.ReadFile(server.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	ca := x509.NewCertPool()
	ca.AppendCertsFromPEM(pem)
	sessions := 0
	// refusals counts those of all sessions, once the last one has ended there: the log comes later.
	refusals := func() int {
		for deadline := time.Now().Add(20 * time.Second); strings.Count(server.Log(), " ehlo=2 ") < sessions && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		return strings.Count(server.Log(), "authentication failed")
	}
	row := func(name, user, password, auth, worked string, steps bool, method string, refused int, ok bool) {
		t.Run(name, func(t *testing.T) {
			o := Options{Address: server.Addr, TLS: StartTLS, TLSConfig: &tls.Config{RootCAs: ca}, Helo: "me.example", To: []string{"me@" + postfix.Domain},
				Username: user, Auth: auth, Password: func(context.Context) (string, error) { return password, nil }}
			if auth == "xoauth2" || auth == "oauthbearer" {
				o.Password = nil
				o.Token = func(context.Context, string) (string, error) { return password, nil }
			}
			s, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			s.o.logins.Note(sasl.Outcome{Method: worked, TwoSteps: steps}, worked)
			before := refusals()
			saw, err := s.Look(t.Context())
			var e *deliver.Error
			if (err == nil) != ok || saw.LoggedIn != ok || err != nil && (!errors.As(err, &e) || !e.Login || !e.Permanent) {
				t.Errorf("%+v: %v", saw, err)
			}
			if !saw.Connected || saw.TLS == nil {
				t.Errorf("what is known of TLS is not told: %+v", saw)
			}
			if learned, _ := s.Learned(); ok && (saw.Method != method || learned != method) {
				t.Errorf("by %s, and learned %s", saw.Method, learned)
			}
			sessions++
			if got := refusals() - before; got != refused {
				t.Errorf("%d refusals, want %d\n%s", got, refused, server.Log())
			}
		})
	}
	for _, auth := range []string{"plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256", "xoauth2", "oauthbearer"} {
		for _, steps := range []bool{false, true} {
			right, wrong := dovecot.Password, "wrong horse"
			if auth == "xoauth2" || auth == "oauthbearer" {
				right, wrong = token("stored"), "eyJ3cm9uZyI6MX0"
			}
			name := fmt.Sprintf("%s, two steps %v", auth, steps)
			row(name, "stored", right, auth, "", steps, auth, 0, true)
			row(name+", wrong", "stored", wrong, auth, "", steps, auth, 1, false)
		}
	}
	for _, auth := range []string{"xoauth2", "oauthbearer"} {
		row(auth+", a token of 8 KB", "stored", padding(8<<10)+token("stored"), auth, "", false, auth, 0, true)
	}
	row("hashed", "hashed", dovecot.Password, "login", "", false, "login", 0, true)
	row("hashed by SCRAM", "hashed", dovecot.Password, "scram-sha-256", "", false, "scram-sha-256", 1, false)
	row("auto", "stored", dovecot.Password, "auto", "", false, "scram-sha-256", 0, true)
	row("auto, hashed", "hashed", dovecot.Password, "auto", "", false, "plain", 1, true)
	row("auto, hashed, remembered", "hashed", dovecot.Password, "auto", "plain", false, "plain", 0, true)
	row("auto, remembered, wrong", "hashed", "wrong horse", "auto", "plain", false, "plain", 1, false)
	row("auto, as before the upgrade, wrong", "stored", "wrong horse", "auto", "password", false, "plain", 1, false)
	row("auto, wrong: the pair", "stored", "wrong horse", "auto", "", false, "plain", 2, false)
}

// TestLoginHints: what the server says of a refused login becomes the next step.
func TestLoginHints(t *testing.T) {
	for said, want := range map[string]string{
		"535 5.7.8 no": "check username and password",
		"534 5.7.9 Application-specific password required":                       "app password",
		"535 5.7.139 basic authentication is disabled":                           "OAuth",
		"550 5.7.30 Basic authentication is not supported for Client Submission": "OAuth",
	} {
		r := newRig(t, hello("AUTH PLAIN").and(turn{"AUTH PLAIN " + b64("\x00me\x00"+marker) + "\r\n", said + "\r\n"}))
		s := r.sender(login)
		wants(t, s.Send(t.Context(), outgoing("id1", letter)), "target permanent", want)
		r.end(s)
	}
}
