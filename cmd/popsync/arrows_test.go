package main_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/popsync/popsync"

// room is one package and the arrows that may leave it.
type room struct {
	path    string   // below the module's path
	imports []string // of the project
	modules []string // of others, by path or its beginning
	tests   []string // of the project, for its tests alone
	helper  bool     // for tests only: any test may import it, and the program may not contain it
}

// rooms is the plan of the house; ARCHITECTURE.md tells the reasons. Only those that may log, and internal/logs, have zap; only the
// ledger of one machine knows SQLite; only internal/durable and what needs locks and limits has unix.
var rooms = []room{
	{path: "pop3", imports: []string{"internal/foreign", "internal/sasl", "internal/transcript", "internal/trust"}},
	{path: "uidl"},
	{path: "uidl/sqlite", imports: []string{"uidl", "uidl/sqlite/leasefile", "internal/durable", "internal/safepath"}, modules: []string{"modernc.org/sqlite", "golang.org/x/sys"}},
	{path: "uidl/sqlite/leasefile", imports: []string{"uidl", "internal/durable", "internal/safepath"}, modules: []string{"golang.org/x/sys"}},
	{path: "deliver", imports: []string{"deliver/internal/spelling"}, tests: []string{"deliver/maildir"}},
	{path: "deliver/internal/spelling"},
	{path: "deliver/internal/disk", imports: []string{"deliver", "internal/durable", "internal/safepath"}, modules: []string{"golang.org/x/sys"}},
	{
		path:    "deliver/maildir",
		imports: []string{"deliver", "deliver/internal/disk", "deliver/internal/spelling", "internal/durable", "internal/safepath"},
		modules: []string{"github.com/emersion/go-maildir", "golang.org/x/sys"},
	},
	{
		path:    "deliver/spool",
		imports: []string{"deliver", "deliver/internal/disk", "deliver/internal/spelling", "internal/durable", "internal/safepath"},
		modules: []string{"golang.org/x/sys"},
	},
	{path: "deliver/smtp", imports: []string{"deliver", "internal/dialer", "internal/foreign", "internal/sasl", "internal/transcript", "internal/trust"}},
	{path: "deliver/imap", imports: []string{"deliver", "internal/dialer", "internal/durable", "internal/foreign", "internal/safepath", "internal/sasl", "internal/transcript", "internal/trust"}, tests: []string{"fetcher/verdict", "internal/exit"}},
	{path: "deliver/mbox", imports: []string{"deliver", "deliver/internal/disk", "internal/durable", "internal/safepath"}, modules: []string{"golang.org/x/sys"}},
	{path: "deliver/gmail", imports: []string{"deliver", "internal/dialer", "internal/durable", "internal/foreign", "internal/safepath", "internal/transcript", "internal/trust"}},
	{path: "deliver/command", imports: []string{"deliver", "internal/foreign", "internal/program", "internal/safepath"}},
	{path: "schedule", modules: []string{"github.com/robfig/cron/v3"}},
	// foreign and toml: its tests look what its errors, and encoders, show of a secret
	{path: "config", imports: []string{"config/document", "internal/foreign", "internal/safepath"}, modules: []string{"github.com/BurntSushi/toml"}},
	{path: "config/document", imports: []string{"internal/foreign"}, modules: []string{"github.com/BurntSushi/toml"}},
	{
		path: "fetcher",
		imports: []string{"pop3", "uidl", "deliver", "internal/foreign", "internal/headline", "internal/words", "fetcher/verdict", "fetcher/plan", "fetcher/health",
			"fetcher/settle", "fetcher/memory", "fetcher/report", "fetcher/operator", "fetcher/steps", "fetcher/rebuild", "fetcher/identity",
			"fetcher/facts", "fetcher/desk", "fetcher/server", "fetcher/headers", "fetcher/recognise", "fetcher/reading", "fetcher/deletions"},
		modules: []string{"go.uber.org/zap"},
		tests:   []string{"deliver/maildir", "deliver/spool", "uidl/sqlite", "internal/trust"},
	},
	{path: "fetcher/verdict", imports: []string{"pop3", "uidl", "deliver", "internal/dialer", "internal/foreign", "internal/sasl", "internal/words"}},
	{path: "fetcher/facts", imports: []string{"uidl"}},
	{path: "fetcher/plan", imports: []string{"pop3", "uidl", "fetcher/facts"}},
	{path: "fetcher/health", imports: []string{"pop3", "uidl", "fetcher/verdict", "internal/foreign", "internal/sasl", "internal/words"}},
	{path: "fetcher/settle", imports: []string{"uidl", "deliver", "fetcher/verdict", "fetcher/facts", "fetcher/health", "internal/words"}, modules: []string{"go.uber.org/zap"}},
	{path: "fetcher/memory"},
	{path: "fetcher/identity", imports: []string{"uidl", "deliver", "fetcher/verdict", "fetcher/settle", "fetcher/facts", "fetcher/report"}, modules: []string{"go.uber.org/zap"}},
	{path: "fetcher/rebuild", imports: []string{"uidl", "deliver", "fetcher/settle", "fetcher/plan", "fetcher/report", "internal/words"}, modules: []string{"go.uber.org/zap"}, tests: []string{"deliver/maildir", "fetcher/facts", "fetcher/health", "pop3"}},
	{path: "fetcher/steps", imports: []string{"pop3", "uidl", "fetcher/verdict", "fetcher/plan", "fetcher/health", "fetcher/report", "internal/words"}},
	{
		path:    "fetcher/desk",
		imports: []string{"pop3", "uidl", "fetcher/verdict", "fetcher/plan", "fetcher/health", "fetcher/memory", "fetcher/settle", "fetcher/rebuild", "fetcher/steps", "fetcher/report", "internal/words"},
		modules: []string{"go.uber.org/zap"},
	},
	{path: "fetcher/server", imports: []string{"pop3", "uidl", "fetcher/desk", "fetcher/verdict", "fetcher/plan", "internal/words"}, tests: []string{"internal/trust"}},
	{path: "fetcher/headers", imports: []string{"pop3", "uidl", "fetcher/desk", "fetcher/server", "fetcher/plan", "fetcher/health", "fetcher/memory"}},
	{
		path:    "fetcher/recognise",
		imports: []string{"uidl", "fetcher/desk", "fetcher/headers", "fetcher/verdict", "fetcher/plan", "fetcher/health", "fetcher/settle", "fetcher/report", "internal/words"},
		modules: []string{"go.uber.org/zap"},
		tests:   []string{"fetcher/facts"},
	},
	{
		path:    "fetcher/reading",
		imports: []string{"pop3", "uidl", "deliver", "fetcher/desk", "fetcher/recognise", "fetcher/verdict", "fetcher/plan", "fetcher/health", "fetcher/memory", "fetcher/settle", "fetcher/rebuild", "fetcher/steps", "fetcher/report", "internal/words"},
		modules: []string{"go.uber.org/zap"},
	},
	{
		path:    "fetcher/deletions",
		imports: []string{"pop3", "uidl", "fetcher/desk", "fetcher/verdict", "fetcher/plan", "fetcher/health", "fetcher/report", "internal/words"},
		modules: []string{"go.uber.org/zap"},
		tests:   []string{"fetcher/settle"},
	},
	{path: "fetcher/report", imports: []string{"pop3", "fetcher/verdict", "fetcher/health", "internal/words"}},
	{path: "fetcher/operator", imports: []string{"uidl", "fetcher/facts", "fetcher/plan", "fetcher/health", "internal/words"}},
	{
		path:    "cmd/popsync",
		imports: []string{"config", "config/document", "deliver", "deliver/command", "deliver/gmail", "deliver/imap", "deliver/maildir", "deliver/mbox", "deliver/smtp", "deliver/spool", "fetcher", "fetcher/health", "fetcher/memory", "fetcher/server", "fetcher/verdict", "internal/alarms", "internal/backup", "internal/built", "internal/checkup", "internal/console", "internal/control", "internal/decisions", "internal/demo", "internal/dialer", "internal/discovery", "internal/exit", "internal/figures", "internal/firstconfig", "internal/guard", "internal/imports", "internal/logins", "internal/logs", "internal/memlimit", "internal/movein", "internal/names", "internal/newmail", "internal/nextstep", "internal/oauth", "internal/oauth/tokens", "internal/outcome", "internal/parked", "internal/passes", "internal/places", "internal/probe", "internal/profile", "internal/remarks", "internal/safepath", "internal/screen", "internal/secret", "internal/service", "internal/setup", "internal/status", "internal/terminal", "internal/transcript", "internal/trust", "internal/usage", "internal/verify", "internal/words", "pop3", "schedule", "uidl", "uidl/sqlite"},
		modules: []string{"github.com/spf13/cobra", "go.uber.org/zap", "golang.org/x/sys"},
		tests:   []string{"fetcher/report", "internal/notify", "internal/sasl"},
	},
	{path: "cmd/popsync/acceptance", imports: []string{"deliver", "deliver/maildir"}, modules: []string{"modernc.org/sqlite", "golang.org/x/net", "golang.org/x/sys"}, helper: true},
	{path: "internal/alarms", imports: []string{"deliver", "deliver/maildir", "fetcher", "fetcher/verdict", "internal/checkup", "internal/exit", "internal/names", "internal/nextstep", "internal/notify", "internal/places", "internal/safepath", "internal/words", "schedule", "uidl"}, modules: []string{"go.uber.org/zap"}, tests: []string{"internal/outcome"}},
	{path: "internal/backup", imports: []string{"internal/console", "internal/durable", "internal/exit", "internal/nextstep", "internal/safepath", "internal/words", "uidl"}},
	{path: "internal/built"},
	{path: "internal/checkup", imports: []string{"fetcher", "fetcher/verdict", "internal/exit", "internal/screen", "internal/words", "schedule"}},
	{path: "internal/newmail", imports: []string{"fetcher", "internal/notify", "internal/program"}},
	{path: "internal/console", imports: []string{"internal/exit", "internal/nextstep", "internal/screen", "internal/terminal", "internal/transcript", "internal/words"}},
	{path: "internal/control", imports: []string{"internal/safepath", "internal/unixsocket"}, modules: []string{"golang.org/x/sys"}},
	{path: "internal/decisions", imports: []string{"deliver", "deliver/spool", "fetcher", "fetcher/health", "fetcher/operator", "fetcher/verdict", "internal/alarms", "internal/console", "internal/control", "internal/durable", "internal/exit", "internal/foreign", "internal/names", "internal/nextstep", "internal/places", "internal/safepath", "internal/terminal", "internal/uidtext", "internal/words", "uidl"}},
	{path: "internal/demo", imports: []string{"deliver/gmail/gmailtest", "fetcher", "fetcher/verdict", "internal/console", "internal/exit", "internal/outcome", "internal/screen", "internal/words", "pop3/pop3test"}},
	{path: "internal/dialer", imports: []string{"internal/foreign", "internal/program", "internal/safepath"}, modules: []string{"golang.org/x/net"}},
	{path: "internal/durable", modules: []string{"golang.org/x/sys"}},
	{path: "internal/exit", imports: []string{"fetcher/verdict", "internal/nextstep", "internal/words"}},
	{path: "internal/figures", imports: []string{"fetcher", "fetcher/health", "internal/metrics", "uidl"}, modules: []string{"go.uber.org/zap"}, tests: []string{"fetcher/verdict"}},
	{path: "internal/firstconfig", imports: []string{"internal/console", "internal/durable", "internal/exit", "internal/nextstep", "internal/safepath"}},
	{path: "internal/foreign"},
	{path: "internal/guard", imports: []string{"internal/durable", "internal/exit", "internal/nextstep", "internal/safepath"}, modules: []string{"golang.org/x/sys/unix"}},
	{path: "internal/sasl", imports: []string{"internal/foreign", "internal/trust"}, modules: []string{"github.com/emersion/go-sasl", "github.com/xdg-go/scram"}},
	{path: "internal/headline"},
	{path: "internal/logins", imports: []string{"fetcher/verdict", "internal/checkup", "internal/console", "internal/control", "internal/exit", "internal/guard", "internal/nextstep", "internal/oauth", "internal/oauth/signin", "internal/oauth/tokens", "internal/safepath", "internal/screen", "internal/terminal", "internal/words"}},
	{path: "internal/logs", imports: []string{"internal/foreign", "internal/safepath", "internal/screen", "internal/words"}, modules: []string{"go.uber.org/zap", "go.uber.org/zap/buffer"}},
	{path: "internal/outcome", imports: []string{"fetcher", "fetcher/health", "fetcher/verdict", "internal/exit", "internal/foreign", "internal/screen", "internal/uidtext", "internal/words"}},
	{path: "internal/parked", imports: []string{"deliver", "fetcher", "fetcher/health", "fetcher/operator", "fetcher/server", "fetcher/verdict", "internal/exit", "internal/headline", "internal/screen", "internal/uidtext", "internal/words", "pop3", "uidl"}},
	{path: "internal/passes", imports: []string{"fetcher", "fetcher/health", "fetcher/verdict", "internal/control", "internal/nextstep", "internal/outcome", "internal/pace", "schedule", "uidl"}, modules: []string{"go.uber.org/zap"}},
	{path: "internal/places", imports: []string{"deliver", "internal/words", "uidl"}, tests: []string{"deliver/maildir"}},
	{path: "internal/probe", imports: []string{"deliver/gmail", "deliver/imap", "deliver/smtp", "fetcher", "fetcher/health", "fetcher/server", "fetcher/verdict", "internal/alarms", "internal/checkup", "internal/dialer", "internal/exit", "internal/metrics", "internal/names", "internal/nextstep", "internal/notify", "internal/places", "internal/safepath", "internal/sasl", "internal/secret", "internal/trust", "internal/words", "pop3", "uidl"}, modules: []string{"golang.org/x/sys/unix"}},
	{path: "internal/remarks", imports: []string{"deliver", "internal/places", "internal/words"}, modules: []string{"go.uber.org/zap"}},
	{path: "internal/service", imports: []string{"fetcher", "fetcher/health", "fetcher/memory", "fetcher/verdict", "internal/alarms", "internal/control", "internal/exit", "internal/figures", "internal/logs", "internal/memlimit", "internal/metrics", "internal/names", "internal/nextstep", "internal/outcome", "internal/pace", "internal/passes", "internal/sdnotify", "internal/words", "schedule", "uidl"}, modules: []string{"go.uber.org/zap"}},
	{path: "internal/status", imports: []string{"fetcher", "fetcher/health", "fetcher/identity", "fetcher/verdict", "internal/control", "internal/exit", "internal/notify", "internal/screen", "internal/words", "schedule", "uidl"}},
	{path: "internal/usage", imports: []string{"internal/exit", "internal/screen"}, modules: []string{"github.com/spf13/cobra"}},
	{path: "internal/verify", imports: []string{"deliver", "deliver/maildir", "fetcher", "fetcher/health", "fetcher/verdict", "internal/exit", "internal/places", "internal/safepath", "internal/screen", "internal/status", "internal/uidtext", "internal/words", "uidl"}},
	{path: "internal/imports"},
	{path: "internal/providers"},
	{path: "internal/discovery", imports: []string{"internal/foreign", "internal/providers"}, modules: []string{"golang.org/x/net"}},
	{path: "internal/setup", imports: []string{"fetcher/verdict", "internal/console", "internal/discovery", "internal/durable", "internal/exit", "internal/nextstep", "internal/providers", "internal/safepath", "internal/screen", "internal/terminal", "internal/words"}, modules: []string{"golang.org/x/sys/unix"}},
	{path: "internal/movein", imports: []string{"fetcher", "internal/console", "internal/durable", "internal/exit", "internal/imports", "internal/nextstep", "internal/safepath", "internal/screen", "internal/words"}},
	{path: "internal/words", imports: []string{"internal/foreign"}},
	{path: "internal/memlimit"},
	{path: "internal/names", imports: []string{"uidl", "fetcher/health", "internal/nextstep"}},
	{path: "internal/nextstep"},
	{path: "internal/pace", imports: []string{"schedule", "fetcher", "fetcher/verdict"}},
	{path: "internal/screen", imports: []string{"internal/foreign", "internal/words"}},
	{path: "internal/sdnotify", imports: []string{"internal/foreign", "internal/words"}, modules: []string{"golang.org/x/sys"}},
	{path: "internal/terminal", imports: []string{"internal/control", "internal/foreign", "internal/screen", "internal/words"}, modules: []string{"golang.org/x/term", "golang.org/x/sys"}},
	{path: "internal/profile"},
	{path: "internal/program"},
	{path: "internal/secret", imports: []string{"internal/program", "internal/safepath"}},
	{path: "internal/notify", imports: []string{"internal/durable", "internal/foreign", "internal/program", "internal/safepath"}},
	{path: "internal/transcript", imports: []string{"internal/foreign", "internal/safepath"}},
	{path: "internal/oauth", imports: []string{"fetcher/verdict", "internal/secret"}, modules: []string{"golang.org/x/oauth2"}},
	{
		path:    "internal/oauth/tokens",
		imports: []string{"internal/durable", "internal/oauth", "internal/program", "internal/safepath"},
		modules: []string{"golang.org/x/sys"},
	},
	{path: "internal/oauth/signin", imports: []string{"internal/foreign", "internal/oauth", "internal/oauth/tokens", "internal/screen", "internal/terminal", "internal/words"}},
	{path: "internal/uidtext", imports: []string{"uidl", "internal/foreign"}},
	{path: "internal/trust", imports: []string{"internal/foreign", "internal/nextstep", "internal/safepath", "internal/secret", "internal/words"}},
	{path: "internal/unixsocket", imports: []string{"internal/safepath"}, modules: []string{"golang.org/x/sys"}},
	{path: "internal/safepath", modules: []string{"golang.org/x/sys"}},
	{
		path:    "internal/metrics",
		imports: []string{"internal/durable", "internal/safepath", "internal/unixsocket"},
		modules: []string{"github.com/prometheus/client_golang", "github.com/prometheus/common"},
	},

	{path: "pop3/pop3test", imports: []string{"pop3"}}, // no helper: 'popsync demo' runs its server
	{path: "pop3/pop3test/fault", imports: []string{"pop3", "pop3/pop3test"}, helper: true},
	{path: "pop3/pop3test/dovecot", helper: true},
	{path: "fetcher/desk/desktest", imports: []string{"pop3", "uidl", "fetcher/desk", "fetcher/plan", "fetcher/steps", "pop3/pop3test", "uidl/uidltest"}, helper: true},
	{path: "uidl/uidltest", imports: []string{"uidl"}, tests: []string{"uidl/sqlite"}, helper: true},
	{path: "uidl/sqlite/sqlitetest", tests: []string{"uidl", "uidl/sqlite"}, helper: true},
	{path: "deliver/delivertest", imports: []string{"deliver"}, helper: true},
	{path: "internal/dialer/proxytest", helper: true},
	{path: "deliver/delivertest/postfix", helper: true},
	{path: "deliver/imap/imaptest", helper: true},
	{path: "deliver/gmail/gmailtest"}, // no helper: so does 'popsync demo --gmail'
	{path: "internal/foreign/foreigntest", helper: true},
	{path: "internal/terminal/terminaltest", helper: true},
	{path: "internal/crash", modules: []string{"golang.org/x/sys"}, helper: true},
	{path: "internal/oauth/oauthtest", helper: true},
	{path: "internal/confine", modules: []string{"golang.org/x/sys"}, helper: true},
	{path: "internal/overlay", modules: []string{"github.com/rogpeppe/go-internal"}, helper: true},
	{path: "internal/overlay/switches", helper: true},
	{path: "bench/proxy", helper: true},
	{path: "bench/mailgen", helper: true},
	{path: "bench/floor", modules: []string{"golang.org/x/sys"}, helper: true},
	{path: "bench/cmd/floor", imports: []string{"bench/floor"}},
	{path: "bench/ratio", helper: true},
	{path: "bench/peers", helper: true},
}

