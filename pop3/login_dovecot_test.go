package pop3_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test/dovecot"
)

// token is an access token of a user, as long as Microsoft's.
func token(user string) string {
	return strings.Repeat("eyJhbGciOiJSUzI1NiJ9.", 150) + base64.RawURLEncoding.EncodeToString([]byte(user))
}

// padding makes a token one of so many octets.
func padding(octets int) string { return strings.Repeat("A", octets-len(token("u00"))) }

// introspection says of a token whether it is good, and whose it is (RFC 7662).
func introspection(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		user, _ := base64.RawURLEncoding.DecodeString(said[strings.LastIndexByte(said, '.')+1:])
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"active":%v,"username":%q,"scope":"mail"}`, strings.HasSuffix(said, token(string(user))), user)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/"
}

// TestDovecotLogins logs in to Dovecot by every mechanism, with the right secret and a wrong one, with the first response in the
// command and behind it. A wrong secret costs one refusal.
func TestDovecotLogins(t *testing.T) {
	t.Parallel()
	server := dovecot.Start(t, dovecot.Options{Logins: true, Introspect: introspection(t)})
	host, tlsPort, _ := net.SplitHostPort(server.TLS)
	_, plainPort, _ := net.SplitHostPort(server.Plain)
	right := secret(dovecot.Password)
	wrong := secret("wrong horse")
	users := 0
	// row logs in as a user of its own; refusals are those at the server.
	row := func(name string, hashed bool, mode pop3.TLSMode, l pop3.Login, method string, refusals int, ok bool) {
		users++
		l.Username = fmt.Sprintf("u%d", users)
		if hashed {
			server.AddHashedUser(l.Username)
		} else {
			server.AddUser(l.Username)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := pop3.Options{Host: host, TLS: mode, TLSConfig: &tls.Config{RootCAs: server.CA}}
			o.Port, _ = strconv.Atoi(tlsPort)
			if mode == pop3.NoTLS {
				o.Port, _ = strconv.Atoi(plainPort)
			}
			counted := l.Username
			switch {
			case l.Auth == "external":
				if !ok {
					counted = "not-" + l.Username // Dovecot calls who is refused by the certificate's name
				}
				o.TLSConfig.Certificates = []tls.Certificate{server.ClientCertificate(counted)}
			case l.Auth == "xoauth2" || l.Auth == "oauthbearer":
				more := ""
				if strings.Contains(name, "6,000") {
					more = padding(6000)
				}
				l.Password = nil
				l.Token = func(context.Context, string) (string, error) {
					return map[bool]string{true: more + token(l.Username), false: "eyJ3cm9uZyI6MX0"}[ok], nil
				}
			}
			c, err := pop3.Dial(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			err = c.Login(t.Context(), l)
			var refused *pop3.LoginError
			if (err == nil) != ok || err != nil && !errors.As(err, &refused) || method != "" && c.LastLogin().Method != method {
				t.Errorf("%+v: %v", c.LastLogin(), err)
			}
			if err == nil {
				if _, err := c.List(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if err := c.Quit(t.Context()); err != nil {
				t.Error(err)
			}
			server.WantRefusals(t, counted, refusals)
		})
	}
	for _, method := range []string{"plain", "login", "user", "apop", "cram-md5", "scram-sha-1", "scram-sha-256", "xoauth2", "oauthbearer", "external"} {
		for _, steps := range []bool{false, true} {
			name := fmt.Sprintf("%s, two steps %v", method, steps)
			row(name, false, pop3.ImplicitTLS, pop3.Login{Password: right, Auth: method, TwoSteps: steps}, method, 0, true)
			row(name+", wrong", false, pop3.ImplicitTLS, pop3.Login{Password: wrong, Auth: method, TwoSteps: steps}, method, 1, false)
		}
	}
	// Dovecot hangs up at a response of more than 8,192 octets in base64: one of 8 KB meets a server of the test's in TestToken.
	for _, method := range []string{"xoauth2", "oauthbearer"} {
		row(method+", a token of 6,000 octets", false, pop3.ImplicitTLS, pop3.Login{Password: right, Auth: method}, method, 0, true)
	}
	for _, method := range []string{"plain", "login", "user"} {
		row(method+", hashed", true, pop3.ImplicitTLS, pop3.Login{Password: right, Auth: method}, method, 0, true)
	}
	for _, method := range []string{"scram-sha-1", "scram-sha-256", "cram-md5", "apop"} {
		row(method+", hashed", true, pop3.ImplicitTLS, pop3.Login{Password: right, Auth: method}, method, 1, false)
	}
	row("auto", false, pop3.ImplicitTLS, pop3.Login{Password: right}, "scram-sha-256", 0, true)
	row("auto, hashed", true, pop3.ImplicitTLS, pop3.Login{Password: right}, "plain", 0, true)
	row("auto, hashed, without TLS", true, pop3.NoTLS, pop3.Login{Password: right}, "scram-sha-256", 1, false)
	row("auto, hashed, remembered", true, pop3.ImplicitTLS, pop3.Login{Password: right, Worked: "plain"}, "plain", 0, true)
	row("auto, remembered, wrong", false, pop3.ImplicitTLS, pop3.Login{Password: wrong, Worked: "plain"}, "plain", 1, false)
	row("auto, wrong: the pair", false, pop3.ImplicitTLS, pop3.Login{Password: wrong}, "plain", 2, false)
	row("auto, as before the upgrade", true, pop3.NoTLS, pop3.Login{Password: right, Worked: "password"}, "plain", 0, true)
	row("auto, as before the upgrade, wrong", false, pop3.ImplicitTLS, pop3.Login{Password: wrong, Worked: "password"}, "plain", 1, false)
}
