package acceptance_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// A person who reloads is told what came of it, and a timer by the exit code: what is wrong changes nothing.
func TestAcceptReload(t *testing.T) {
	t.Parallel()
	mail := mailgen.Messages(7, 4, 300, 500)
	_, addr := serve(t, pop3test.Options{}, boxOf(mail))
	h := newHouse(t)
	h.account("work", addr, "u", "p", "Mail", `schedule = "0 0 1 1 *"`)
	says := func(code int, want ...string) {
		t.Helper()
		r := h.popsync("reload")
		if r.code != code {
			t.Errorf("reload: exit code %d, want %d\n%s%s", r.code, code, r.out, r.err)
		}
		for _, w := range want {
			if !strings.Contains(r.out+r.err, w) {
				t.Errorf("reload does not say %q:\n%s%s", w, r.out, r.err)
			}
		}
	}
	says(75, "no daemon is running\nNext step: ")
	d := h.daemon()
	says(0, "reloaded: 1 account\n")
	good := h.conf.String()
	_, addr2 := serve(t, pop3test.Options{}, boxOf(mail[:1]))
	h.account("second", addr2, "u", "p", "Second", `schedule = "0 0 1 1 *"`)
	says(0, "reloaded: 2 accounts (1 added, 0 removed)\n")
	d.says("configuration loaded", `"accounts":2,"added":1,"removed":0`)
	both := h.conf.String()

	h.conf.WriteString("[account.third\nhost = \"x\"\n") // said with its line and what to do
	says(78, "config.toml:", "in a table's name", "Next step: correct it, then say: popsync reload")
	h.conf.Reset()
	h.conf.WriteString(strings.Replace(both, "[log]\n", "[log]\nformat = \"console\"\n", 1)) // only the daemon knows
	says(78, "log.format changed\nNext step: restart the daemon")

	h.conf.Reset()
	h.conf.WriteString(good)
	says(0, "reloaded: 1 account (0 added, 1 removed)\n")

	// An account comes and goes as a file of its own; what is wrong in it is said with its line, and changes nothing.
	own := filepath.Join(h.dir, "accounts.d", "third.toml")
	third := strings.TrimPrefix(strings.ReplaceAll(both, "account.second", "account.third"), good)
	write := func(text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(own), 0o700), os.WriteFile(own, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write(third)
	says(0, "reloaded: 2 accounts (1 added, 0 removed)\n")
	write(third + "limt = 1\n")
	says(78, "third.toml:", `account.third.deliver[0].limt: unknown key`, "Next step: correct it, then say: popsync reload")
	write(third)
	if r := h.popsync("run", "third"); r.code != 0 {
		t.Errorf("run third: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	d.holds("Second", mail[:1]...)
	if err := os.Remove(own); err != nil {
		t.Fatal(err)
	}
	d.signal(syscall.SIGHUP)
	d.says("configuration loaded", `"accounts":1,"added":0,"removed":1`)
	d.stops(0)
	says(75, "no daemon is running")
}
