package pop3_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test/fault"
)

// parts tells whether four octets of a secret in a row are in a text, in any case.
func parts(text, secret string) bool {
	text, secret = strings.ToLower(text), strings.ToLower(secret)
	for i := range len(secret) - 3 {
		if strings.Contains(text, secret[i:i+4]) {
			return true
		}
	}
	return false
}

// A server that gives the secret back, wherever it can put text, in any case, at the edge of what is kept, and in pieces: no part of
// it is in what is told.
func TestSecretsInAnswers(t *testing.T) {
	const pw = "Qz#Wv~Jk^Xq;Yw"
	loggedIn := fault.Chat("CAPA", "+OK\r\nPIPELINING\r\nTOP\r\n.\r\n", "USER me", "+OK\r\n", "PASS "+pw, "+OK\r\n")
	both := []fault.Step{fault.Expect("CAPA"), fault.Expect("UIDL"), fault.Expect("LIST")}
	list := func(c *pop3.Client) error {
		l, err := c.List(t.Context())
		if err != nil {
			return err
		}
		all := strings.Join(l.Problems, " ") + " " + c.Capabilities().Implementation + " " + c.Capabilities().Expire
		for e := range l.All() {
			all += " " + e.UID
		}
		return errors.New(all)
	}
	noop := func(c *pop3.Client) error { return c.Noop(t.Context()) }
	retr := func(c *pop3.Client) error {
		return c.Retrieve(t.Context(), numbers(1), func(r pop3.Response) error { return r.Err })
	}
	pre := fault.Chat("CAPA", "-ERR\r\n")
	for _, echo := range []string{pw, strings.ToUpper(pw), strings.ToLower(pw), plain("me", pw), strings.ToLower(plain("me", pw)), base64.StdEncoding.EncodeToString([]byte("x" + pw))} {
		for _, ahead := range []int{0, 60, 95, 500, 990, 1010, 1020} {
			e := strings.Repeat("a", ahead) + echo
			for name, tt := range map[string]struct {
				steps []fault.Step
				do    func(*pop3.Client) error
			}{
				"-ERR":             {[]fault.Step{pre, fault.Chat("NOOP", "-ERR "+e+"\r\n")}, noop},
				"a code":           {[]fault.Step{pre, fault.Chat("NOOP", "-ERR ["+e+"] no\r\n")}, noop},
				"garbage":          {[]fault.Step{pre, fault.Chat("NOOP", e+"\r\n")}, noop},
				"unsolicited":      {[]fault.Step{pre, fault.Chat("NOOP", "+OK\r\n"+e+"\r\n")}, func(c *pop3.Client) error { return errors.Join(c.Noop(t.Context()), c.Noop(t.Context())) }},
				"cut":              {[]fault.Step{pre, fault.Chat("NOOP", "x"+e[:len(e)-3])}, noop},
				"-ERR to RETR":     {[]fault.Step{pre, fault.Chat("RETR 1", "-ERR "+e+"\r\n")}, retr},
				"behind a message": {[]fault.Step{pre, fault.Chat("RETR 1", "+OK\r\nx\r\n.\r\n"+e+"\r\n")}, retr},
				"capabilities":     {append(both, fault.Send("+OK\r\nPIPELINING\r\nIMPLEMENTATION "+e+"\r\nEXPIRE "+e+"\r\n.\r\n+OK\r\n.\r\n+OK\r\n.\r\n")), list},
				"a UIDL line":      {append(both, fault.Send("+OK\r\n.\r\n+OK\r\n"+e+"\r\n.\r\n+OK\r\n.\r\n")), list},
				"a LIST line":      {append(both, fault.Send("+OK\r\n.\r\n+OK\r\n.\r\n+OK\r\n"+e+"\r\n.\r\n")), list},
				"-ERR to LIST":     {append(both, fault.Send("+OK\r\n.\r\n+OK\r\n.\r\n-ERR "+e+"\r\n")), list},
				"a unique-id":      {append(both, fault.Send("+OK\r\n.\r\n+OK\r\n1 u"+e+"\r\n.\r\n+OK\r\n1 100\r\n.\r\n")), list},
			} {
				steps := append([]fault.Step{fault.Send("+OK hi\r\n"), loggedIn}, tt.steps...)
				conns, wait := fault.Script(steps).Start()
				c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: conns})
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Login(t.Context(), pop3.Login{Username: "me", Password: secret(pw)}); err != nil {
					t.Fatal(err)
				}
				said := fmt.Sprint(tt.do(c))
				c.Close()
				if err := wait(); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if parts(said, pw) || parts(said, plain("me", pw)[8:24]) {
					t.Errorf("%s behind %d octets: %q", name, ahead, said)
				}
			}
		}
	}
}

