package acceptance_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/popsync/popsync/pop3/pop3test"
)

// The password of every account in the scripts, and what AUTH PLAIN makes of it. Neither may ever be seen.
const scriptPassword = "Xk7-do-not-print-9Qz"

var scriptSecrets = []string{scriptPassword, base64.StdEncoding.EncodeToString([]byte("\x00u\x00" + scriptPassword))}

// TestScript runs testdata/script/*.txtar. Each is a person's home: servers that behave as told, a configuration, and
// what popsync says to it. POPSYNC_UPDATE=1 writes the screens anew.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		UpdateScripts:      os.Getenv("POPSYNC_UPDATE") != "",
		Setup:              settle,
		Condition:          condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server":  cmdServer,
			"sink":    cmdSink,
			"took":    cmdTook,
			"reform":  cmdReform,
			"account": cmdAccount,
			"config":  cmdConfig,
			"exits":   cmdExits,
			"screen":  cmdScreen,
			"arrived": cmdArrived,
			"holds":   cmdHolds,
			"waits":   cmdWaits,
			"mount":   cmdMount,
			"nobody":  cmdNobody,
			"ledger":  cmdLedger,
			"knows":   cmdKnows,
			"leaves":  cmdLeaves,
			"comes":   cmdComes,
			"lists":   cmdLists,
		},
	})
}

// home is what one script has.
type home struct {
	ca           *pop3test.CA
	servers      map[string]*scripted
	sinks        map[string]*sink
	unprivileged bool
}

type (
	homeKey struct{}
	testKey struct{}
)

func homeOf(ts *testscript.TestScript) *home { return ts.Value(homeKey{}).(*home) }

