package imports

import (
	"strings"
	"testing"
)

// A file of another tool, or a broken one, is refused, and nothing of it is repeated: it may be a password.
func TestRefusedWithoutAWord(t *testing.T) {
	for _, c := range []struct {
		tool Tool
		text string
	}{
		{Fdm, "poll h proto pop3 user a pass \"TopSecret\" is b here\n"},
		{Fdm, "[retriever]\ntype = X\npassword = TopSecret\n"},
		{Fdm, `user_pref("a", "TopSecret");`},
		{Fdm, "ifdef $x\naccount \"a\" pop3 server \"h\" user \"u\" pass \"TopSecret\"\nendif\n"},
		{Mpop, "account \"h\" pop3s server \"TopSecret\"\n"},
		{Mpop, "account a\nhost h\npassword Top\n TopSecret\n"},
		{Fetchmail, "poll h proto pop3 user a pass se:TopSecret is b here\n"},
		{Fetchmail, "TopSecret\n"},
		{Getmail, "[retriever]\nTopSecret\n"},
		{Getmail, "password = TopSecret\n"},
		{Thunderbird, "TopSecret"},
	} {
		found, err := Config(c.tool, []byte(c.text))
		if err == nil {
			t.Errorf("%s takes %q: %+v", c.tool, c.text, found)
		} else if strings.Contains(err.Error(), "Secret") {
			t.Errorf("%s repeats it: %v", c.tool, err)
		}
	}
}

// What popsync would do otherwise than before, or not take, is a decision; what it does alike is translated.
func TestDecisions(t *testing.T) {
	const mp = "account a\nhost h\nuser u\ntls on\ntls_starttls off\ndelivery maildir /m\n"
	const fm = "poll h proto pop3 user a ssl "
	const fd = "set verify-certificates\naction \"a\" maildir \"/a\"\naction \"b\" maildir \"/b\"\naccount \"one\" pop3s server \"h\" user \"u\" pass \"p\" keep\n"
	for _, c := range []struct {
		tool    Tool
		text    string
		decides bool
		has     string // in what is written
	}{
		{Mpop, mp, false, ""},
		{Mpop, mp + "auth xoauth2\n", true, `auth = "xoauth2"`},
		{Mpop, mp + "auth external\ntls_cert_file /c\ntls_key_file /k\ntls_host_override n\n", false, "auth = \"external\"\ntls_client_cert = \"/c\"\ntls_client_key = \"/k\"\ntls_server_name = \"n\""},
		{Mpop, "account a\nhost h\nuser u\ntls on\ntls_starttls off\n", true, ""},
		{Mpop, strings.Replace(mp, "user u", "user", 1), true, ""},
		{Fetchmail, fm + "is b here", false, ""},
		{Fetchmail, fm + "pass 'x\ny' is b here", true, ""},
		{Fetchmail, "poll h proto apop user a ssl is b here", false, `auth = "apop"`},
		{Fetchmail, "poll h proto pop3 auth oauthbearer user a ssl is b here", true, `auth = "oauthbearer"`},
		{Fetchmail, fm + "sslcert /c sslkey /k sslcommonname n is b here", false, `tls_client_cert = "/c"`},
		{Fdm, fd + "match all action \"a\"\nmatch all action \"b\"\n", false, `path = "/a"`},
		{Fdm, fd + "match all action \"a\" continue\nmatch all action \"b\"\n", true, ""},
		{Fdm, fd + "match all accounts \"one\" action \"b\"\nmatch all action \"a\"\n", false, `path = "/b"`},
		{Fdm, fd + "match account \"two\" action \"b\"\nmatch all action \"a\"\n", false, `path = "/a"`},
		{Fdm, fd + "match all actions { \"a\" \"b\" }\n", true, ""},
		{Fdm, fd + "set proxy \"socks://127.0.0.1:9050\"\nmatch all action \"a\"\n", true, ""},
		{Fdm, fd + "set maximum-size 20M\nmatch all action \"a\"\n", true, ""},
	} {
		found, err := Config(c.tool, []byte(c.text))
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		config, _ := written(t, c.tool, []byte(c.text))
		if found.Undecided() != c.decides || !strings.Contains(config, c.has) {
			t.Errorf("%q: to be decided %v, want %v:\n%s", c.text, found.Undecided(), c.decides, config)
		}
	}
	for _, bad := range []string{"poll ../../etc/passwd proto pop3 user a ssl\n", "poll 'a b' proto pop3 user a\n"} {
		if _, err := Config(Fetchmail, []byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