// A secret that comes in two reads is one all the same.
func TestSecretInTwoReads(t *testing.T) {
	const pw = "Qz#Wv~Jk^Xq;Yw"
	for n := 1; n < len(pw); n++ {
		dial := start(t, fault.Script{fault.Send("+OK hi\r\n"), fault.Chat("CAPA", "-ERR\r\n", "USER me", "+OK\r\n"), fault.Expect("PASS " + pw), fault.Send("-ERR no " + pw[:n]), fault.Send(pw[n:] + "!\r\n")})
		c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
		if err != nil {
			t.Fatal(err)
		}
		err = c.Login(t.Context(), pop3.Login{Username: "me", Password: secret(pw)})
		if said := fmt.Sprint(err); parts(said, pw) || !strings.HasSuffix(said, "no (secret)!") {
			t.Error(said)
		}
		c.Close()
	}
}

// A unique-id that holds the secret is another one for each message, the same each time, and says nothing. Others stay as they are.
func TestSecretInUniqueID(t *testing.T) {
	listed := func(pw string, uids ...string) (got []string) {
		t.Helper()
		var uidl, list strings.Builder
		for i, u := range uids {
			fmt.Fprintf(&uidl, "%d %s\r\n", i+1, u)
			fmt.Fprintf(&list, "%d 100\r\n", i+1)
		}
		dial := start(t, fault.Script{fault.Send("+OK hi\r\n"), fault.Chat("CAPA", "-ERR\r\n", "USER me", "+OK\r\n", "PASS "+pw, "+OK\r\n", "CAPA", "-ERR\r\n",
			"UIDL", "+OK\r\n"+uidl.String()+".\r\n", "LIST", "+OK\r\n"+list.String()+".\r\n")})
		c, err := pop3.Dial(t.Context(), pop3.Options{Host: "h", TLS: pop3.NoTLS, Dial: dial})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Login(t.Context(), pop3.Login{Username: "me", Password: secret(pw)}); err != nil {
			t.Fatal(err)
		}
		l, err := c.List(t.Context())
		if err != nil || l.Len() != len(uids) || !l.Complete {
			t.Fatal(l, err)
		}
		for e := range l.All() {
			got = append(got, e.UID)
		}
		return got
	}
	const pw = "hunter2!"
	uids := []string{"1" + pw, "2" + strings.ToUpper(pw), base64.StdEncoding.EncodeToString([]byte(pw)) + "3", "plain-4", "hunter-5", strings.Repeat("x", 600) + pw}
	got := listed(pw, uids...)
	for i, uid := range got {
		kept := i == 3 || i == 4
		if kept && uid != uids[i] || !kept && (!strings.HasPrefix(uid, "popsync-sha256:") || len(uid) != 79) {
			t.Errorf("%q became %q", uids[i], uid)
		}
		for j := range i {
			if got[j] == uid {
				t.Errorf("%q and %q are one", uids[i], uids[j])
			}
		}
	}
	if again := listed(pw, uids...); strings.Join(again, " ") != strings.Join(got, " ") {
		t.Errorf("%q, then %q", got, again)
	}
	// A number that a password of digits is part of is nothing to hide, and its name must not change with the password.
	if got := listed("202401", "20240131-7"); got[0] != "20240131-7" {
		t.Error(got)
	}
}