// testImports and testModules are what the tests of any room may import beside what the room itself may; zap, to see
// what would be logged.
var (
	testImports = []string{"pop3/pop3test", "deliver/gmail/gmailtest"}
	testModules = []string{"github.com/rogpeppe/go-internal", "go.uber.org/zap", "github.com/xdg-go/scram"}
)

func TestArrows(t *testing.T) {
	plan := map[string]room{}
	helpers := slices.Clone(testImports)
	for _, r := range rooms {
		plan[r.path] = r
		if r.helper {
			helpers = append(helpers, r.path)
		}
	}
	for _, p := range goList(t, "./...") {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		r, ok := plan[path]
		if !ok {
			t.Errorf("%s is not in the table: say what it may import, here and in ARCHITECTURE.md", path)
			continue
		}
		delete(plan, path)
		inTests := room{
			imports: slices.Concat(r.imports, r.tests, helpers, []string{path}),
			modules: slices.Concat(r.modules, testModules),
		}
		for _, i := range p.Imports {
			if !r.allows(i) {
				t.Errorf("%s may not import %s", path, i)
			}
		}
		for _, i := range slices.Concat(p.TestImports, p.XTestImports) {
			if !inTests.allows(i) {
				t.Errorf("the tests of %s may not import %s", path, i)
			}
		}
	}
	for path := range plan {
		t.Errorf("%s is in the table and does not exist", path)
	}
}