// settle makes the home. At its end nothing below it but the configuration may hold the password.
func settle(env *testscript.Env) error {
	ca, err := pop3test.NewCA()
	if err != nil {
		return err
	}
	h := &home{ca: ca, servers: map[string]*scripted{}, sinks: map[string]*sink{}}
	env.Values[homeKey{}] = h
	env.Values[testKey{}] = env.T()
	t := env.T().(testing.TB)
	env.Setenv("PATH", filepath.Dir(asTested(t))+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("NO_COLOR", "1")
	env.Setenv("GORACE", "atexit_sleep_ms=50") // a second for each command otherwise
	env.Setenv("password", scriptPassword)
	env.Defer(func() {
		for _, s := range h.servers {
			s.close()
		}
		for _, s := range h.sinks {
			s.stop()
		}
	})
	env.Defer(func() {
		err := filepath.WalkDir(env.WorkDir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || strings.Contains(path, ".config") {
				return err
			}
			b, err := os.ReadFile(path)
			for _, m := range scriptSecrets {
				if strings.Contains(string(b), m) && !strings.HasPrefix(filepath.Base(path), "typed") {
					t.Errorf("%s holds the password", path)
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	return os.WriteFile(filepath.Join(env.WorkDir, "ca.pem"), ca.PEM(), 0o600)
}

func configFile(ts *testscript.TestScript) string {
	return ts.MkAbs(ts.Getenv("HOME") + "/.config/popsync/config.toml")
}

// addConfig writes to the configuration, which belongs to its owner only.
func addConfig(ts *testscript.TestScript, text string) {
	file := configFile(ts)
	ts.Check(os.MkdirAll(filepath.Dir(file), 0o700))
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	_, err = f.WriteString(text)
	ts.Check(errors.Join(err, f.Close()))
}

// config FILE makes FILE the configuration, with $variables replaced.
func cmdConfig(ts *testscript.TestScript, neg bool, args []string) {
	if err := os.Remove(configFile(ts)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		ts.Fatalf("%v", err)
	}
	if len(args) == 0 {
		return
	}
	addConfig(ts, os.Expand(ts.ReadFile(args[0]), ts.Getenv))
}

// account NAME SERVER [maildir=PATH] [to=SINK] [program=FILE] ['key = value']... adds an account to the configuration: plaintext
// on loopback, a password that works, and a Maildir mail/NAME, as far as the lines do not say otherwise; to=SINK has the mail
// go to a mail server instead, and program=FILE to a program.
func cmdAccount(ts *testscript.TestScript, neg bool, args []string) {
	name, port := args[0], ts.Getenv(args[1])
	maildir, lines := ts.MkAbs("mail/"+name), map[string]string{
		"host": `"127.0.0.1"`, "port": port, "tls": `"none"`, "username": `"u"`, "password": strconv.Quote(scriptPassword),
		"alarm": "false", // or Maildirs would hold more than mail
	}
	var instead []string
	for _, a := range args[2:] {
		if sink, ok := strings.CutPrefix(a, "to="); ok {
			kind, address := homeOf(ts).sink(ts, sink).where()
			instead = append(instead, fmt.Sprintf("type = %q\naddress = %q\ntls = \"none\"\nto = [\"me@example.org\"]\n", kind, address))
			continue
		}
		if file, ok := strings.CutPrefix(a, "program="); ok {
			instead = append(instead, fmt.Sprintf("type = \"command\"\ncommand = [%q]\n", ts.MkAbs(file)))
			continue
		}
		if path, ok := strings.CutPrefix(a, "maildir="); ok {
			maildir = ts.MkAbs(path)
			continue
		}
		key, value, _ := strings.Cut(a, " = ")
		lines[key] = value
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n[account.%s]\n", name)
	for _, key := range slices.Sorted(maps.Keys(lines)) {
		if lines[key] != "" {
			fmt.Fprintf(&b, "%s = %s\n", key, os.Expand(lines[key], ts.Getenv))
		}
	}
	if instead == nil {
		instead = []string{fmt.Sprintf("type = \"maildir\"\npath = %q\n", maildir)}
	}
	for _, text := range instead {
		fmt.Fprintf(&b, "[[account.%s.deliver]]\n%s", name, text)
	}
	addConfig(ts, b.String())
	ts.Check(os.MkdirAll(ts.MkAbs("mail"), 0o700))
}

// exits CODE PROGRAM ARG... runs a program that must end with CODE and never shows the password. 'popsync run' writes its
// log, as with --verbose, unless the script is cron's (env cron=1).
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if args[1] == "popsync" && ts.Getenv("cron") == "" {
		args = verbose(args)
	}
	if homeOf(ts).unprivileged {
		args = append([]string{args[0], "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, args[1:]...)
	}
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	for _, out := range []string{"stdout", "stderr", "ttyout"} {
		for _, m := range scriptSecrets {
			if strings.Contains(ts.ReadFile(out), m) {
				ts.Fatalf("%s shows the password", out)
			}
		}
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

var changing = []struct {
	pattern *regexp.Regexp
	to      string
}{
	{regexp.MustCompile(`\b[0-9]s ago`), "0s ago"},
	{regexp.MustCompile(`\b[0-9]{2}s ago`), "0s ago "}, // the columns are wider than that
	{regexp.MustCompile(`"(time|started|last_pass|last_success|not_before|first_listed|last_try|next_try)":"[^"]+"`), `"$1":"TIME"`},
	{regexp.MustCompile(`"took":( ?)"[^"]+"`), `"took":$1"TIME"`},
	{regexp.MustCompile(`"duration_ns":[0-9]+`), `"duration_ns":TIME`},
	{regexp.MustCompile(`\b[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\b`), "DATE HH:MM:SS"},
	{regexp.MustCompile(`(since) [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}\b`), "$1 DATE"},
	{regexp.MustCompile(`\bin (59m|1h)\b`), "in 1h"},
	{regexp.MustCompile(`(next try in 1h) .[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}\b.`), "$1 (DATE)"},
	{regexp.MustCompile(`(at) [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}\b`), "$1 DATE"},
	{regexp.MustCompile(`\b[0-9]{2}:[0-9]{2}:[0-9]{2}\b`), "HH:MM:SS"},
	{regexp.MustCompile(`127\.0\.0\.1:[0-9]+->127`), "127.0.0.1:PORT->127"},
	{regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2} UTC`), "DATE UTC"},
	{regexp.MustCompile(`sha256//[A-Za-z0-9+/]{43}=`), "sha256//KEY"},
	{regexp.MustCompile(`\r\n`), "\n"},
}

// screen FILE writes what the last command printed to FILE, with everything that changes from run to run replaced;
// then cmp compares it.
func cmdScreen(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile("stdout") + ts.ReadFile("stderr") + ts.ReadFile("ttyout")
	text = strings.ReplaceAll(text, ts.Getenv("WORK"), "$WORK")
	for _, name := range slices.AppendSeq(slices.Collect(maps.Keys(homeOf(ts).sinks)), maps.Keys(homeOf(ts).servers)) {
		if ts.Getenv(name) == "" {
			continue // it has no port
		}
		text = regexp.MustCompile(`\b`+ts.Getenv(name)+`\b`).ReplaceAllString(text, "$$"+name)
	}
	for _, c := range changing {
		text = c.pattern.ReplaceAllString(text, c.to)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(byAccount(text)), 0o600))
}

var logLine = regexp.MustCompile(`"account": ?"([^"]*)"`)

// byAccount sorts the log by account: which comes first is chance.
func byAccount(text string) string {
	var lines, log []string
	for line := range strings.Lines(text) {
		if logLine.MatchString(line) && strings.Contains(line, "level\":") || strings.HasPrefix(line, "HH:MM:SS") {
			log = append(log, line)
		} else {
			lines = append(lines, line)
		}
	}
	slices.SortStableFunc(log, func(a, b string) int {
		return strings.Compare(logLine.FindString(a), logLine.FindString(b))
	})
	return strings.Join(append(lines, log...), "")
}

// arrived SERVER DIR: the Maildir holds each message that the server ever had, once, byte for byte.
func cmdArrived(ts *testscript.TestScript, neg bool, args []string) {
	var want [][]byte
	for _, s := range strings.Split(args[0], "+") {
		want = append(want, homeOf(ts).server(ts, s).messages()...)
	}
	lost, twice := differ(wanted(want...), arrived(ts.Value(testKey{}).(testing.TB), ts.MkAbs(args[1])))
	if (lost > 0 || twice > 0) != neg {
		ts.Fatalf("%s: %d of %d lost, %d too many or changed", args[1], lost, len(want), twice)
	}
}

// holds DIR N: the Maildir, if there is one, holds N messages.
func cmdHolds(ts *testscript.TestScript, neg bool, args []string) {
	if n := arrived(ts.Value(testKey{}).(testing.TB), ts.MkAbs(args[0])).len(); strconv.Itoa(n) != args[1] {
		ts.Fatalf("%s holds %d messages, want %s", args[0], n, args[1])
	}
}
