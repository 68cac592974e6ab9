package config

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func testEnv(vars ...string) Env {
	return func(key string) string {
		for i := 0; i < len(vars); i += 2 {
			if vars[i] == key {
				return vars[i+1]
			}
		}
		return ""
	}
}

var home = testEnv("HOME", "/home/me")

func mustParse(t *testing.T, doc string) *Config {
	t.Helper()
	c, err := Parse("config.toml", []byte(doc), home, Options{})
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, doc)
	}
	return c
}

const minimal = `[account.work]
host = "pop.example.org"
username = "me@example.org"
password_file = "~/.work"

[[account.work.deliver]]
type = "maildir"
path = "~/Mail/work"
`

func TestMinimalHasAllDefaults(t *testing.T) {
	want := &Config{
		File: "config.toml", StateDir: "/home/me/.local/state/popsync", Parallel: 64,
		Schedule: "*/10 * * * *", Jitter: 30 * time.Second, RunAtStart: true,
		Log:     Log{Level: "info", Format: "auto"},
		Control: Control{Sockets: []string{"/home/me/.local/state/popsync/control.sock", "/run/popsync/control.sock"}},
		Alarm:   Alarm{Maildir: true, After: 6 * time.Hour, Parked: 1},
		Limits: Limits{
			Connect: 30 * time.Second, TLSHandshake: 30 * time.Second, Reply: time.Minute, List: 3 * time.Minute,
			Idle: time.Minute, Quit: 10 * time.Second, Answer: time.Hour, LeastRate: 1024,
			PassTime: 12 * time.Hour, SlowAfter: 10 * time.Minute, SlowRate: 2048,
			StatusLine: 8192, UID: 512, Listing: 1000000, FreeSpace: 16777216,
			SessionMessages: 5000, SessionTime: 15 * time.Minute, BatchMessages: 500, BatchSize: 8388608, BatchTime: time.Second,
			BackoffMin: time.Minute, BackoffMax: time.Hour,
		},
		Accounts: []Account{{
			Name: "work", Host: "pop.example.org", Port: 995, TLS: TLSImplicit, Username: "me@example.org", Auth: AuthAuto,
			Pipelining: true, Sizes: SizesAuto,
			Schedule: "*/10 * * * *", Jitter: 30 * time.Second, RunAtStart: true, Alarm: true,
			Secret:  SecretSource{Kind: SecretFile, File: "/home/me/.work"},
			Deliver: []Deliver{{Type: "maildir", Name: "maildir", Required: true, Path: "/home/me/Mail/work"}},
		}},
	}
	if got := mustParse(t, minimal); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestEveryKeyIsStored(t *testing.T) {
	doc := `
state_dir = "/var/lib/popsync/"
parallel = 3
per_host = 2
host_rate = 8
schedule = "@hourly"
timezone = "Europe/Berlin"
jitter = "0s"
run_at_start = false
log = {level = "debug", format = "json", file = "~/popsync.log"}
control.socket = "/run//popsync.sock"
metrics = {listen = "localhost:9110", textfile = "/m/popsync.prom"}
[alarm]
maildir = false
command = ["~/bin/tell", "~", ""]
webhook = "https://chat.example/hooks/hunter2?a=b"
after = "1h30m"
parked = 0
skipped = true
[limits]
connect = "1s"
tls_handshake = "2s"
reply = "3s"
list = "4s"
idle = "5s"
quit = "6s"
answer = "50m"
least_rate = "2KiB"
pass_time = "3h"
slow_after = "9s"
slow_rate = 77
status_line = 1024
uid = 70
listing = 9
memory = "64MiB"
free_space = "1kib"
session_messages = 10
session_time = "1h30m"
batch_messages = 11
batch_size = "2MB"
batch_time = "500ms"
backoff_min = "7s"
backoff_max = "8s"
[account.b]
host = "[::1]"
tls = "none"
username = "b"
password = "x"
auth = "user"
delete = "30d"
[[account.b.deliver]]
type = "maildir"
path = "/m/b"
[account.a]
host = "a.example"
port = 1110
tls = "starttls"
ca_file = "~/ca.pem"
insecure_plaintext = true
username = "a"
password_command = ["~/bin/pw", "~"]
auth = "plain"
pipelining = false
sizes = "ignore"
schedule = "@daily"
timezone = ""
jitter = "24h"
run_at_start = true
alarm = false
delete = "after-delivery"
delete_quarantined = true
delete_keep = 5
delete_larger = "10MB"
first_fetch = "last 100"
max_size = "25MB"
limit = 7
limit_size = "500MB"
[[account.a.deliver]]
type = "maildir"
path = "/m/../m/a/"
[[account.a.deliver]]
type = "maildir"
name = "second"
path = "~"
fallback = true
trace = true
`
	want := &Config{
		File: "config.toml", StateDir: "/var/lib/popsync", Parallel: 3, PerHost: 2, HostRate: 8,
		Schedule: "@hourly", Timezone: "Europe/Berlin",
		Log:     Log{Level: "debug", Format: "json", File: "/home/me/popsync.log"},
		Control: Control{Sockets: []string{"/run/popsync.sock"}},
		Metrics: Metrics{Listen: "localhost:9110", Textfile: "/m/popsync.prom"},
		Alarm: Alarm{
			Command: []string{"/home/me/bin/tell", "~", ""}, Webhook: newSecret("https://chat.example/hooks/hunter2?a=b"),
			After: 90 * time.Minute, Skipped: true,
		},
		Limits: Limits{
			Connect: time.Second, TLSHandshake: 2 * time.Second, Reply: 3 * time.Second, List: 4 * time.Second,
			Idle: 5 * time.Second, Quit: 6 * time.Second, Answer: 50 * time.Minute, LeastRate: 2048,
			PassTime: 3 * time.Hour, SlowAfter: 9 * time.Second, SlowRate: 77, StatusLine: 1024, UID: 70, Listing: 9, Memory: 64 << 20, FreeSpace: 1024,
			SessionMessages: 10, SessionTime: 90 * time.Minute, BatchMessages: 11, BatchSize: 2000000, BatchTime: time.Second / 2,
			BackoffMin: 7 * time.Second, BackoffMax: 8 * time.Second,
		},
		Accounts: []Account{
			{
				Name: "a", Host: "a.example", Port: 1110, TLS: TLSStartTLS, Trust: Trust{CAFile: "/home/me/ca.pem"}, Insecure: true,
				Username: "a", Auth: AuthPlain, Sizes: SizesIgnore, Schedule: "@daily", Jitter: 24 * time.Hour,
				RunAtStart: true, Delete: Delete{Kind: DeleteAfterDelivery}, DeleteQuarantined: true, DeleteKeep: 5, DeleteLarger: 10000000, FirstFetch: FirstFetch{Kind: FirstFetchLast, Last: 100},
				MaxSize: 25000000, Limit: 7, LimitSize: 500000000, Secret: SecretSource{Kind: SecretCommand, Command: []string{"/home/me/bin/pw", "~"}},
				Deliver: []Deliver{
					{Type: "maildir", Name: "maildir", Required: true, Path: "/m/a"},
					{Type: "maildir", Name: "second", Fallback: true, Trace: true, Path: "/home/me"},
				},
			},
			{
				Name: "b", Host: "::1", Port: 110, TLS: TLSNone, Username: "b", Auth: AuthUser, Pipelining: true, Sizes: SizesAuto, Schedule: "@hourly",
				Timezone: "Europe/Berlin", Alarm: true,
				Delete: Delete{Kind: DeleteAge, Age: 30 * 24 * time.Hour}, Secret: SecretSource{Kind: SecretLiteral, Literal: newSecret("x")},
				Deliver: []Deliver{{Type: "maildir", Name: "maildir", Required: true, Path: "/m/b"}},
			},
		},
	}
	if got := mustParse(t, doc); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestAllProblemsAtOnceByLine(t *testing.T) {
	doc := `paralell = 1
[log]
level = 5
format = "jsn"
[limits]
connect = 30
uid = 7
[account.work]
hosst = "x"
host = "pop3s://x"
pasword = "hunter2"
password = 12345
port = "995"
tls = "ssl"
deliver = {type = "maildir", pth = "~/x"}
[account."Übel"]
HOST = "x"
`
	want := `config.toml:1: paralell: unknown key (did you mean "parallel"?)
config.toml:3: log.level: must be a text, not a number (one of debug, info, warn, error)
config.toml:4: log.format: "jsn" is not one of auto, console, json (did you mean "json"?)
config.toml:6: limits.connect: must be a time with its unit, not a number (such as "90s", "10m", "12h" or "30d")
config.toml:7: limits.uid: 7 is too small, the least is 70
config.toml:8: account.work.username: missing
config.toml:9: account.work.hosst: unknown key (did you mean "host"?)
config.toml:10: account.work.host: "pop3s://x" is an address with a scheme (write the name of the server only, and choose tls and port by their keys)
config.toml:11: account.work.pasword: unknown key (did you mean "password"?)
config.toml:12: account.work.password: must be a text, not a number (write it in quotes: "...")
config.toml:13: account.work.port: must be a whole number, not a text (write it without quotes)
config.toml:14: account.work.tls: "ssl" is not one of implicit, starttls, none
config.toml:15: account.work.deliver: must be a list of tables (write [[account.work.deliver]] instead of [account.work.deliver])
config.toml:15: account.work.deliver.path: missing (the folder of the Maildir)
config.toml:15: account.work.deliver.pth: unknown key (did you mean "path"?)
config.toml:16: account."\u00dcbel": not a name that can be used (1 to 64 of a-z 0-9 . _ -, not beginning with . or -)
config.toml:16: account."\u00dcbel".deliver: no destination (add [[account."\u00dcbel".deliver]] with type = "maildir" and path)
config.toml:16: account."\u00dcbel".host: missing
config.toml:16: account."\u00dcbel".username: missing
config.toml:17: account."\u00dcbel".HOST: unknown key (did you mean "host"?)`
	_, err := Parse("config.toml", []byte(doc), home, Options{})
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	var all Error
	var first Problem
	if !errors.As(err, &all) || len(all) != 20 || !errors.As(err, &first) || first != all[0] {
		t.Errorf("errors.As gave %d problems and %+v", len(all), first)
	}
}

// problems gives the lines of the error of a document, without the file name.
func problems(t *testing.T, doc string, o Options) string {
	t.Helper()
	_, err := Parse("f", []byte(doc), home, o)
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(strings.TrimPrefix(err.Error(), "f:"), "\nf:", "\n")
}
