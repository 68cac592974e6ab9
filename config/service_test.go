package config

import (
	"strings"
	"testing"
	_ "time/tzdata" // not every machine has time zones
)

func TestServiceProblems(t *testing.T) {
	const (
		units    = ` (such as "90s", "10m", "12h" or "30d")`
		zones    = ` is not a time zone that is known here (such as "Europe/Berlin"; "" is the machine's)`
		places   = ` (such as "127.0.0.1:9110" or "unix:/run/popsync/metrics.sock")`
		loop     = ` is open to the network (write "127.0.0.1:9110"; what shall reach it from elsewhere needs a proxy with a login)`
		wholeURL = ` (copy the whole URL, which begins with https://)`
		argv     = ` (write a list of texts, such as ["/usr/local/bin/tell-me"]; there is no shell)`
	)
	for _, tt := range []struct{ keys, want string }{ // of the document, before its account
		// when
		{"timezone = 'Europe/Berlinn'", `timezone: "Europe/Berlinn"` + zones},
		{"timezone = 'Local'", `timezone: "Local"` + zones},
		{"timezone = '../../etc/passwd'", `timezone: this text is not a time zone that is known here (such as "Europe/Berlin"; "" is the machine's)`},
		{"timezone = '/etc/localtime'", `timezone: "/etc/localtime"` + zones},
		{"timezone = 1", `timezone: must be a text, not a number (write it in quotes: "...")`},
		{"timezone = 'UTC'", ``},
		{"jitter = 30", `jitter: must be a time with its unit, not a number` + units},
		{"jitter = '0'", `jitter: "0" is not a time with its unit` + units},
		{"jitter = '1d'", ``},
		{"jitter = '24h1ms'", `jitter: 24h0m0.001s is too long, the most is 24h`},
		{"run_at_start = 'no'", `run_at_start: must be true or false, not a text (without quotes)`},
		{"host_rate = -1", `host_rate: -1 is too small, the least is 0`},
		{"host_rate = 100001", `host_rate: 100001 is too large, the most is 100000`},
		{"hostrate = 1", `hostrate: unknown key (did you mean "host_rate"?)`},
		// [log]
		{"log.file = 1", `log.file: must be a path in quotes, not a number`},
		{"log.file = 'popsync.log'", `log.file: "popsync.log" is a relative path (write an absolute path or ~/...)`},
		{"log.file = '/var/log/'", `log.file: "/var/log/" is a folder (write the path of a file)`},
		{"log.file = '~'", `log.file: "~" is a folder (write the path of a file)`},
		{"log.file = ''", ``},
		// [control]
		{"control = '/s'", `control: must be a table, not a text (write [control] and its keys below)`},
		{"control.socket = false", `control.socket: must be a path in quotes, not true or false`},
		{"control.socket = 'Off'", `control.socket: "Off" is a relative path (did you mean "off"?)`},
		{"control.socket = 'popsync.sock'", `control.socket: "popsync.sock" is a relative path (write an absolute path or ~/...)`},
		{"control.socket = '/run/'", `control.socket: "/run/" is a folder (write the path of a file)`},
		{"control.socket = '/" + strings.Repeat("s", 99) + "'", ``},
		{"control.socket = '/" + strings.Repeat("s", 100) + "'", `control.socket: "/` + strings.Repeat("s", 74) + `..." has 101 octets, too many for a unix socket (choose a path of at most 100)`},
		{"control.sockte = 'off'", `control.sockte: unknown key (did you mean "socket"?)`},
		// [metrics]
		{"metrics.listen = 9110", `metrics.listen: must be a text, not a number (write it in quotes: "...")`},
		{"metrics.listen = '9110'", `metrics.listen: "9110"` + loop},
		{"metrics.listen = ':9110'", `metrics.listen: without a host it would be open to the network` + places},
		{"metrics.listen = '0.0.0.0:9110'", `metrics.listen: "0.0.0.0:9110"` + loop},
		{"metrics.listen = '[::]:9110'", `metrics.listen: "[::]:9110"` + loop},
		{"metrics.listen = 'mx.example:9110'", `metrics.listen: "mx.example:9110"` + loop},
		{"metrics.listen = 'localhost.example:9110'", `metrics.listen: "localhost.example:9110"` + loop},
		{"metrics.listen = '127.0.0.1'", `metrics.listen: the port is missing` + places},
		{"metrics.listen = '127.0.0.1:0'", `metrics.listen: "0" is not a port (1 to 65535)`},
		{"metrics.listen = '::1:9110'", `metrics.listen: "::1:9110" has more than one colon (an IPv6 address stands in brackets: "[::1]:25")`},
		{"metrics.listen = 'http://127.0.0.1:9110'", `metrics.listen: an address with a scheme` + places},
		{"metrics.listen = '127.0.0.1:9110/metrics'", `metrics.listen: not host:port` + places},
		{"metrics.listen = '/run/metrics.sock'", `metrics.listen: not host:port` + places},
		{"metrics.listen = 'me:hunter2@localhost:1'", `metrics.listen: not host:port` + places},
		{"metrics.listen = 'unix:metrics.sock'", `metrics.listen: the path of the unix socket is not absolute (write unix:/...)`},
		{"metrics.listen = \"unix:/a\\u0000\"", `metrics.listen: a path can't hold a NUL`},
		{"metrics.listen = 'unix:/" + strings.Repeat("s", 100) + "'", `metrics.listen: "/` + strings.Repeat("s", 74) + `..." has 101 octets, too many for a unix socket (choose a path of at most 100)`},
		{"metrics.textfile = '/m/popsync.txt'", `metrics.textfile: "/m/popsync.txt" doesn't end in .prom (else the collector passes it over)`},
		{"metrics.textfile = '/m/x.prom/'", `metrics.textfile: "/m/x.prom/" is a folder (write the path of a file)`},
		{"metrics.textfile = 'x.prom'", `metrics.textfile: "x.prom" is a relative path (write an absolute path or ~/...)`},
		{"metrics.textfile = ''", ``},
		// [alarm]
		{"alarm = false", `alarm: must be a table, not true or false (write [alarm] and its keys below)`},
		{"alarm.maildir = '/m'", `alarm.maildir: must be true or false, not a text (without quotes)`},
		{"alarm.command = ''", `alarm.command: must be a list of texts, not a text` + argv},
		{"alarm.command = []", ``},
		{"alarm.command = ['mail', 'me']", `alarm.command[0]: the program is not an absolute path (write an absolute path or ~/...; it is not searched for in PATH)`},
		{"alarm.command = ['/usr/bin/mail me']", `alarm.command[0]: a program and its arguments in one text` + argv},
		{"alarm.command = ['']", `alarm.command[0]: the program is missing` + argv},
		{"alarm.command = ['/x', 1]", `alarm.command[1]: must be a text, not a number` + argv},
		{"alarm.after = '0s'", `alarm.after: must be more than 0` + units},
		{"alarm.after = 6", `alarm.after: must be a time with its unit, not a number` + units},
		{"alarm.parked = -1", `alarm.parked: -1 is too small, the least is 0`},
		{"alarm.parkd = 1", `alarm.parkd: unknown key (did you mean "parked"?)`},
		{"alarm.webhook = ''", ``},
		{"alarm.webhook = ['https://hunter2.example']", `alarm.webhook: must be a text, not a list (write it in quotes: "...")`},
		{"alarm.webhook = 'hunter2.example/hook'", `alarm.webhook: not a URL` + wholeURL},
		{"alarm.webhook = 'https:hunter2'", `alarm.webhook: not a URL` + wholeURL},
		{"alarm.webhook = 'https:///hunter2'", `alarm.webhook: not a URL` + wholeURL},
		{"alarm.webhook = 'https://:443/hunter2'", `alarm.webhook: not a URL` + wholeURL},
		{"alarm.webhook = 'https://h/%zzhunter2'", `alarm.webhook: not a URL` + wholeURL},
		{"alarm.webhook = 'https://h:0/hunter2'", `alarm.webhook: not a URL: the port is not one of 1 to 65535` + wholeURL},
		{"alarm.webhook = 'https://h:/hunter2'", `alarm.webhook: not a URL: the port is not one of 1 to 65535` + wholeURL},
		{"alarm.webhook = 'https://h:65536/hunter2'", `alarm.webhook: not a URL: the port is not one of 1 to 65535` + wholeURL},
		{"alarm.webhook = 'https://hunter2_/..%20'", ``},
		{"alarm.webhook = 'https://a..hunter2/x'", `alarm.webhook: not a URL: the name of the host can't be used` + wholeURL},
		{"alarm.webhook = 'https://h/hunter2 '", `alarm.webhook: not a URL: there is a space or a character beyond ASCII in it` + wholeURL},
		{"alarm.webhook = 'https://hünter2.example/'", `alarm.webhook: not a URL: there is a space or a character beyond ASCII in it` + wholeURL},
		{"alarm.webhook = \"https://h/\\r\\nhunter2: x\"", `alarm.webhook: not a URL: there is a space or a character beyond ASCII in it` + wholeURL},
		{"alarm.webhook = 'ftp://h/hunter2'", `alarm.webhook: not a URL of the web` + wholeURL},
		{"alarm.webhook = 'unix://h/hunter2'", `alarm.webhook: not a URL of the web` + wholeURL},
		{"alarm.webhook = 'http://chat.example/hunter2'", `alarm.webhook: would send alarms, and the URL itself, in the clear (write https://, http:// is for this machine only)`},
		{"alarm.webhook = 'http://127.0.0.1.example/hunter2'", `alarm.webhook: would send alarms, and the URL itself, in the clear (write https://, http:// is for this machine only)`},
		{"alarm.webhook = 'http://localhost@chat.example/hunter2'", `alarm.webhook: would send alarms, and the URL itself, in the clear (write https://, http:// is for this machine only)`},
		{"alarm.webhook = 'http://[::1]:8080/hunter2'", ``},
		{"alarm.webhook = 'HTTP://LocalHost/hunter2'", ``},
		{"alarm.webhook = 'https://u:p@[2001:db8::1]:8443/hunter2?a=b#c'", ``},
		// [limits]
		{"limits.backoff_min = '0s'", `limits.backoff_min: must be more than 0` + units},
		{"limits.backoff_min = '1h'", ``},
		{"limits.backoff_min = '90m'", `limits.backoff_min: 1h30m is more than backoff_max, which is 1h (raise backoff_max, too)`},
		{"limits.backoff_max = '10s'", `limits.backoff_max: 10s is less than backoff_min, which is 1m (lower backoff_min, too)`},
		{"limits = {backoff_min = '2h', backoff_max = '1h'}", `limits.backoff_max: 1h is less than backoff_min, which is 2h (lower backoff_min, too)`},
		{"limits = {backoff_min = '2h', backoff_max = 'x'}", `limits.backoff_max: "x" is not a time with its unit` + units},
		{"limits = {backoff_min = 'x', backoff_max = '10s'}", `limits.backoff_min: "x" is not a time with its unit` + units},
	} {
		got := problems(t, tt.keys+"\n"+account(""), Options{})
		if got = strings.TrimPrefix(got, "1: "); got != tt.want {
			t.Errorf("%s\ngot  %s\nwant %s", tt.keys, got, tt.want)
		}
		if strings.Contains(got, "unter2") {
			t.Errorf("%s: shown", tt.keys)
		}
	}
}

