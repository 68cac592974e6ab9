package pop3_test

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

func xoauth2(user, token string) string {
	return base64.StdEncoding.EncodeToString([]byte("user=" + user + "\x01auth=Bearer " + token + "\x01\x01"))
}

// Tokens go in two steps, however short: Exchange answers "Protocol error" to one in the command. A refused one is followed by
// one newer, on the same connection, and then it is over.
func TestToken(t *testing.T) {
	const capa = "+OK\r\nSASL PLAIN XOAUTH2\r\n.\r\n"
	bearer := base64.StdEncoding.EncodeToString([]byte("n,a=m=2Ce,\x01host=h\x01port=110\x01auth=Bearer one\x01\x01"))
	failure := base64.StdEncoding.EncodeToString([]byte(`{"status":"401","schemes":"bearer","scope":"x"}`))
	long := strings.Repeat("eyJ0", 2000)
	refused := func(token string) []string {
		return []string{"AUTH XOAUTH2", "+ \r\n", xoauth2("m,e", token), "+ " + failure + "\r\n", "", "-ERR [AUTH] no " + token + " " + xoauth2("m,e", token) + "\r\n"}
	}
	for _, tt := range []struct {
		name   string
		capa   string
		auth   string
		tokens []string // that are given, in order
		turns  []string
		ok     bool
	}{
		{"as Exchange wants it", capa, "", []string{"one"}, []string{"AUTH XOAUTH2", "+ \r\n", xoauth2("m,e", "one"), "+OK User successfully authenticated.\r\n"}, true},
		{"8 KB", capa, "", []string{long}, []string{"AUTH XOAUTH2", "+\r\n", xoauth2("m,e", long), "+OK\r\n"}, true},
		{"go ahead", capa, "auto", []string{"one"}, []string{"AUTH XOAUTH2", "+ go ahead\r\n", xoauth2("m,e", "one"), "+OK\r\n"}, true},
		{"not announced", "-ERR\r\n", "", []string{"one"}, []string{"AUTH XOAUTH2", "+ \r\n", xoauth2("m,e", "one"), "+OK\r\n"}, true},
		{"the standard", "+OK\r\nSASL PLAIN OAUTHBEARER\r\n.\r\n", "", []string{"one"}, []string{"AUTH OAUTHBEARER", "+ \r\n", bearer, "+OK\r\n"}, true},
		{"the standard refuses", capa, "oauthbearer", []string{"one", "one"}, []string{"AUTH OAUTHBEARER", "+ \r\n", bearer, "+ " + failure + "\r\n", "AQ==", "-ERR no one\r\n"}, false},
		{"newer", capa, "", []string{"first", "second"}, append(refused("first"), "AUTH XOAUTH2", "+ \r\n", xoauth2("m,e", "second"), "+OK\r\n"), true},
		{"newer is refused too", capa, "", []string{"first", "second", "third"}, append(refused("first"), refused("second")...), false},
		{"none newer", capa, "", []string{"first", "first"}, refused("first"), false},
		{"for now", capa, "", []string{"one"}, []string{"AUTH XOAUTH2", "+ \r\n", xoauth2("m,e", "one"), "-ERR [SYS/TEMP] later\r\n"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			turns := append([]string{"CAPA", tt.capa}, tt.turns...)
			if tt.ok {
				turns = append(turns, "CAPA", "-ERR\r\n")
			}
			dial := start(t, fault.Script{fault.Send("+OK hi\r\n"), fault.Chat(turns...), fault.ExpectEOF()})
			c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var asked []string
			err = c.Login(t.Context(), pop3.Login{Username: "m,e", Auth: tt.auth, Token: func(_ context.Context, refused string) (string, error) {
				asked = append(asked, refused)
				return tt.tokens[len(asked)-1], nil
			}})
			want := append([]string{""}, tt.tokens[:len(tt.tokens)-1]...)
			if !slices.Equal(asked, want) || (err == nil) != tt.ok {
				t.Errorf("asked %q, %v", asked, err)
			}
			var le *pop3.LoginError
			if !tt.ok && !errors.As(err, &le) {
				t.Error(err)
			}
			for _, token := range tt.tokens {
				if err != nil && len(token) > 3 && (strings.Contains(err.Error(), token) || strings.Contains(err.Error(), xoauth2("m,e", token)[20:40])) {
					t.Error("token in", err)
				}
			}
		})
	}
}

// What is wrong with getting a token is kept.
func TestTokenFails(t *testing.T) {
	gone := errors.New("the grant was withdrawn")
	for _, first := range []string{"", "one"} {
		turns := []string{"CAPA", "+OK\r\nSASL XOAUTH2\r\n.\r\n"}
		if first != "" {
			turns = append(turns, "AUTH XOAUTH2", "+ \r\n", xoauth2("me", first), "-ERR no\r\n")
		}
		dial := start(t, fault.Script{fault.Send("+OK hi\r\n"), fault.Chat(turns...), fault.ExpectEOF()})
		c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
		if err != nil {
			t.Fatal(err)
		}
		err = c.Login(t.Context(), pop3.Login{Username: "me", Token: func(_ context.Context, refused string) (string, error) {
			if refused == first {
				return "", gone
			}
			return first, nil
		}})
		var se *pop3.SecretError
		if !errors.As(err, &se) || !se.Token || !errors.Is(err, gone) || !strings.Contains(err.Error(), "access token") {
			t.Error(err)
		}
		c.Close()
	}
}
