package imap

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/sasl"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// token is an access token of a user, as long as Microsoft's.
func token(user string) string {
	return strings.Repeat("eyJhbGciOiJSUzI1NiJ9.", 150) + base64.RawURLEncoding.EncodeToString([]byte(user))
}

// padding makes a token one of so many octets.
func padding(octets int) string { return strings.Repeat("A", octets-len(token("u00"))) }

// TestDovecotLogins logs in to Dovecot by every mechanism, with the right secret and a wrong one, with the first response in the command and
// behind it. A wrong secret costs one refusal.
func TestDovecotLogins(t *testing.T) {
	t.Parallel()
	asked := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		user, _ := base64.RawURLEncoding.DecodeString(said[strings.LastIndexByte(said, '.')+1:])
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"active":%v,"username":%q,"scope":"mail"}`, strings.HasSuffix(said, token(string(user))), user)
	}))
	t.Cleanup(asked.Close)
	server := dovecot.Start(t, dovecot.Options{IMAP: true, Logins: true, Introspect: asked.URL + "/"})
	users := 0
	// row logs in as a user of its own; refusals are those at the server.
	row := func(name string, hashed bool, password, auth, worked string, steps bool, method string, refusals int, ok bool) {
		users++
		user := fmt.Sprintf("u%d", users)
		if hashed {
			server.AddHashedUser(user)
		} else {
			server.AddUser(user)
		}
		counted := user
		if auth == "external" && !ok {
			counted = "not-" + user
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onServer(t, server.IMAPS, user, password)
			w.set = func(o *Options) {
				o.TLS, o.TLSConfig, o.AllowPlain = ImplicitTLS, &tls.Config{RootCAs: server.CA}, false
				o.Username, o.Auth = user, auth
				o.Password = func(context.Context) (string, error) { return password, nil }
				if auth == "external" { // Dovecot calls who is refused by the certificate's name
					o.Password = nil
					o.TLSConfig.Certificates = []tls.Certificate{server.ClientCertificate(counted)}
				}
				if auth == "xoauth2" || auth == "oauthbearer" {
					o.Password = nil
					o.Token = func(context.Context, string) (string, error) {
						return map[bool]string{true: password + token(user), false: "eyJ3cm9uZyI6MX0"}[ok], nil
					}
				}
			}
			s := w.open(false)
			s.o.logins.Note(sasl.Outcome{Method: worked, TwoSteps: steps}, worked)
			saw, err := s.Look(t.Context())
			if (err == nil) != ok || saw.LoggedIn != ok {
				t.Errorf("%+v: %v", saw, err)
			}
			if err != nil {
				if e := w.fault(err); !e.Login || !e.Permanent {
					t.Errorf("%+v", e)
				}
			} else if learned, _ := s.Learned(); saw.Method != method || named(learned) != method {
				t.Errorf("by %s, and learned %s, want %s", saw.Method, learned, method)
			}
			server.WantRefusals(t, counted, refusals)
		})
	}
	for _, auth := range []string{"plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256", "xoauth2", "oauthbearer", "external"} {
		for _, steps := range []bool{false, true} {
			name := fmt.Sprintf("%s, two steps %v", auth, steps)
			right := dovecot.Password
			if sasl.IsToken(auth) {
				right = ""
			}
			row(name, false, right, auth, "", steps, auth, 0, true)
			row(name+", wrong", false, "wrong horse", auth, "", steps, auth, 1, false)
		}
	}
	// Dovecot hangs up at a response of more than 8,192 octets in base64: one of 8 KB meets a server of the test's in TestToken.
	for _, auth := range []string{"xoauth2", "oauthbearer"} {
		for _, steps := range []bool{false, true} {
			row(fmt.Sprintf("%s, a token of 6,000 octets, two steps %v", auth, steps), false, padding(6000), auth, "", steps, auth, 0, true)
		}
	}
	row("hashed", true, dovecot.Password, "login", "", false, "login", 0, true)
	row("hashed by SCRAM", true, dovecot.Password, "scram-sha-256", "", false, "scram-sha-256", 1, false)
	row("auto", false, dovecot.Password, "auto", "", false, "scram-sha-256", 0, true)
	row("auto, hashed", true, dovecot.Password, "auto", "", false, "plain", 0, true) // it tells of no refusal that a login followed
	row("auto, hashed, remembered", true, dovecot.Password, "auto", "plain", false, "plain", 0, true)
	row("auto, remembered, wrong", true, "wrong horse", "auto", "plain", false, "plain", 1, false)
	row("auto, by LOGIN before", false, dovecot.Password, "auto", "user", false, "login", 0, true)
	row("auto, wrong: the pair", false, "wrong horse", "auto", "", false, "plain", 2, false)
}