// The page has the same table, for people. Where a cell says it in words, only the room's name is compared.
func TestArchitectureHasTheArrows(t *testing.T) {
	page, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("`([^`]+)`")
	told := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if !strings.HasPrefix(line, "| `") || len(cells) != 3 {
			continue
		}
		var may []string
		for _, m := range code.FindAllStringSubmatch(cells[2], -1) {
			may = append(may, m[1])
		}
		slices.Sort(may)
		plain := strings.Trim(code.ReplaceAllString(cells[2], ""), "|, ") == ""
		for _, m := range code.FindAllStringSubmatch(cells[0], -1) {
			told[m[1]] = true
			i := slices.IndexFunc(rooms, func(r room) bool { return r.path == m[1] })
			if i < 0 || !plain {
				continue
			}
			want := slices.Sorted(slices.Values(rooms[i].imports))
			if !slices.Equal(may, want) {
				t.Errorf("%s: ARCHITECTURE.md lets it import %q, this table %q", m[1], may, want)
			}
		}
	}
	for _, r := range rooms {
		above := strings.SplitAfter(r.path, "/")[0] + "..."
		if !told[r.path] && !told[above] {
			t.Errorf("%s is not in the table of ARCHITECTURE.md", r.path)
		}
	}
}

// The program is what people install: nothing made for tests may be in it.
func TestNoTestCodeInTheProgram(t *testing.T) {
	inside := map[string]bool{}
	for _, p := range goList(t, "-deps", "./cmd/popsync") {
		inside[p.ImportPath] = true
	}
	for _, r := range rooms {
		if r.helper && inside[module+"/"+r.path] {
			t.Errorf("the program contains %s", r.path)
		}
	}
	if inside["testing"] {
		t.Error("the program contains the package testing")
	}
	if !inside[module+"/fetcher"] {
		t.Error("the program does not contain the fetcher: this test looks in the wrong place")
	}
}