func TestServiceProblemsOfAnAccount(t *testing.T) {
	for _, tt := range []struct{ keys, want string }{
		{"timezone = 'Mars'", `2: account.a.timezone: "Mars" is not a time zone that is known here (such as "Europe/Berlin"; "" is the machine's)`},
		{"jitter = '2d'", `2: account.a.jitter: 48h is too long, the most is 24h`},
		{"run_at_start = 1", `2: account.a.run_at_start: must be true or false, not a number (without quotes)`},
		{"alarm = 'off'", `2: account.a.alarm: must be true or false, not a text (without quotes)`},
		{"host_rate = 1", `2: account.a.host_rate: unknown key (it is for all accounts: write it at the top of f, above all accounts)`},
	} {
		if got := problems(t, account(tt.keys), Options{}); got != tt.want {
			t.Errorf("%s\ngot  %s\nwant %s", tt.keys, got, tt.want)
		}
	}
}

// What stands at the top holds for an account that doesn't say it, wherever the account stands in the file; and what
// an account says holds also when it is an empty or zero value.
func TestAccountsTakeWhatStandsAtTheTop(t *testing.T) {
	doc := `account.aa = {host = "h", username = "u", deliver = [{type = "maildir", path = "/m"}]}
account.b = {host = "h", username = "u", deliver = [{type = "maildir", path = "/m"}], timezone = "", jitter = "0s", run_at_start = true, schedule = "@daily"}
timezone = "Asia/Tokyo"
jitter = "5s"
run_at_start = false
schedule = "@hourly"
`
	c := mustParse(t, doc)
	a, b := c.Accounts[0], c.Accounts[1]
	if a.Timezone != "Asia/Tokyo" || a.Jitter != c.Jitter || a.Jitter == 0 || a.RunAtStart || a.Schedule != "@hourly" {
		t.Errorf("of the top: %+v", a)
	}
	if b.Timezone != "" || b.Jitter != 0 || !b.RunAtStart || b.Schedule != "@daily" {
		t.Errorf("of its own: %+v", b)
	}
}

