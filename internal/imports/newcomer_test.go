package imports

import (
	"cmp"
	"slices"
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
		{Mpop, "defaults\npasswordeval pass show b\n" + mp + "passwordeval pass show a\n", false, `password_command = ["/bin/sh", "-c", "pass show a"]`},
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
		{Getmail, "[retriever]\ntype = MultidropPOP3SSLRetriever\nserver = h\nusername = u\nenvelope_recipient = delivered-to:2\n[destination]\ntype = MDA_lmtp\nhost = /s\n", true, "envelope_header = \"delivered-to\"\nenvelope_skip = 1\n"},
		{Fetchmail, "poll h proto pop3 esmtpname n esmtppassword secret user a ssl is b here smtphost relay.example/587/starttls", false, "username = \"n\""},
		{Fdm, "action \"a\" maildir \"/m/%a\"\naccount \"one\" pop3 pipe \"/usr/bin/ssh h nc localhost 110\" user \"u\" pass \"p\"\nmatch all action \"a\"\n", true, "path = \"/m/one\""},
		{Fdm, "action \"a\" maildir \"/m\"\naccount \"one\" pop3 pipe \"/usr/bin/ssh h nc localhost 110\" user \"u\" pass \"p\"\n", true, "connect_command = [\"/usr/bin/ssh\", \"h\", \"nc\", \"localhost\", \"110\"]"},
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

// Each key of a file is in the table, once, and says why if popsync does not do the same.
func TestEveryKeyIsSaid(t *testing.T) {
	check := func(tool Tool, text, key string) {
		t.Helper()
		found, err := Config(tool, []byte(text))
		if err != nil {
			t.Errorf("%s %s: %v in\n%s", tool, key, err, text)
			return
		}
		said := 0
		all := found.Remarks
		for _, a := range found.Accounts {
			all = append(all, a.Remarks...)
		}
		for _, r := range all {
			if r.Key == key && r.Line > 0 {
				said++
			}
			if r.Kind != Done && r.Why == "" {
				t.Errorf("%s: %s without a reason", tool, r.Key)
			}
		}
		if said != 1 {
			t.Errorf("%s: %s is said %d times: %+v", tool, key, said, all)
		}
	}
	own := func(key string) string {
		if same, ok := fmSame[key]; ok {
			return same
		}
		if key == "to" {
			return "is"
		}
		return key
	}
	values := map[string]string{"proto": "pop3", "protocol": "pop3", "envelope": "Delivered-To", "sslproto": "tls1.2", "mda": "/bin/x"}
	for k, n := range fmServerOptions {
		value := cmp.Or(values[k], "5")
		if n == 0 {
			value = ""
		}
		check(Fetchmail, "set daemon 300\npoll h "+k+" "+value+"\nuser u pass p ssl is c here\n", own(k))
	}
	for k, n := range fmUserOptions {
		value := cmp.Or(values[k], "5")
		if n == 0 {
			value = ""
		}
		check(Fetchmail, "poll h proto pop3\nuser u\n"+k+" "+value+"\n", own(k))
	}
	values = map[string]string{"host": "h", "delivery": "maildir /m", "auth": "plain", "socket": "/s"}
	for k := range mpopCommands {
		value := cmp.Or(values[k], "5")
		if strings.HasPrefix(k, "tls") && !strings.Contains(k, "_") || slices.Contains([]string{"tls_starttls", "tls_certcheck", "only_new", "keep", "pipelining"}, k) {
			value = "on"
		}
		text := "account a\nhost h\n" + k + " " + value + "\n"
		if k == "host" {
			text = "account a\nhost h\n"
		}
		check(Mpop, text, k)
	}
	for _, k := range []string{"server", "port", "username", "password", "password_command", "timeout", "ca_certs", "use_netrc", "use_apop", "use_xoauth2",
		"use_kerberos", "ssl_fingerprints", "certfile", "keyfile", "ssl_cert_hostname", "envelope_recipient", "delete_dup_msgids", "ssl_version", "ssl_ciphers"} {
		text := "[retriever]\ntype = SimplePOP3Retriever\n"
		if k != "server" {
			text += "server = h\n"
		}
		check(Getmail, text+k+" = 5\n[destination]\ntype = Maildir\npath = /m/\n", k)
	}
	for _, k := range []string{"delete", "delete_after", "delete_bigger_than", "read_all", "max_message_size", "max_messages_per_session", "max_bytes_per_session",
		"received", "delivered_to", "message_log", "message_log_syslog", "verbose", "to_oldmail_on_each_mail", "only_oldmail_file", "skip_imap_fetch_size"} {
		check(Getmail, "[retriever]\ntype = SimplePOP3Retriever\nserver = h\n[destination]\ntype = Maildir\npath = /m/\n[options]\n"+k+" = 5\n", k)
	}
	for _, k := range []string{"no-apop", "no-uidl", "no-verify", "insecure", "starttls", "keep", "new-only", "old-only", `cache "c"`, "port 5", "purge"} {
		key, _, _ := strings.Cut(k, " ")
		check(Fdm, `account "a" pop3 server "h" user "u" pass "p" `+k+"\n", key)
	}
	check(Fdm, `account "a" pop3 pipe "/usr/bin/ssh h nc localhost 110" user "u" pass "p"`+"\n", "pipe")
}

// One account that cannot be translated does not stop the others; alone it is an error.
func TestOneAccountIsWrong(t *testing.T) {
	for _, c := range []struct {
		tool        Tool
		good, wrong string
	}{
		{Fetchmail, "poll good proto pop3 user a ssl is b here\n", "poll 'a b' proto pop3 user a\n"},
		{Fetchmail, "poll good proto pop3 user a ssl is b here\n", "poll h proto pop3 service nonsense user a\n"},
		{Mpop, "account good\nhost good\nuser u\n", "account bad\nhost h\nport nonsense\n"},
		{Mpop, "account good\nhost good\nuser u\n", "account bad\nuser u\n"},
		{Fdm, "account \"good\" pop3s server \"good\" user \"u\" pass \"p\"\n", "account \"bad\" pop3s server \"h\" port \"nonsense\" user \"u\"\n"},
		{Fdm, "account \"good\" pop3s server \"good\" user \"u\" pass \"p\"\n", "account \"bad\" pop3s user \"u\"\n"},
		{
			Thunderbird, `user_pref("mail.accountmanager.accounts", "a1,a2");` + "\n" + `user_pref("mail.account.a1.server", "s1");` + "\n" +
				`user_pref("mail.server.s1.type", "pop3");` + "\n" + `user_pref("mail.server.s1.hostname", "good");` + "\n",
			`user_pref("mail.account.a2.server", "s2");` + "\n" + `user_pref("mail.server.s2.type", "pop3");` + "\n" + `user_pref("mail.server.s2.hostname", "a b");` + "\n",
		},
	} {
		for _, text := range []string{c.good + c.wrong, c.wrong + c.good} {
			found, err := Config(c.tool, []byte(text))
			if err != nil || len(found.Accounts) != 1 || found.Accounts[0].Settings.Get("host") != "good" || !found.Undecided() {
				t.Errorf("%s: %+v, %v in\n%s", c.tool, found, err, text)
			}
		}
		if c.tool == Thunderbird {
			continue
		}
		if found, err := Config(c.tool, []byte(c.wrong)); err == nil {
			t.Errorf("%s takes %q: %+v", c.tool, c.wrong, found)
		}
	}
}

// mpop takes a password that is written down, and runs no program for another one.
func TestMpopPasswordFirst(t *testing.T) {
	for _, text := range []string{
		"defaults\npasswordeval pass show a\naccount a\nhost h\nuser u\npassword one\n",
		"defaults\npassword one\naccount a\nhost h\nuser u\npasswordeval pass show a\n",
	} {
		found, err := Config(Mpop, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if a := found.Accounts[0]; a.Settings.Get("password_command") != nil || a.Secret != "one" {
			t.Errorf("%q: %+v", text, a)
		}
	}
}
