package pop3_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

const sasl = "+OK\r\nSASL LOGIN PLAIN\r\n.\r\n"

func plain(user, pass string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + pass))
}

// TestLogin checks, octet for octet, what goes over the wire.
func TestLogin(t *testing.T) {
	long := strings.Repeat("p", 300)
	for _, tt := range []struct {
		name, auth, user, pass string
		turns                  []string // after the greeting
	}{
		{"USER", "", "me", " p w ", []string{"CAPA", "-ERR\r\n", "USER me", "+OK\r\n", "PASS  p w ", "+OK\r\n", "CAPA", "-ERR\r\n"}},
		{"8-bit", "", "m\xe9", "\xff\xfe", []string{"CAPA", "-ERR\r\n", "USER m\xe9", "+OK\r\n", "PASS \xff\xfe", "+OK\r\n", "CAPA", "-ERR\r\n"}},
		{"USER by wish", "user", "me", "pw", []string{"CAPA", sasl, "USER me", "+OK\r\n", "PASS pw", "+OK\r\n", "CAPA", sasl}},
		{"PLAIN", "auto", "me", "pw", []string{"CAPA", sasl, "AUTH PLAIN " + plain("me", "pw"), "+OK\r\n", "CAPA", sasl}},
		{"PLAIN by wish", "plain", "me", "pw", []string{"CAPA", "-ERR\r\n", "AUTH PLAIN " + plain("me", "pw"), "+OK\r\n", "CAPA", sasl}},
		{"PLAIN in two steps", "", "me", long, []string{"CAPA", sasl, "AUTH PLAIN", "+ \r\n", plain("me", long), "+OK\r\n", "CAPA", sasl}},
		{"PLAIN overlooked", "", "me", "pw", []string{"CAPA", sasl, "AUTH PLAIN " + plain("me", "pw"), "+\r\n", plain("me", "pw"), "+OK\r\n", "CAPA", sasl}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dial := start(t, fault.Script{fault.Send("+OK hi\r\n"), fault.Chat(tt.turns...), fault.ExpectEOF()})
			c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.Login(t.Context(), pop3.Login{Username: tt.user, Password: secret(tt.pass), Auth: tt.auth}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestLoginRefused: one refusal is one refusal. The secret is not tried in another way, and never shows.
func TestLoginRefused(t *testing.T) {
	b64 := plain("me", "hunter2")
	for _, tt := range []struct {
		name, code string
		turns      []string
	}{
		{"USER", "", []string{"CAPA", "-ERR\r\n", "USER me", "-ERR who is me?\r\n"}},
		{"PASS", "AUTH", []string{"CAPA", "-ERR\r\n", "USER me", "+OK\r\n", "PASS hunter2", "-ERR [AUTH] hunter2 is wrong, " + b64 + " too\r\n"}},
		{"in use", "IN-USE", []string{"CAPA", "-ERR\r\n", "USER me", "+OK\r\n", "PASS hunter2", "-ERR [in-use]\r\n"}},
		{"AUTH", "", []string{"CAPA", sasl, "AUTH PLAIN " + b64, "-ERR no: AUTH PLAIN " + b64 + "\r\n"}},
		{"AUTH late", "SYS/TEMP", []string{"CAPA", sasl, "AUTH PLAIN " + b64, "+ \r\n", b64, "-ERR [SYS/TEMP] " + b64 + "\r\n"}},
		{"AUTH bad code", "(SECRET)", []string{"CAPA", sasl, "AUTH PLAIN " + b64, "-ERR [hunter2]\r\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dial := start(t, fault.Script{fault.Send("+OK hi\r\n"), fault.Chat(tt.turns...), fault.ExpectEOF()})
			c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			err = c.Login(t.Context(), pop3.Login{Username: "me", Password: secret("hunter2")})
			var le *pop3.LoginError
			var re *pop3.ResponseError
			if !errors.As(err, &le) || !errors.As(err, &re) || re.Code != tt.code {
				t.Fatal(err)
			}
			if s := err.Error(); strings.Contains(strings.ToLower(s), "hunter2") || strings.Contains(s, b64) {
				t.Error("secret in", s)
			}
		})
	}
}

// TestLoginGarbled: protocol errors during login do not show the secret either.
func TestLoginGarbled(t *testing.T) {
	for _, reply := range []string{"*** hunter2\r\n", "+ hunter2\r\n", "+OK hunter2\n"} {
		dial := start(t, fault.Script{fault.Send("+OK hi\r\n"), fault.Chat("CAPA", "-ERR\r\n", "USER me", "+OK\r\n", "PASS hunter2", reply), fault.ExpectEOF()})
		c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
		if err != nil {
			t.Fatal(err)
		}
		err = c.Login(t.Context(), pop3.Login{Username: "me", Password: secret("hunter2")})
		var le *pop3.LoginError
		if wrong(t, err, 0, "PASS"); errors.As(err, &le) || strings.Contains(err.Error(), "hunter2") {
			t.Error(err)
		}
		c.Close()
	}
}

// TestLoginInjection: nothing is sent when a credential could be a second command, and the error does not show it.
func TestLoginInjection(t *testing.T) {
	for _, bad := range []string{"x\r\nDELE 1", "x\nDELE 1", "x\rDELE 1", "x\x00y"} {
		for _, auth := range []string{"user", "plain"} {
			for _, where := range []string{"user", "password"} {
				dial := start(t, fault.Script{fault.Send("+OK hi\r\n"), fault.Chat("CAPA", "-ERR\r\n"), fault.ExpectEOF()})
				c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
				if err != nil {
					t.Fatal(err)
				}
				l := pop3.Login{Username: "me", Password: secret(bad), Auth: auth}
				if where == "user" {
					l = pop3.Login{Username: bad, Password: secret("pw"), Auth: auth}
				}
				err = c.Login(t.Context(), l)
				var se *pop3.SecretError
				if err == nil || errors.As(err, &se) != (where == "password") || strings.Contains(err.Error(), "DELE") || strings.Contains(err.Error(), "\x00") {
					t.Errorf("%q as %s: %v", bad, where, err)
				}
				c.Close()
			}
		}
	}
}

// TestLoginTooEarly: a server that says yes before it knows who we are is not to be believed.
func TestLoginTooEarly(t *testing.T) {
	dial := start(t, fault.Script{fault.Send("+OK hi\r\n"), fault.Chat("CAPA", sasl, "AUTH PLAIN", "+OK welcome\r\n"), fault.ExpectEOF()})
	c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	wrong(t, c.Login(t.Context(), pop3.Login{Username: "me", Password: secret(strings.Repeat("p", 300))}), 0, "AUTH")
}

func TestSecretError(t *testing.T) {
	gone := errors.New("pass: command not found")
	dial := start(t, fault.Script{fault.Send("+OK hi\r\n"), fault.Chat("CAPA", "-ERR\r\n", "NOOP", "+OK\r\n"), fault.ExpectEOF()})
	c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.Login(t.Context(), pop3.Login{Username: "me", Password: func(context.Context) (string, error) { return "", gone }})
	var se *pop3.SecretError
	if !errors.As(err, &se) || !errors.Is(err, gone) {
		t.Error(err)
	}
	if err := c.Noop(t.Context()); err != nil {
		t.Error("nothing was sent, yet:", err)
	}
}

// TestCapabilitiesAfterLogin: where the server takes several commands at a time, CAPA goes with the first of them.
func TestCapabilitiesAfterLogin(t *testing.T) {
	before := "+OK\r\nPIPELINING\r\nSASL PLAIN\r\n.\r\n"
	loggedIn := fault.Chat("CAPA", before, "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00me\x00pw")), "+OK\r\n")
	listing := "+OK\r\n1 a\r\n.\r\n+OK\r\n1 10\r\n.\r\n"
	for _, tt := range []struct {
		name  string
		more  fault.Script
		first func(c *pop3.Client) error
		top   bool // announced afterwards
	}{
		{"listing", fault.Script{fault.Expect("CAPA"), fault.Expect("UIDL"), fault.Expect("LIST"), fault.Send("+OK\r\nTOP\r\nPIPELINING\r\n.\r\n" + listing)}, nil, true},
		{"no pipelining any more", fault.Script{fault.Expect("CAPA"), fault.Expect("UIDL"), fault.Expect("LIST"), fault.Send("+OK\r\nTOP\r\n.\r\n" + listing)}, nil, true},
		{"refused", fault.Script{fault.Expect("CAPA"), fault.Expect("UIDL"), fault.Expect("LIST"), fault.Send("-ERR\r\n" + listing)}, nil, false},
		{"another first", fault.Script{fault.Chat("CAPA", "+OK\r\nTOP\r\nPIPELINING\r\n.\r\n", "NOOP", "+OK\r\n"),
			fault.Expect("UIDL"), fault.Expect("LIST"), fault.Send(listing)}, func(c *pop3.Client) error { return c.Noop(t.Context()) }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			script := append(fault.Script{fault.Send("+OK hi\r\n"), loggedIn}, tt.more...)
			c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS,
				Dial: start(t, append(script, fault.Chat("QUIT", "+OK\r\n"), fault.ExpectEOF()))})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.Login(t.Context(), pop3.Login{Username: "me", Password: secret("pw")}); err != nil {
				t.Fatal(err)
			}
			if tt.first != nil {
				if err := tt.first(c); err != nil {
					t.Fatal(err)
				}
			}
			l, err := c.List(t.Context())
			if err != nil || l.Len() != 1 {
				t.Fatal(l, err)
			}
			if got := c.Capabilities().Top; got != tt.top {
				t.Errorf("TOP is %v after the listing", got)
			}
			if err := c.Quit(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