func TestListen(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "127.0.0.1:9110": "127.0.0.1:9110", "127.9.9.9:1": "127.9.9.9:1", "[::1]:65535": "[::1]:65535",
		"localhost:9110": "localhost:9110", "unix:/run//m.sock": "unix:/run/m.sock",
	} {
		if got := mustParse(t, "metrics.listen = '"+in+"'\n"+minimal).Metrics.Listen; got != want {
			t.Errorf("%q gave %q", in, got)
		}
	}
}

func TestControlSocket(t *testing.T) {
	deep := "/" + strings.Repeat("d", 87) // 88 octets, and 13 of /control.sock
	for _, tt := range []struct {
		env       Env
		keys      string
		want, bad string
	}{
		{home, "", "/home/me/.local/state/popsync/control.sock", ""},
		{home, "control.socket = ''\n", "/home/me/.local/state/popsync/control.sock", ""},
		{home, "control.socket = 'off'\n", "", ""},
		{home, "control.socket = '~/s'\n", "/home/me/s", ""},
		{home, "state_dir = '/s'\n", "/s/control.sock", ""},
		{testEnv("HOME", "/h", "XDG_RUNTIME_DIR", "/run/user/7"), "state_dir = '/s'\n", "/run/user/7/popsync/control-8e295f31.sock", ""},
		{testEnv("HOME", "/h", "XDG_RUNTIME_DIR", "/x", "RUNTIME_DIRECTORY", "/run/popsync"), "", "/run/popsync/control.sock", ""},
		{testEnv("HOME", "/h", "RUNTIME_DIRECTORY", "/run/a/:/run/b"), "", "/run/a/control.sock", ""},
		{testEnv("HOME", "/h", "XDG_RUNTIME_DIR", "x", "RUNTIME_DIRECTORY", "y:/z"), "", "/h/.local/state/popsync/control.sock", ""},
		{testEnv("HOME", "/h", "RUNTIME_DIRECTORY", "/run/popsync"), "control.socket = 'off'\n", "", ""},
		{nil, "control.socket = 'off'\nstate_dir = '/s'\n", "", ""},
		// a place that is too deep
		{nil, "state_dir = '" + deep[:88-1] + "'\n", deep[:88-1] + "/control.sock", ""},
		{nil, "state_dir = '" + deep + "'\n", "/run/popsync/control.sock", ""},
		{nil, "state_dir = '" + deep + "'\ncontrol.socket = 'off'\n", "", ""},
		// one problem, not two
		{nil, "", "", `f: state_dir: no place for the state: neither STATE_DIRECTORY nor HOME is set (write state_dir = "/...")`},
		{nil, "state_dir = 'x'\n", "", `f:1: state_dir: "x" is a relative path (write an absolute path or ~/...)`},
		{nil, "state_dir = '" + deep + "'\ncontrol.socket = 1\n", "", `f:2: control.socket: must be a path in quotes, not a number`},
	} {
		c, err := Parse("f", []byte(tt.keys+account("")), tt.env, Options{})
		if tt.bad != "" {
			if err == nil || err.Error() != tt.bad {
				t.Errorf("%s\ngot  %v\nwant %s", tt.keys, err, tt.bad)
			}
		} else if err != nil || first(c.Control.Sockets) != tt.want {
			t.Errorf("%s: %v, %v, want %s", tt.keys, c, err, tt.want)
		}
	}
}

func TestSpoken(t *testing.T) {
	for in, want := range map[string]string{"1h": "1h", "90m": "1h30m", "10s": "10s", "10m": "10m", "100m10s": "1h40m10s", "20ms": "20ms", "0s": "0s", "1h5s": "1h0m5s"} {
		d, ok := parseDuration(in)
		if got := spoken(d); !ok || got != want {
			t.Errorf("%s is spoken %s, want %s", in, got, want)
		}
	}
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
