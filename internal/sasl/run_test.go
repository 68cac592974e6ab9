package sasl

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
)

// first is what the first message of SCRAM looks like, with the nonce of the tests.
const first = "n,,n=me,r=abc"

// TestRun plays which way is tried first, and what follows a refusal.
func TestRun(t *testing.T) {
	good, old := modern(t), legacy(t)
	const none = ""
	bound := strings.Replace(first, "n,,", "y,,", 1)
	plain := "PLAIN \x00me\x00pw"
	all := []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"}
	for _, tt := range []struct {
		name   string
		login  Login
		offer  Offer
		turns  []string
		method string
		weaker string
		err    error // nil: logged in; errOther: one of the room's own
	}{
		// what is tried first
		{"PLAIN", Login{}, Offer{Known: true, Mechanisms: []string{"LOGIN", "PLAIN"}, User: true}, []string{plain, "ok"}, "plain", none, nil},
		{"USER before LOGIN", Login{}, Offer{Known: true, Mechanisms: []string{"LOGIN"}, User: true}, []string{"user me pw", "ok"}, "user", none, nil},
		{"LOGIN, no USER", Login{}, Offer{Known: true, Mechanisms: []string{"LOGIN"}, User: true, NoUser: true}, []string{"LOGIN", "+ x", "> me", "+ y", "> pw", "ok"}, "login", none, nil},
		{"as before the upgrade", Login{Worked: Password}, Offer{Known: true, Mechanisms: []string{"LOGIN", "SCRAM-SHA-1"}, User: true, NoUser: true}, []string{"user me pw", "ok"}, "user", none, nil},
		{"as before the upgrade, PLAIN", Login{Worked: Password}, Offer{Known: true, Mechanisms: all, User: true}, []string{plain, "ok"}, "plain", none, nil},
		{"as before the upgrade, by mail server", Login{Worked: Password}, Offer{Known: true, Mechanisms: []string{"SCRAM-SHA-1", "LOGIN"}}, []string{"LOGIN", "+", "> me", "+", "> pw", "ok"}, "login", none, nil},
		{"nothing known", Login{}, Offer{User: true}, []string{"user me pw", "ok"}, "user", none, nil},
		{"nothing fits", Login{}, Offer{Known: true, Mechanisms: []string{"CRAM-MD5", "NTLM", "XOAUTH2", "EXTERNAL"}}, nil, none, none, errOther},
		{"what worked, although there is better", Login{Worked: "plain"}, Offer{Known: true, Mechanisms: all, TLS: good}, []string{plain, "ok"}, "plain", none, nil},
		{"what worked, unasked", Login{Worked: "plain"}, Offer{User: true}, []string{plain, "ok"}, "plain", none, nil},
		{"what is gone, for better", Login{Worked: "plain"}, Offer{Known: true, Mechanisms: []string{"SCRAM-SHA-256"}}, []string{"SCRAM-SHA-256 " + first, "later"}, "scram-sha-256", none, errLater},
		{"by name", Login{Auth: "cram-md5"}, Offer{Known: true}, []string{"CRAM-MD5", "+ <1@x>", "> me ea1cb6c9d1fc5a2a9ec0b0a3a1b1f1b1", "ok"}, "cram-md5", none, errCut},
		{"APOP", Login{Auth: "apop"}, Offer{Known: true, User: true, Timestamp: "<1896.697170952@dbc.mtview.ca.us>"}, []string{"apop me c4c9334bac560ecc979e58001b3e22fb", "ok"}, "apop", none, nil},
		{"APOP, no timestamp", Login{Auth: "apop"}, Offer{Known: true, User: true}, nil, none, none, errOther},
		{"EXTERNAL", Login{Auth: "external"}, Offer{Known: true}, []string{"EXTERNAL me", "ok"}, "external", none, nil},
		{"unknown", Login{Auth: "ntlm"}, Offer{Known: true}, nil, none, none, errOther},
		{"-PLUS without TLS", Login{Auth: "scram-sha-1-plus"}, Offer{Known: true}, nil, "scram-sha-1-plus", none, errOther},

		// what follows a refusal
		{"the pair", Login{}, Offer{Known: true, Mechanisms: all, User: true, TLS: good}, []string{"SCRAM-SHA-256 " + bound, "no", plain, "ok"}, "plain", none, nil},
		{"the pair, refused", Login{}, Offer{Known: true, Mechanisms: all, User: true, TLS: good}, []string{"SCRAM-SHA-256 " + bound, "no", plain, "no"}, "plain", none, errNo},
		{"the pair, cut", Login{}, Offer{Known: true, Mechanisms: all, User: true, TLS: good}, []string{"SCRAM-SHA-256 " + bound, "no", plain, "connection lost"}, "scram-sha-256", none, errNo},
		{"the pair, later", Login{}, Offer{Known: true, Mechanisms: all, User: true, TLS: good}, []string{"SCRAM-SHA-256 " + bound, "no", plain, "later"}, "plain", none, errLater},
		{"by USER", Login{}, Offer{Known: true, Mechanisms: []string{"SCRAM-SHA-1"}, User: true, TLS: good}, []string{"SCRAM-SHA-1 " + bound, "no", "user me pw", "ok"}, "user", none, nil},
		{"no password on offer", Login{}, Offer{Known: true, Mechanisms: []string{"SCRAM-SHA-1"}, TLS: good}, []string{"SCRAM-SHA-1 " + bound, "no"}, "scram-sha-1", none, errNo},
		{"without TLS", Login{}, Offer{Known: true, Mechanisms: all, User: true}, []string{"SCRAM-SHA-256 " + first, "no"}, "scram-sha-256", none, errNo},
		{"legacy TLS", Login{}, Offer{Known: true, Mechanisms: all, User: true, TLS: old}, []string{"SCRAM-SHA-256 " + first, "no"}, "scram-sha-256", none, errNo},
		{"refused for now", Login{}, Offer{Known: true, Mechanisms: all, TLS: good}, []string{"SCRAM-SHA-256 " + bound, "later"}, "scram-sha-256", none, errLater},
		{"named", Login{Auth: "scram-sha-256"}, Offer{Known: true, Mechanisms: all, TLS: good}, []string{"SCRAM-SHA-256 " + bound, "no"}, "scram-sha-256", none, errNo},
		{"PLAIN refused", Login{}, Offer{Known: true, Mechanisms: []string{"PLAIN", "LOGIN"}, User: true, TLS: good}, []string{plain, "no"}, "plain", none, errNo},
		{"AUTH unknown", Login{}, Offer{Known: true, Mechanisms: []string{"PLAIN"}, User: true}, []string{plain, "unknown command", "user me pw", "ok"}, "user", none, nil},
		{"AUTH unknown behind SCRAM", Login{}, Offer{Known: true, Mechanisms: all, User: true, TLS: good}, []string{"SCRAM-SHA-256 " + bound, "unknown command", "user me pw", "ok"}, "user", none, nil},
		{"AUTH unknown, in the clear", Login{Worked: "scram-sha-256"}, Offer{Known: true, Mechanisms: all, User: true}, []string{"SCRAM-SHA-256 " + first, "unknown command"}, "scram-sha-256", none, errOther},
		{"AUTH unknown, a name given", Login{Auth: "plain"}, Offer{Known: true, User: true}, []string{plain, "unknown command"}, "plain", none, errUnknown},
		{"unknown after the secret", Login{}, Offer{Known: true, Mechanisms: []string{"PLAIN"}, User: true}, []string{plain, "raw go ahead", "> \x00me\x00pw", "unknown command"}, "plain", none, errUnknown},
		{"no response in the command", Login{}, Offer{Known: true, Mechanisms: []string{"PLAIN"}}, []string{plain, "too many arguments", "PLAIN", "+ ", "> \x00me\x00pw", "ok"}, "plain", none, nil},
		{"known beforehand", Login{TwoSteps: true}, Offer{Known: true, Mechanisms: []string{"PLAIN"}}, []string{"PLAIN", "raw go ahead", "> \x00me\x00pw", "ok"}, "plain", none, nil},
		{"welcome before anything was said", Login{TwoSteps: true}, Offer{Known: true, Mechanisms: []string{"PLAIN"}}, []string{"PLAIN", "ok"}, "plain", none, errOther},

		// weaker than before
		{"not announced any more", Login{Worked: "scram-sha-256"}, Offer{Known: true, Mechanisms: []string{"PLAIN"}, User: true, TLS: good}, []string{plain, "ok"}, "plain", "scram-sha-256", nil},
		{"a weaker SCRAM", Login{Worked: "scram-sha-256"}, Offer{Known: true, Mechanisms: []string{"SCRAM-SHA-1", "PLAIN"}, TLS: good}, []string{"SCRAM-SHA-1 " + bound, "later"}, "scram-sha-1", none, errLater},
		{"refused now", Login{Worked: "scram-sha-256"}, Offer{Known: true, Mechanisms: all, TLS: good}, []string{"SCRAM-SHA-256 " + bound, "no", plain, "ok"}, "plain", "scram-sha-256", nil},
		{"in the clear", Login{Worked: "scram-sha-256"}, Offer{Known: true, Mechanisms: []string{"PLAIN"}, User: true}, nil, none, none, errOther},
		{"USER in the clear", Login{Worked: "scram-sha-1"}, Offer{User: true, Known: true}, nil, none, none, errOther},
		{"with legacy TLS", Login{Worked: "scram-sha-256"}, Offer{Known: true, Mechanisms: []string{"PLAIN"}, TLS: old}, nil, none, none, errOther},
		{"bound before", Login{Worked: "scram-sha-256-plus"}, Offer{Known: true, Mechanisms: all, TLS: good}, nil, none, none, errOther},
		{"a name given", Login{Worked: "scram-sha-256-plus", Auth: "plain"}, Offer{Known: true, Mechanisms: all}, []string{plain, "ok"}, "plain", none, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := tt.login
			l.Username = "me"
			asked := 0
			l.Password = func(context.Context) (string, error) { asked++; return "pw", nil }
			if l.Auth == "apop" {
				l.Password = password("tanstaaf")
			}
			tt.offer.Line = 512
			w := &script{t: t, turns: tt.turns}
			if l.Auth == "cram-md5" {
				w.turns[2] = "> " + cramOf(t, "<1@x>")
				tt.err = nil
			}
			r := &run{Login: l, offer: tt.offer, wire: w, nonce: func() string { return "abc" }}
			out, err := r.all(t.Context())
			switch {
			case tt.err == errOther:
				if own := errors.Is(err, errNo) || errors.Is(err, errCut); err == nil || own {
					t.Errorf("%v", err)
				}
			case err != tt.err:
				t.Errorf("%v, want %v", err, tt.err)
			}
			if out.Method != tt.method || out.Weaker != tt.weaker {
				t.Errorf("%+v", out)
			}
			if asked > 1 {
				t.Error("the password was asked for more than once")
			}
			w.end()
		})
	}
}

