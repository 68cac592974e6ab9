package pop3_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// A server that announces AUTH PLAIN and does not know AUTH has not looked at the password, so USER and PASS follow. Any other
// refusal may be about the password, and ends the login.
func TestAuthUnknown(t *testing.T) {
	auth := "AUTH PLAIN " + plain("me", "pw")
	for text, unknown := range map[string]bool{
		"-ERR unknown command":                             true,
		"-ERR Unknown command: AUTH":                       true,
		"-ERR unrecognized":                                true,
		"-ERR Unrecognised command":                        true,
		"-ERR command not recognized":                      true,
		"-ERR not implemented":                             true,
		"-ERR Command not implemented, use USER and PASS":  true,
		"-ERR unimplemented":                               true,
		"-ERR AUTH not supported":                          true,
		"-ERR unsupported authentication mechanism":        true,
		"-ERR Unknown AUTH mechanism PLAIN":                true,
		"-ERR invalid command":                             true,
		"-ERR syntax error":                                true,
		"-ERR Command is not valid in this state.":         true,
		"-ERR no such command":                             true,
		"-ERR":                                             false,
		"-ERR no":                                          false,
		"-ERR unknown":                                     false,
		"-ERR unknown user":                                false,
		"-ERR unrecognized user or password":               false,
		"-ERR invalid command or password":                 false,
		"-ERR Authentication failed":                       false,
		"-ERR AUTH failed: account not supported":          false,
		"-ERR [AUTH] unknown command":                      false,
		"-ERR [SYS/TEMP] not implemented":                  false,
		"-ERR not supported for your account":              false,
		"-ERR access denied, unsupported":                  false,
		"-ERR unsupported password format":                 false,
		"-ERR [AUTH] not implemented, password is correct": false,
	} {
		t.Run(text, func(t *testing.T) {
			turns := []string{"CAPA", sasl, auth, text + "\r\n"}
			if unknown {
				turns = append(turns, "USER me", "+OK\r\n", "PASS pw", "+OK\r\n", "CAPA", sasl)
			}
			dial := start(t, fault.Script{fault.Send("+OK hi\r\n"), fault.Chat(turns...), fault.ExpectEOF()})
			c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			err = c.Login(t.Context(), pop3.Login{Username: "me", Password: secret("pw")})
			var refused *pop3.LoginError
			if (err == nil) != unknown || err != nil && !errors.As(err, &refused) || c.LastLogin().AuthUnknown != unknown {
				t.Errorf("%v, unknown: %v", err, c.LastLogin().AuthUnknown)
			}
		})
	}
}

// One way after another, once: what USER and PASS answer is the answer, and what is configured is obeyed.
func TestAuthUnknownOnce(t *testing.T) {
	auth := "AUTH PLAIN " + plain("me", "pw")
	for name, tt := range map[string]struct {
		auth  string
		turns []string
	}{
		"refused then":      {"auto", []string{auth, "-ERR unknown command\r\n", "USER me", "+OK\r\n", "PASS pw", "-ERR [AUTH] wrong\r\n"}},
		"user unknown too":  {"auto", []string{auth, "-ERR unknown command\r\n", "USER me", "-ERR unknown command\r\n"}},
		"plain by wish":     {"plain", []string{auth, "-ERR unknown command\r\n"}},
		"after a challenge": {"auto", []string{auth, "+ \r\n", plain("me", "pw"), "-ERR unknown command\r\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			turns := append([]string{"CAPA", sasl}, tt.turns...)
			dial := start(t, fault.Script{fault.Send("+OK hi\r\n"), fault.Chat(turns...), fault.ExpectEOF()})
			c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			err = c.Login(t.Context(), pop3.Login{Username: "me", Password: secret("pw"), Auth: tt.auth})
			var refused *pop3.LoginError
			if !errors.As(err, &refused) || c.LastLogin().AuthUnknown != (name != "after a challenge") {
				t.Errorf("%v, unknown: %v", err, c.LastLogin().AuthUnknown)
			}
		})
	}
}

// Whatever text comes with a continuation, it is one; what only looks like it is not.
func TestContinuations(t *testing.T) {
	long := strings.Repeat("p", 300)
	for _, challenge := range []string{"+", "+ ", "+  ", "+ go ahead", "+ R28gYWhlYWQ=", "+\tgo", "+ OK", "+ \x1b[2J"} {
		for _, pw := range []string{"pw", long} {
			first := "AUTH PLAIN"
			if pw == "pw" {
				first += " " + plain("me", pw)
			}
			dial := start(t, fault.Script{fault.Send("+OK hi\r\n"), fault.Chat("CAPA", sasl, first, challenge+"\r\n", plain("me", pw), "+OK\r\n", "CAPA", sasl), fault.ExpectEOF()})
			c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Login(t.Context(), pop3.Login{Username: "me", Password: secret(pw)}); err != nil {
				t.Errorf("%q: %v", challenge, err)
			}
			c.Close()
		}
	}
	for _, odd := range []string{"+go", "+Ok", "+OKAY", "", "ok", "- ERR"} {
		dial := start(t, fault.Script{fault.Send("+OK hi\r\n"), fault.Chat("CAPA", sasl, "AUTH PLAIN "+plain("me", "pw"), odd+"\r\n"), fault.ExpectEOF()})
		c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
		if err != nil {
			t.Fatal(err)
		}
		wrong(t, c.Login(t.Context(), pop3.Login{Username: "me", Password: secret("pw")}), 0, "AUTH")
		c.Close()
	}
}

