package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	for _, tt := range []struct{ kind, address, tls, want string }{ // want: the address, or ! and the problem
		{"smtp", "mx.example", "", "mx.example:587"},
		{"smtp", "mx.example", "implicit", "mx.example:465"},
		{"smtp", "localhost", "none", "localhost:25"},
		{"smtp", "localhost", "", "localhost:587"},
		{"smtp", "mx.example:1", "implicit", "mx.example:1"},
		{"smtp", "mx.example:65535", "", "mx.example:65535"},
		{"smtp", "192.0.2.1", "", "192.0.2.1:587"},
		{"smtp", "[::1]", "none", "[::1]:25"},
		{"smtp", "[2001:db8::1]:26", "", "[2001:db8::1]:26"},
		{"lmtp", "unix:/run//lmtp", "", "unix:/run/lmtp"},
		{"lmtp", "unix:/run/lmtp", "none", "unix:/run/lmtp"},
		{"lmtp", "mx.example:24", "", "mx.example:24"},
		{"lmtp", "[::1]:24", "", "[::1]:24"},

		{"smtp", "", "", "!must not be empty"},
		{"smtp", "mx.example:0", "", `!"0" is not a port (1 to 65535)`},
		{"smtp", "mx.example:65536", "", `!"65536" is not a port (1 to 65535)`},
		{"smtp", "mx.example:", "", `!"" is not a port (1 to 65535)`},
		{"smtp", "mx.example:+25", "", `!"+25" is not a port (1 to 65535)`},
		{"smtp", "mx.example:025", "", `!"025" is not a port (1 to 65535)`},
		{"smtp", "mx.example:smtp", "", `!"smtp" is not a port (1 to 65535)`},
		{"smtp", ":25", "", "!the host is missing (write host:port)"},
		{"smtp", "a b", "", `!"a b" is not a host name (letters, digits, dots and hyphens)`},
		{"smtp", "müll.example:25", "", `!"müll.example" is not a host name in ASCII (write the form that begins with xn--)`},
		{"smtp", "::1", "", `!"::1" has more than one colon (an IPv6 address stands in brackets: "[::1]:25")`},
		{"smtp", "::1]:25", "", `!"::1]:25" has more than one colon (an IPv6 address stands in brackets: "[::1]:25")`},
		{"smtp", "[::1]25", "", `!"[::1]25" is not an IPv6 address in brackets (such as "[::1]:25")`},
		{"smtp", "[::1", "", `!"[::1" has more than one colon (an IPv6 address stands in brackets: "[::1]:25")`},
		{"smtp", "[127.0.0.1]:25", "", `!"[127.0.0.1]:25" is not an IPv6 address in brackets (such as "[::1]:25")`},
		{"smtp", "smtps://u:hunter2@mx.example", "", "!an address with a scheme (write host:port, and choose tls by its key)"},
		{"smtp", "u:hunter2@mx.example", "", "!an address with a login (write host:port; a login has keys of its own)"},
		{"smtp", "unix:/s", "", "!a unix socket is for type lmtp (write host:port)"},
		{"lmtp", "mx.example", "", "!the port is missing (LMTP has none of its own; write host:port)"},
		{"lmtp", "[::1]", "", "!the port is missing (LMTP has none of its own; write host:port)"},
		{"lmtp", "unix:s", "", "!the path of the unix socket is not absolute (write unix:/...)"},
		{"lmtp", "/s", "", "!a path without unix: in front (write unix:/...)"},
		{"smtp", "/s", "", `!"/s" is not a host name (letters, digits, dots and hyphens)`},
		{"lmtp", "unix:", "", "!the path of the unix socket is not absolute (write unix:/...)"},
		{"lmtp", "unix:/a\x00", "", "!a path can't hold a NUL"},
	} {
		keys := fmt.Sprintf("type = %q\naddress = %s\nto = ['me@x.example']\n", tt.kind, strings.ReplaceAll(fmt.Sprintf("%q", tt.address), `\x00`, `\u0000`))
		if tt.tls != "" {
			keys += fmt.Sprintf("tls = %q\n", tt.tls)
		}
		if problem, bad := strings.CutPrefix(tt.want, "!"); bad {
			checkDestination(t, keys, "6: address: "+problem)
		} else if got := deliverOf(t, keys).SMTP.Address; got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

func TestRelayTLS(t *testing.T) {
	const clear = ` in the clear (use "implicit" or "starttls"; if you accept the risk, insecure_plaintext = true)`
	login := "username = 'u'\npassword = 'hunter2'\n"
	for _, tt := range []struct{ keys, want string }{ // want: the kind of TLS, or ! and the problem
		{"type = 'smtp'\naddress = 'mx.example'\n", "starttls"},
		{"type = 'smtp'\naddress = 'localhost'\n", "starttls"},
		{"type = 'smtp'\naddress = '127.0.0.1'\ntls = 'none'\n" + login, "none"},
		{"type = 'smtp'\naddress = '[::1]'\ntls = 'none'\n" + login, "none"},
		{"type = 'smtp'\naddress = 'mx.example'\ntls = 'none'\ninsecure_plaintext = true\n" + login, "none"},
		{"type = 'lmtp'\naddress = 'mx.example:24'\n", "starttls"},
		{"type = 'lmtp'\naddress = 'localhost:24'\n" + login, "none"},
		{"type = 'lmtp'\naddress = 'localhost:24'\ntls = 'starttls'\n", "starttls"},
		{"type = 'lmtp'\naddress = 'unix:/s'\n" + login, "none"},
		{"type = 'smtp'\naddress = 'mx.example'\ntls = 'none'\n", `!7: tls: would send the mail to "mx.example"` + clear},
		{"type = 'smtp'\naddress = 'mx.example'\ntls = 'none'\n" + login, `!7: tls: would send the password to "mx.example"` + clear},
		{"type = 'smtp'\naddress = 'mx.example'\ntls = 'none'\ninsecure_plaintext = 1\n", `!8: insecure_plaintext: must be true or false, not a number (without quotes)`},
		{"type = 'lmtp'\naddress = 'unix:/s'\ntls = 'starttls'\n", `!7: tls: is not for a unix socket (leave it out, or write tls = "none")`},
		{"type = 'lmtp'\naddress = 'unix:/s'\ntls = 'ssl'\n", `!7: tls: "ssl" is not one of implicit, starttls, none`},
		{"type = 'smtp'\naddress = 'mx.example'\ntls = 1\n", `!7: tls: must be a text, not a number (one of implicit, starttls, none)`},
	} {
		keys := tt.keys + "to = ['me@x.example']\n"
		if problem, bad := strings.CutPrefix(tt.want, "!"); bad {
			checkDestination(t, keys, problem)
		} else if got := deliverOf(t, keys).SMTP.TLS; string(got) != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

func TestRelayProblems(t *testing.T) {
	const (
		relay    = "type = 'smtp'\naddress = 'mx.example'\n" // lines 5 and 6
		header   = relay + "envelope_header = 'X-Original-To'\n"
		notList  = `(write a list of addresses: ["me@example.org"])`
		notPlain = `is not an address (write name@domain, and nothing around it)`
		noSecret = `7: username: a login without a password (add password_command, password_file, password or oauth, or the systemd credential popsync.a.deliver.`
	)
	for _, tt := range []struct{ keys, want string }{
		{"type = 'smtp'\nto = ['me@x.example']", `4: address: missing (such as "mail.example.org:587")`},
		{"type = 'lmtp'\nto = ['me@x.example']", `4: address: missing (such as "unix:/run/dovecot/lmtp" or "localhost:24")`},
		// recipients
		{relay, `4: to: missing (the recipients, such as ["me@example.org"], or envelope_header)`},
		{relay + "to = []", `7: to: must not be empty ` + notList},
		{relay + "to = 'me@x.example'", `7: to: must be a list of texts, not a text ` + notList},
		{relay + "to = ['me@x.example',\n5]", `8: to[1]: must be a text, not a number ` + notList},
		{relay + "to = ['me']", `7: to[0]: "me" ` + notPlain},
		{relay + "to = ['me@x.example',\n'me@X.EXAMPLE']", `8: to[1]: "me@X.EXAMPLE" is there already`},
		{relay + "to = [" + strings.Repeat("'a@b',", 101) + "]", `7: to: 101 are too many, the most is 100`},
		{relay + "envelope_header = 'X-To'\nto = ['me@x.example']\nallow_domains = ['x.example']", `7: envelope_header: the recipients stand in to already (keep one of the two)`},
		{header, `4: allow_domains: missing (the domains whose recipients envelope_header may name)`},
		{header + "allow_domains = ['x.example']\nenvelope_skip = -1", `9: envelope_skip: -1 is too small, the least is 0`},
		{header + "allow_domains = []", `8: allow_domains: must not be empty (write a list of domains: ["example.org"])`},
		{header + "allow_domains = ['@x.example']", `8: allow_domains[0]: "@x.example" is not a domain (such as example.org)`},
		{header + "allow_domains = ['*.x.example']", `8: allow_domains[0]: "*.x.example" is not a domain (such as example.org)`},
		{header + "allow_domains = ['x.example',\n'X.example']", `9: allow_domains[1]: "X.example" is there already`},
		{smtpKeys + "allow_domains = ['x.example']", `8: allow_domains: is of no use without envelope_header`},
		{smtpKeys + "envelope_skip = 1", `8: envelope_skip: is of no use without envelope_header`},
		{smtpKeys + "envelope_prefix = 'a-'", `8: envelope_prefix: is of no use without envelope_header`},
		{header + "allow_domains = ['x.example']\nenvelope_prefix = 'a b'", `9: envelope_prefix: "a b" is nothing that an address can begin with (such as "example-org-")`},
		{relay + "envelope_header = 'To:'\nallow_domains = ['x.example']", `7: envelope_header: "To:" is not the name of a header field (such as X-Original-To, without the colon)`},
		{relay + "envelope_header = ''\nallow_domains = ['x.example']", `7: envelope_header: must not be empty`},
		// the sender
		{smtpKeys + "from = 'null'", ``},
		{smtpKeys + "from = 'orignal'", `8: from: "orignal" is not an address, nor original or null (did you mean "original"?)`},
		{smtpKeys + "from = '<>'", `8: from: "<>" is not an address, nor original or null (write name@domain, and nothing around it)`},
		{smtpKeys + "helo = 'a b'", `8: helo: "a b" is not a domain (such as example.org)`},
		{smtpKeys + "helo = 'ä.example'", `8: helo: "ä.example" is not a domain in ASCII (write the form that begins with xn--)`},
		{smtpKeys + "helo = ''", ``},
		// the login
		{relay + "username = 'u'\nto = ['me@x.example']", noSecret + "smtp)"},
		{relay + "username = 'u'\nname = 'relay'\nto = ['me@x.example']", noSecret + "relay)"},
		{smtpKeys + "username = ''\npassword = 'hunter2'", `8: username: must not be empty`},
		{smtpKeys + "username = \"a\\nb\"\npassword = 'hunter2'", `8: username: must not hold a line end or a NUL`},
		{smtpKeys + "password = 'hunter2'", `8: password: is of no use without username`},
		{smtpKeys + "password_file = '/p'\npassword_command = ['x']", `8: password_file: is of no use without username` + "\n" + `9: password_command: is of no use without username`},
		{smtpKeys + "username = 'u'\npassword = 'hunter2'\npassword_file = '/p'", `10: password_file: more than one source of the secret: password, password_file (keep one)`},
		{smtpKeys + "username = 'u'\npassword = ''", `9: password: must not be empty`},
		{smtpKeys + "username = 'u'\npassword_file = 'hunter2'", `9: password_file: not an absolute path (write an absolute path or ~/...)`},
		{smtpKeys + "username = 'u'\npassword_command = ['pass show hunter2']", `9: password_command[0]: a program and its arguments in one text (write a list of texts, such as ["pass", "show", "mail/work"]; there is no shell)`},
		{smtpKeys + "auth = 'user'", `8: auth: "user" is not one of auto, plain, login, scram-sha-256, scram-sha-1, scram-sha-256-plus, scram-sha-1-plus, xoauth2, oauthbearer, cram-md5, external`},
		{smtpKeys + "username = 'u'\nauth = 'external'", ``},
		{smtpKeys + "username = 'u'\nauth = 'xoauth2'", strings.Replace(noSecret, "7:", "8:", 1) + "smtp)"},
		// the rest
		{smtpKeys + "messages_per_connection = 0", `8: messages_per_connection: 0 is too small, the least is 1`},
		{smtpKeys + "messages_per_connection = 10001", `8: messages_per_connection: 10001 is too large, the most is 10000`},
		{smtpKeys + "add_message_id = 'yes'", `8: add_message_id: must be true or false, not a text (without quotes)`},
		{smtpKeys + "bare_cr = 'send'", `8: bare_cr: "send" is not one of crlf, refuse`},
		{smtpKeys + "long_lines = 'crlf'", `8: long_lines: "crlf" is not one of send, refuse`},
		{smtpKeys + "nul = true", `8: nul: must be a text, not true or false (one of send, refuse)`},
		{smtpKeys + "ca_file = 'ca.pem'", `8: ca_file: "ca.pem" is a relative path (write an absolute path or ~/...)`},
	} {
		checkDestination(t, tt.keys, tt.want)
	}
}

func TestMailboxes(t *testing.T) {
	for address, ok := range map[string]bool{
		"me@x.example": true, "a@b": true, "a.b+c=d_e-f@x.example": true, "#!$%&'*/?^`{|}~@x": true, ".a..b.@x": true,
		"bücher@bücher.example": true, "me@localhost": true, "a_b@c_d.example": true,
		strings.Repeat("a", 256) + "@x": true, "a@" + strings.Repeat("b", 255): true,
		"": false, "@": false, "me": false, "me@": false, "@x": false, "a@b@c": false, "<a@b>": false, "Me <a@b>": false,
		"a b@c": false, `"a b"@c`: false, "a@b c": false, "a@b\r\nRCPT TO:<c@d>": false, "a\x00@b": false, "a@b\x7f": false, "a\t@b": false,
		"a@b.": false, "a@.b": false, "a@b..c": false, "a@-b": false, "a@b-": false, "a@[127.0.0.1]": false, "a,b@c": false, "a@b,c@d": false,
		"a\u0085@b": false, "a\u00a0@b": false, "a\u200b@b": false, "a@b\u2028": false, "a\xff@b": false,
		strings.Repeat("a", 257) + "@x": false, "a@" + strings.Repeat("b", 256): false,
	} {
		if got := checkMailbox(address) == nil; got != ok {
			t.Errorf("%q: %v, want %v", address, got, ok)
		}
	}
}
