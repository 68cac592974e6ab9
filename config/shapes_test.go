package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// account wraps keys of an account into a document; they begin at line 2.
func account(keys string) string {
	doc := "[account.a]\n" + keys + "\n"
	for _, line := range []string{`host = "h.example"`, `username = "u"`} {
		if !strings.Contains(keys, line[:6]) {
			doc += line + "\n"
		}
	}
	if !strings.Contains(keys, "deliver") {
		doc += "[[account.a.deliver]]\ntype = \"maildir\"\npath = \"/m\"\n"
	}
	return doc
}

func TestProblems(t *testing.T) {
	noSundays := Options{CheckSchedule: func(s string) error {
		if strings.Contains(s, "sun") {
			return errors.New("not on sundays")
		}
		return nil
	}}
	for _, tt := range []struct{ doc, want string }{
		// shapes
		{``, ` account: no account (add [account.NAME] with host, username and [[account.NAME.deliver]])`},
		{"[account]\n", `1: account: no account (write [account.NAME], for example [account.work])`},
		{"account = 1", `1: account: must be a table, not a number (write [account.NAME], for example [account.work])`},
		{"\n[account]\nhost = 'h'\n[[account.deliver]]\ntype = 1", `2: account: keys of an account without a name (write [account.NAME], for example [account.work])`},
		{"[account]\nwork = 1", `2: account.work: must be a table, not a number (write [account.NAME] and its keys below)`},
		{"[[account]]\nhost = 1\nusername = 'u'\n[[account.deliver]]\ntype = 'maildir'\npath = '/m'",
			`1: account: accounts are tables with names, not a list (write [account.NAME] instead of [[account]])` + "\n" +
				`2: account[0].host: must be a text, not a number (write it in quotes: "...")`},
		{account("") + "[work]\nhost = 1", `8: work: unknown table (an account is written [account.work])`},
		{account("") + "[accounts.work]\nhost = 1", `8: accounts: unknown key (did you mean "account"?)`},
		{account("") + "[log.x]\n", `8: log.x: unknown key`},
		{"log = 1\n" + account(""), `1: log: must be a table, not a number (write [log] and its keys below)`},
		{account("deliver = 'x'"), `2: account.a.deliver: must be a list of tables, not a text (write [[account.a.deliver]] and its keys below)`},
		{account("deliver = []"), `2: account.a.deliver: no destination (add [[account.a.deliver]] with type = "maildir" and path)`},
		{account("deliver = [{type = 'maildir', path = '/m'}]"), ``},
		{account("deliver = [1]"), `2: account.a.deliver: must be a list of tables, not a list (write [[account.a.deliver]] and its keys below)`},
		// destinations
		{account("deliver = [{type = 'news', file = 1}]"), `2: account.a.deliver[0].type: "news" is not one of ` + allTypes},
		{account("deliver = [{type = 'maildr'}]"), `2: account.a.deliver[0].type: "maildr" is not one of ` + allTypes + ` (did you mean "maildir"?)`},
		{account("deliver = [{path = '/m'}]"), `2: account.a.deliver[0].type: missing (one of ` + allTypes + `)`},
		{account("deliver = [{type = 1, path = 2}]"), `2: account.a.deliver[0].path: must be a path in quotes, not a number` + "\n" +
			`2: account.a.deliver[0].type: must be a text, not a number (one of ` + allTypes + `)`},
		{account("deliver = [{type = 'maildir', path = ''}]"), `2: account.a.deliver[0].path: missing (the folder of the Maildir)`},
		{account("deliver = [{type = 'maildir', path = '/m'},\n{type = 'maildir', name = 'A B', path = '/n'}]"), `3: account.a.deliver[1].name: not a name that can be used (1 to 64 of a-z 0-9 . _ -, not beginning with . or -)`},
		// values
		{account("host = 'a b'"), `2: account.a.host: "a b" is not a host name (letters, digits, dots and hyphens)`},
		{account("host = 'h:995'"), `2: account.a.host: "h:995" is not a host name (write the port as port = 995)`},
		{account("host = 'm\\u00fcll.de'"), `2: account.a.host: "m\\u00fcll.de" is not a host name (letters, digits, dots and hyphens)`},
		{account("host = 'müll.de'"), `2: account.a.host: "müll.de" is not a host name in ASCII (write the form that begins with xn--)`},
		{account("host = 'me@h'"), `2: account.a.host: "me@h" is not a host name (a login name is written as username = "...")`},
		{account("host = ''"), `2: account.a.host: must not be empty`},
		{account("host = '-h'"), `2: account.a.host: "-h" is not a host name`},
		{account("host = 'a..b'"), `2: account.a.host: "a..b" is not a host name`},
		{account("host = 'a.b.'"), ``},
		{account("host = '" + strings.Repeat("a.", 127) + "'"), `2: account.a.host: "` + strings.Repeat("a.", 37) + `a..." is too long for a host name`},
		{account("host = '192.0.2.1'"), ``},
		{account("port = 0"), ``},
		{account("port = 65535"), ``},
		{account("port = 65536"), `2: account.a.port: 65536 is too large, the most is 65535`},
		{account("port = -1"), `2: account.a.port: -1 is too small, the least is 0`},
		{account(`username = "a\r\nDELE 1"`), `2: account.a.username: must not hold a line end or a NUL`},
		{account(`username = "a\u0000"`), `2: account.a.username: must not hold a line end or a NUL`},
		{account("auth = 'PLAIN'"), `2: account.a.auth: "PLAIN" is not one of auto, plain, login, scram-sha-256, scram-sha-1, scram-sha-256-plus, scram-sha-1-plus, xoauth2, oauthbearer, cram-md5, external, user, apop (did you mean "plain"?)`},
		{account("pipelining = 'no'"), `2: account.a.pipelining: must be true or false, not a text (without quotes)`},
		{account("sizes = 'ignored'"), `2: account.a.sizes: "ignored" is not one of auto, ignore (did you mean "ignore"?)`},
		{account("sizes = false"), `2: account.a.sizes: must be a text, not true or false (one of auto, ignore)`},
		{account("tls = 'none'"), `2: account.a.tls: would send the password to "h.example" in the clear (use "implicit" or "starttls"; if you accept the risk, insecure_plaintext = true)`},
		{account("tls = 'none'\ninsecure_plaintext = true"), ``},
		{account("tls = 'none'\ninsecure_plaintext = 'yes'"), `3: account.a.insecure_plaintext: must be true or false, not a text (without quotes)`},
		{account("tls = 'none'\nhost = 'LocalHost'"), ``},
		{account("tls = 'none'\nhost = '127.9.9.9'"), ``},
		{account("tls = 'none'\nhost = '::1'"), ``},
		{account("tls = 'none'\nhost = 'localhost.example.org'"), `2: account.a.tls: would send the password to "localhost.example.org" in the clear (use "implicit" or "starttls"; if you accept the risk, insecure_plaintext = true)`},
		{account("delete = 30"), `2: account.a.delete: must be a text, not a number ("never", "after-delivery", or an age such as "30d")`},
		{account("delete = '0d'"), `2: account.a.delete: an age must be more than 0 (to delete at once write "after-delivery")`},
		{account("delete = 'always'"), `2: account.a.delete: "always" is not a policy ("never", "after-delivery", or an age such as "30d")`},
		{account("delete = '12h'"), ``},
		{account("max_size = -1"), `2: account.a.max_size: -1 is too small, the least is 0`},
		{account("max_size = '25 MB'"), `2: account.a.max_size: "25 MB" is not a size (such as "0", "25MB" or "10MiB")`},
		{account("max_size = 1.5"), `2: account.a.max_size: must be a size, not a number with a fraction (such as "0", "25MB" or "10MiB")`},
		{account("delete_keep = 1.5"), `2: account.a.delete_keep: must be a whole number, not a number with a fraction`},
		{account("limit = true"), `2: account.a.limit: must be a whole number, not true or false`},
		{account("schedule = '0 0 * * sun'"), `2: account.a.schedule: "0 0 * * sun" is not a schedule that can be used: not on sundays (cron such as "*/10 * * * *", or "@every 10m")`},
		{account("schedule = 'token sun'"), `2: account.a.schedule: this text is not a schedule (cron such as "*/10 * * * *", or "@every 10m")`},
		{account("schedule = ''"), `2: account.a.schedule: must not be empty (cron such as "*/10 * * * *", or "@every 10m")`},
		{"parallel = 0\n" + account(""), `1: parallel: 0 is too small, the least is 1`},
		{"limits.status_line = 511\n" + account(""), `1: limits.status_line: 511 is too small, the least is 512`},
		{"limits.quit = '0s'\n" + account(""), `1: limits.quit: must be more than 0 (such as "90s", "10m", "12h" or "30d")`},
		// paths
		{account("ca_file = 'ca.pem'"), `2: account.a.ca_file: "ca.pem" is a relative path (write an absolute path or ~/...)`},
		{account("ca_file = '$HOME/ca.pem'"), `2: account.a.ca_file: "$HOME/ca.pem" is a relative path (write an absolute path or ~/...; variables are not expanded)`},
		{account("ca_file = '~root/ca.pem'"), `2: account.a.ca_file: only ~ itself is expanded, not ~user (write an absolute path)`},
		{account(`ca_file = "/a\u0000"`), `2: account.a.ca_file: a path can't hold a NUL`},
		// secrets
		{account("password = ''"), `2: account.a.password: must not be empty (leave the key out to be asked on a terminal)`},
		{account(`password = "hunter2\n"`), `2: account.a.password: must not hold a line end or a NUL`},
		{account("password = 'hunter2'\npassword_file = '/p'"), `3: account.a.password_file: more than one source of the secret: password, password_file (keep one)`},
		{account("password_file = 'hunter2'"), `2: account.a.password_file: not an absolute path (write an absolute path or ~/...)`},
		{account("password_file = ''"), `2: account.a.password_file: must not be empty`},
		{account("password_command = 'hunter2'"), `2: account.a.password_command: must be a list of texts, not a text (write a list of texts, such as ["pass", "show", "mail/work"]; there is no shell)`},
		{account("password_command = []"), `2: account.a.password_command: must not be empty (write a list of texts, such as ["pass", "show", "mail/work"]; there is no shell)`},
		{account("password_command = ['echo',\n2]"), `3: account.a.password_command[1]: must be a text, not a number (write a list of texts, such as ["pass", "show", "mail/work"]; there is no shell)`},
		{account("password_command = ['pass show hunter2']"), `2: account.a.password_command[0]: a program and its arguments in one text (write a list of texts, such as ["pass", "show", "mail/work"]; there is no shell)`},
		{account("password_command = ['./hunter2']"), `2: account.a.password_command[0]: the program is a relative path (write an absolute path, or a name that is found in PATH)`},
		{account("password_command = ['']"), `2: account.a.password_command[0]: the program is missing (write a list of texts, such as ["pass", "show", "mail/work"]; there is no shell)`},
		// names
		{"[account." + strings.Repeat("a", 65) + "]\n" + strings.TrimPrefix(account("deliver=[{type='maildir',path='/m'}]"), "[account.a]\n"),
			"1: account." + strings.Repeat("a", 65) + ": not a name that can be used (1 to 64 of a-z 0-9 . _ -, not beginning with . or -)"},
	} {
		got := problems(t, tt.doc, noSundays)
		if got != tt.want {
			t.Errorf("%s\ngot  %s\nwant %s", tt.doc, got, tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "0": true, "_a": true, "a.b-c_d": true, strings.Repeat("a", 64): true,
		"": false, ".": false, "..": false, ".a": false, "-a": false, "A": false, "a/b": false, "a b": false, "a\x00": false,
		strings.Repeat("a", 65): false, "ä": false,
	} {
		if got := checkName(name) == nil; got != ok {
			t.Errorf("%q: %v, want %v", name, got, ok)
		}
	}
}

func TestTwoDestinationsOfOneType(t *testing.T) {
	two := "host = 'h'\nusername = 'u'\n[[account.a.deliver]]\ntype = 'maildir'\npath = '/m'\n%s" +
		"[[account.a.deliver]]\ntype = 'maildir'\npath = '/x/../m'\n%s"
	for _, tt := range []struct{ first, second, want string }{
		{"", "", `7: account.a.deliver[1].name: deliver[0] has the name "maildir" too (give each its own name)` + "\n" +
			`9: account.a.deliver[1].path: deliver[0] has this path too (every message would be there twice)`},
		{"name = 'x'\n", "name = 'x'\n", `10: account.a.deliver[1].path: deliver[0] has this path too (every message would be there twice)` + "\n" +
			`11: account.a.deliver[1].name: deliver[0] has the name "x" too (give each its own name)`},
		{"", "name = 'x'\n", `9: account.a.deliver[1].path: deliver[0] has this path too (every message would be there twice)`},
	} {
		if got := problems(t, "[account.a]\n"+fmt.Sprintf(two, tt.first, tt.second), Options{}); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestTwoAccountsMayShare(t *testing.T) {
	a := account("")
	c := mustParse(t, a+strings.ReplaceAll(a, "account.a", "account.0"))
	if len(c.Accounts) != 2 || c.Accounts[0].Name != "0" {
		t.Errorf("got %+v", c.Accounts)
	}
}

func TestUnits(t *testing.T) {
	for s, want := range map[string]string{
		"90s": "1m30s", "10m": "10m0s", "30d": "720h0m0s", "1d12h": "36h0m0s", "500ms": "500ms", "0s": "0s", "106751d": "2562024h0m0s",
		"": "", "5": "", "m": "", "-5m": "", "1.5h": "", "5 m": "", "106752d": "", "99999999999999999999s": "", "5w": "", "106751d24h": "",
	} {
		d, ok := parseDuration(s)
		if got := d.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %s, %v", s, got, ok)
		}
	}
	for s, want := range map[string]int64{
		"0": 0, "1": 1, "7B": 7, "1kB": 1000, "1KB": 1000, "25MB": 25e6, "1GB": 1e9, "2TB": 2e12, "8KiB": 8192, "10mib": 10485760, "1GiB": 1 << 30, "8388607TiB": 8388607 << 40,
		"": -1, "MB": -1, "-1": -1, "1.5MB": -1, "1 MB": -1, "1PB": -1, "8388608TiB": -1, "9223372036854775808": -1, "1e6": -1,
	} {
		n, ok := parseSize(s)
		if ok != (want >= 0) || ok && n != want {
			t.Errorf("%q: %d, %v", s, n, ok)
		}
	}
}