// What breaks at CAPA is told from what breaks elsewhere, and without CAPA the session does what it can.
func TestBrokenByCapa(t *testing.T) {
	dialled := func(t *testing.T, steps ...fault.Step) error {
		dial := start(t, append(fault.Script{fault.Send("+OK hi\r\n")}, steps...))
		c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
		if err != nil {
			return err
		}
		defer c.Close()
		return c.Login(t.Context(), pop3.Login{Username: "me", Password: secret("pw")})
	}
	for name, tt := range map[string]struct {
		steps []fault.Step
		want  bool
	}{
		"closed":                  {[]fault.Step{fault.Expect("CAPA")}, true},
		"closed within":           {[]fault.Step{fault.Chat("CAPA", "+OK\r\nTOP\r\nUI")}, true},
		"garbled":                 {[]fault.Step{fault.Chat("CAPA", "hello?\r\n")}, true},
		"garbled within":          {[]fault.Step{fault.Chat("CAPA", "+OK\r\nTOP\nUIDL\n.\n")}, true},
		"endless":                 {[]fault.Step{fault.Chat("CAPA", "+OK\r\n"), fault.Repeat("TOP\r\n")}, true},
		"refused, then closed":    {[]fault.Step{fault.Chat("CAPA", "-ERR what?\r\n"), fault.Expect("USER me")}, true},
		"refused, closed later":   {[]fault.Step{fault.Chat("CAPA", "-ERR what?\r\n", "USER me", "+OK\r\n"), fault.Expect("PASS pw")}, false},
		"answered, then closed":   {[]fault.Step{fault.Chat("CAPA", "+OK\r\n.\r\n"), fault.Expect("USER me")}, false},
		"closed behind the login": {[]fault.Step{fault.Chat("CAPA", "+OK\r\n.\r\n", "USER me", "+OK\r\n", "PASS pw", "+OK\r\n"), fault.Expect("CAPA")}, true},
		"refused login":           {[]fault.Step{fault.Chat("CAPA", "-ERR\r\n", "USER me", "-ERR no\r\n"), fault.ExpectEOF()}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := dialled(t, tt.steps...)
			if err == nil || pop3.BrokenByCapa(err) != tt.want {
				t.Errorf("%v: %v", pop3.BrokenByCapa(err), err)
			}
		})
	}
	t.Run("silent", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			if err := dialled(t, fault.Expect("CAPA"), fault.Stalled()); !pop3.BrokenByCapa(err) {
				t.Error(err)
			}
		})
	})
	t.Run("without", func(t *testing.T) {
		dial := start(t, fault.Script{fault.Send("+OK hi\r\n"), fault.Chat("USER me", "+OK\r\n", "PASS pw", "+OK\r\n", "NOOP", "+OK\r\n"), fault.ExpectEOF()})
		c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, NoCapa: true, Dial: dial})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := errors.Join(c.Login(t.Context(), pop3.Login{Username: "me", Password: secret("pw")}), c.Noop(t.Context())); err != nil || c.AsksCapa() {
			t.Error(err)
		}
	})
	// Whoever closes the connection at CAPA does not get a password in plaintext by it.
	t.Run("without, TLS wanted", func(t *testing.T) {
		dial := start(t, fault.Script{fault.Send("+OK hi\r\n"), fault.Chat("STLS", "-ERR\r\n"), fault.ExpectEOF()})
		_, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.StartTLS, NoCapa: true, Dial: dial})
		if !errors.Is(err, pop3.ErrNoSTLS) {
			t.Error(err)
		}
	})
}

func dialling(conns ...net.Conn) dialFunc {
	n := 0
	return func(context.Context, string, string) (net.Conn, error) {
		if n == len(conns) {
			return nil, errors.New("no more connections")
		}
		n++
		return conns[n-1], nil
	}
}

// What a server says in another script is kept as what it says, where that is certain, and escaped where it is not.
func TestRefusalText(t *testing.T) {
	for said, want := range map[string]string{
		"密码错误":                             "密码错误",
		"\xb5\xc7\xc2\xbc\xca\xa7\xb0\xdc": "登录失败",
		"Ung\xfcltiges Kennwort":           "Ungültiges Kennwort",
		"\xb5\xc7":                         `\xb5\xc7`,
		"密码\x1b[2J\u202e\u009b":            `密码\x1b[2J\xe2\x80\xae\xc2\x9b`,
	} {
		dial := start(t, fault.Script{fault.Send("+OK hi\r\n"), fault.Chat("CAPA", "-ERR\r\n", "USER me", "-ERR "+said+"\r\n"), fault.ExpectEOF()})
		c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
		if err != nil {
			t.Fatal(err)
		}
		err = c.Login(t.Context(), pop3.Login{Username: "me", Password: secret("pw")})
		var refused *pop3.ResponseError
		if !errors.As(err, &refused) || refused.Text != want {
			t.Errorf("%q: %v, want %q", said, err, want)
		}
		c.Close()
	}
}