var errOther = errors.New("one of the room's own")

// cramOf is the answer to a challenge of CRAM-MD5; TestCRAM has the vector.
func cramOf(t *testing.T, challenge string) string {
	t.Helper()
	answer, err := (&cramMD5{user: "me", secret: "pw"}).Next([]byte(challenge))
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// TestCRAM is the exchange of RFC 2195, section 2.
func TestCRAM(t *testing.T) {
	w := &script{t: t, turns: []string{"CRAM-MD5", "+ <1896.697170952@postoffice.reston.mci.net>", "> tim b913a602c7eda7a495b4e6e7334d3890", "ok"}}
	out, err := Run(t.Context(), Login{Username: "tim", Password: password("tanstaaftanstaaf"), Auth: "cram-md5"}, Offer{Known: true, Line: 512}, w)
	if err != nil || out.Method != "cram-md5" {
		t.Error(out, err)
	}
	w.end()
	if !w.hidden.Contains([]byte("b913a602c7eda7a495b4e6e7334d3890")) || !w.hidden.Contains([]byte("tanstaaftanstaaf")) {
		t.Error("a digest is shown, or the secret")
	}
}

// TestToken: a refused token is followed by one newer, and no other; the challenge of a refusal is answered.
func TestToken(t *testing.T) {
	xoauth2 := func(token string) string { return "> user=m,e\x01auth=Bearer " + token + "\x01\x01" }
	const failure = `+ {"status":"401"}`
	for _, tt := range []struct {
		name   string
		auth   string
		offer  Offer
		tokens []string
		turns  []string
		err    error
	}{
		{"in the command", "", Offer{Known: true, Mechanisms: []string{"PLAIN", "XOAUTH2"}}, []string{"one"}, []string{"XOAUTH2 " + xoauth2("one")[2:], "ok"}, nil},
		{"overlooked there", "", Offer{Known: true, Mechanisms: []string{"PLAIN", "XOAUTH2"}}, []string{"one"}, []string{"XOAUTH2 " + xoauth2("one")[2:], "raw go ahead", xoauth2("one"), "ok"}, nil},
		{"refused there", "", Offer{Known: true, Mechanisms: []string{"XOAUTH2"}}, []string{"one", "one"}, []string{"XOAUTH2 " + xoauth2("one")[2:], failure, "> ", "no"}, errNo},
		{"apart", "", Offer{Known: true, Mechanisms: []string{"XOAUTH2", "OAUTHBEARER"}, TokenApart: true}, []string{"one"}, []string{"XOAUTH2", "+ ", xoauth2("one"), "ok"}, nil},
		{"the standard", "", Offer{Known: true, Mechanisms: []string{"OAUTHBEARER"}, TokenApart: true}, []string{"one"}, []string{"OAUTHBEARER", "+ ", "> n,a=m=2Ce,\x01host=h\x01port=1\x01auth=Bearer one\x01\x01", "ok"}, nil},
		{"the standard, refused", "oauthbearer", Offer{Known: true, TokenApart: true}, []string{"one", ""}, []string{"OAUTHBEARER", "+ ", "> n,a=m=2Ce,\x01host=h\x01port=1\x01auth=Bearer one\x01\x01", failure, "> \x01", "no"}, errNo},
		{"newer", "", Offer{Known: true, Mechanisms: []string{"XOAUTH2"}, TokenApart: true}, []string{"one", "two"}, []string{"XOAUTH2", "+ ", xoauth2("one"), failure, "> ", "no", "XOAUTH2", "+ ", xoauth2("two"), "ok"}, nil},
		{"newer, refused", "", Offer{Known: true, Mechanisms: []string{"XOAUTH2"}, TokenApart: true}, []string{"one", "two", "three"}, []string{"XOAUTH2", "+ ", xoauth2("one"), "no", "XOAUTH2", "+ ", xoauth2("two"), "no"}, errNo},
		{"later", "", Offer{Known: true, Mechanisms: []string{"XOAUTH2"}, TokenApart: true}, []string{"one"}, []string{"XOAUTH2", "+ ", xoauth2("one"), "later"}, errLater},
		{"not offered", "", Offer{Known: true, Mechanisms: []string{"PLAIN"}}, nil, nil, errOther},
		{"no token by PLAIN", "plain", Offer{Known: true, Mechanisms: []string{"PLAIN"}}, nil, nil, errOther},
		{"endless challenges", "", Offer{Known: true, Mechanisms: []string{"XOAUTH2"}, TokenApart: true}, []string{"one", "one"}, append(append([]string{"XOAUTH2", "+ ", xoauth2("one")}, endless()...), "*", "no"), errNo},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.offer.Line = 512
			w := &script{t: t, turns: tt.turns}
			var asked []string
			_, err := Run(t.Context(), Login{Username: "m,e", Auth: tt.auth, Host: "h", Port: 1, Token: func(_ context.Context, refused string) (string, error) {
				asked = append(asked, refused)
				return tt.tokens[len(asked)-1], nil
			}}, tt.offer, w)
			if tt.err == errOther && err == nil || tt.err != errOther && err != tt.err || len(asked) != len(tt.tokens) {
				t.Errorf("%v, asked %q", err, asked)
			}
			w.end()
			for i, token := range asked {
				if i > 0 && token != tt.tokens[i-1] {
					t.Errorf("told that %q was refused", token)
				}
			}
		})
	}
}

// endless are the questions of a server that never comes to an end.
func endless() (turns []string) {
	for range maxChallenges - 1 {
		turns = append(turns, "+ {}", "> ")
	}
	return append(turns, "+ {}")
}

// TestUnfit: what cannot be sent is not, and the error does not show it.
func TestUnfit(t *testing.T) {
	for _, secret := range []string{"", "a\r\nb", "a\x00b"} {
		for _, l := range []Login{{Username: "me", Password: password(secret)}, {Username: "me", Token: func(context.Context, string) (string, error) { return secret, nil }},
			{Username: "me\r\n", Password: password("pw")}} {
			w := &script{t: t}
			_, err := Run(t.Context(), l, Offer{Known: true, Mechanisms: []string{"PLAIN", "XOAUTH2", "SCRAM-SHA-1"}, User: true, TLS: &tls.ConnectionState{}}, w)
			if err == nil || strings.ContainsAny(err.Error(), "\r\n\x00") {
				t.Errorf("%q: %v", secret, err)
			}
		}
	}
}