func (r room) allows(path string) bool {
	if p, ok := strings.CutPrefix(path, module+"/"); ok {
		return slices.Contains(r.imports, p)
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return true // the standard library
	}
	return slices.ContainsFunc(r.modules, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") })
}

// pkg is what these tests want to know of a package, in the words of go list.
type pkg struct {
	ImportPath, Dir, Export                                      string
	GoFiles, CgoFiles, IgnoredGoFiles, TestGoFiles, XTestGoFiles []string
	Imports, TestImports, XTestImports                           []string
	Standard                                                     bool
}

// asTested are the flags with which this test was built: with others everything would be compiled a second time.
func asTested() (flags []string) {
	info, ok := debug.ReadBuildInfo()
	for i := 0; ok && i < len(info.Settings); i++ {
		switch s := info.Settings[i]; s.Key {
		case "-race":
			flags = append(flags, "-race="+s.Value)
		case "-gcflags": // only the last one is kept; the first is the Makefile's CHECKPTR
			flags = append(flags, "-gcflags=modernc.org/...=-d=checkptr=0", "-gcflags="+s.Value)
		}
	}
	return flags
}

// goList runs go list at the root of the module, built as this test is.
func goList(t *testing.T, args ...string) (pkgs []pkg) {
	t.Helper()
	cmd := exec.Command("go", slices.Concat([]string{"list", "-e", "-json"}, asTested(), args)...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("go list: %v\n%s", err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := d.Decode(&p)
		if err == io.EOF {
			return pkgs
		}
		if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}
