package notify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var start = time.Date(2026, 3, 14, 9, 15, 0, 0, time.FixedZone("", 3600))

// recorder is a channel that remembers, and fails as it is told.
type recorder struct {
	name string
	fail func(Notice) error // nil: all is taken

	mu    sync.Mutex
	got   []Notice
	tries int
}

func (r *recorder) Name() string { return r.name }

func (r *recorder) Send(_ context.Context, n Notice) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries++
	if r.fail != nil {
		if err := r.fail(n); err != nil {
			return err
		}
	}
	r.got = append(r.got, n)
	return nil
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

// told lists what came, such as "trouble:person@6h0m0s", at the time when it was to be told.
func (r *recorder) told() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []string
	for _, n := range r.got {
		_, which, _ := strings.Cut(n.ID, "-")
		list = append(list, fmt.Sprintf("%s:%s@%v", n.About, which, n.At.Sub(start)))
	}
	return strings.Join(list, " ")
}

// world is a Notifier with what surrounds it. Its files are not synced: only crashes of the process are played here.
type world struct {
	t        testing.TB
	n        *Notifier
	dir      string
	write    func(string, []byte, os.FileMode) error // nil: as it is
	at       time.Time
	o        Options
	channels []Channel
}

// memory is a directory that no disk slows down, where the system has one: these tests write thousands of files.
func memory(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "popsync-notify")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func newWorld(t testing.TB, channels ...Channel) *world {
	w := &world{t: t, dir: filepath.Join(memory(t), "incidents"), write: os.WriteFile, at: start, channels: channels}
	w.o = Options{
		Parked: 3, Host: "host.example", Now: func() time.Time { return w.at }, Channels: func(string) []Channel { return w.channels },
	}
	w.open()
	return w
}

// open is a restart.
func (w *world) open() {
	w.t.Helper()
	n, err := Open(w.dir, w.o)
	must(w.t, err)
	w.n = n
	if w.write != nil {
		n.write, n.sync = w.write, func(*os.File) error { return nil }
	}
}

func (w *world) observe(kind Kind, parked int) error {
	o := Outcome{Account: "work", At: w.at, Kind: kind, Parked: parked}
	if kind != Fine {
		o.Cause, o.What, o.Next = "network", "connection refused", "wait"
	}
	if kind == Person {
		o.Cause, o.What, o.Next = "login", "login refused", "check the password"
	}
	return w.n.Observe(context.Background(), o)
}

// step does one step of a history, such as "T@6h" (see TestHistories).
func (w *world) step(step string) error {
	w.t.Helper()
	what, at, _ := strings.Cut(step, "@")
	d, err := time.ParseDuration(at)
	must(w.t, err)
	w.at = start.Add(d)
	kind, ok := map[byte]Kind{'F': Fine, 'T': Temporary, 'P': Person}[what[0]]
	if !ok {
		return errors.Join(w.n.Flush(context.Background())...)
	}
	parked, _ := strconv.Atoi(what[1:])
	return w.observe(kind, parked)
}

// A history has F, T and P for passes that ended with Fine, Temporary and Person, followed by the number of parked
// messages, and "flush"; with the time of each. Restarts between all steps must make no difference.
func TestHistories(t *testing.T) {
	for _, test := range []struct{ name, history, want string }{
		{"nothing", "F@0s F@1h flush@2h", ""},
		{"a person at once, and once", "F@0s P@10m P@20m P@30m P@48h flush@49h F@50h F@51h", "trouble:trouble@10m0s trouble:recovered@50h0m0s"},
		{"short trouble", "T@0s T@1h T@5h59m F@6h F@7h", ""},
		{"long trouble", "T@0s T@3h T@6h T@9h T@200h F@201h", "trouble:trouble@6h0m0s trouble:recovered@201h0m0s"},
		{"long trouble is not told between passes", "T@0s T@3h flush@9h F@10h", ""},
		{"two troubles, each short", "T@0s T@5h F@5h30m T@6h T@11h59m F@13h", ""},
		{"it turns out to need a person", "T@0s T@6h P@7h P@8h T@9h P@10h F@11h", "trouble:trouble@6h0m0s trouble:person@7h0m0s trouble:recovered@11h0m0s"},
		{"a person before it was long", "T@0s P@1h T@2h T@9h P@10h F@11h", "trouble:trouble@1h0m0s trouble:recovered@11h0m0s"},
		{"parked below", "F2@0s F2@1h F0@2h", ""},
		{"parked", "F2@0s F3@1h F7@2h F1@3h F5@4h F0@5h", "parked:trouble@1h0m0s parked:recovered@5h0m0s"},
		{"parked beside trouble", "P3@0s P4@1h F4@2h F0@3h", "trouble:trouble@0s parked:trouble@0s trouble:recovered@2h0m0s parked:recovered@3h0m0s"},
		{"parked, not known", "F3@0s T-1@1h F-1@2h F0@3h", "parked:trouble@0s parked:recovered@3h0m0s"},
		{"flapping", "P@0s F@2m P@4m F@6m P@30m F@32m P@61m F@63m P@65m F@67m P@150m F@152m P@182m F@184m",
			"trouble:trouble@0s trouble:recovered@2m0s trouble:trouble@1h1m0s trouble:recovered@1h3m0s trouble:trouble@3h2m0s trouble:recovered@3h4m0s"},
		{"held back, until the hold is over", "P@0s F@10m P@20m P@30m P@59m P@60m P@70m F@80m",
			"trouble:trouble@0s trouble:recovered@10m0s trouble:trouble@1h0m0s trouble:recovered@1h20m0s"},
		{"held back without further passes", "P@0s F@10m P@20m flush@59m flush@60m flush@70m F@80m",
			"trouble:trouble@0s trouble:recovered@10m0s trouble:trouble@1h0m0s trouble:recovered@1h20m0s"},
		{"held back longer, but an hour without a break is enough", "P@0s F@1m P@60m F@61m P@70m P@129m P@130m F@140m",
			"trouble:trouble@0s trouble:recovered@1m0s trouble:trouble@1h0m0s trouble:recovered@1h1m0s trouble:trouble@2h10m0s trouble:recovered@2h20m0s"},
		{"flapping is forgotten after a calm day", "P@0s F@1m P@60m F@61m F@26h P@26h1m F@26h2m P@27h1m F@27h2m",
			"trouble:trouble@0s trouble:recovered@1m0s trouble:trouble@1h0m0s trouble:recovered@1h1m0s " +
				"trouble:trouble@26h1m0s trouble:recovered@26h2m0s trouble:trouble@27h1m0s trouble:recovered@27h2m0s"},
		{"the clock goes back", "T@0s T@-87600h T@-87595h F@-87594h T@-87593h", ""},
		{"the clock goes back in long trouble", "T@0s T@-87600h T@-87594h F@-87593h", "trouble:trouble@-87594h0m0s trouble:recovered@-87593h0m0s"},
		{"flapping, and the clock goes back to more of it", "P@0s F@1m P@-87600h F@-87599h58m P@-87598h F@-87597h",
			"trouble:trouble@0s trouble:recovered@1m0s trouble:trouble@-87598h0m0s trouble:recovered@-87597h0m0s"},
		{"the clock goes on and back", "P@0s P@87600h P@1m F@2m P@3m F@4m", "trouble:trouble@0s trouble:recovered@2m0s"},
		{"flapping, and the clock goes back", "P@0s F@1m P@-87600h P@-87599h30m P@-87599h F@-87598h",
			"trouble:trouble@0s trouble:recovered@1m0s trouble:trouble@-87599h0m0s trouble:recovered@-87598h0m0s"},
	} {
		for _, restarts := range []bool{false, true} {
			c := &recorder{name: "c"}
			w := newWorld(t, c)
			for step := range strings.FieldsSeq(test.history) {
				must(t, w.step(step))
				if restarts {
					w.open()
				}
			}
			if got := c.told(); got != test.want {
				t.Errorf("%s (restarts: %v): %s\ngot  %s\nwant %s", test.name, restarts, test.history, got, test.want)
			}
		}
	}
}

// Ten days of an account that fails every other pass, whatever the interval.
func TestFlappingIsNoFlood(t *testing.T) {
	for _, every := range []time.Duration{7 * time.Minute, 29 * time.Minute} {
		c := &recorder{name: "c"}
		w := newWorld(t, c)
		for i := range int(10 * 24 * time.Hour / every) {
			w.at = start.Add(time.Duration(i) * every)
			must(t, w.observe([]Kind{Person, Fine}[i%2], 0))
		}
		if n := len(c.got); n < 2*10 || n > 2*(5+10) {
			t.Errorf("every %v: %d notices", every, n)
		}
		for i := 2; i < len(c.got); i += 2 {
			if gap := c.got[i].At.Sub(c.got[i-2].At); gap < time.Hour {
				t.Errorf("every %v: two troubles within %v", every, gap)
			}
		}
	}
}

func TestCausesAreOneIncident(t *testing.T) {
	c := &recorder{name: "c"}
	w := newWorld(t, c)
	observe := func(kind Kind, cause, what string) {
		w.at = w.at.Add(10 * time.Minute)
		must(t, w.n.Observe(context.Background(), Outcome{Account: "work", Kind: kind, Cause: cause, What: what}))
	}
	observe(Person, "login", "one")
	observe(Person, "login", "two")
	observe(Temporary, "network", "three")
	observe(Person, "configuration", "four")
	if i := w.n.Incidents(); len(i) != 1 || i[0].Cause != "configuration" || i[0].What != "four" || !i[0].Told || !i[0].Person ||
		i[0].Failed != 4 || !i[0].Since.Equal(start.Add(10*time.Minute)) || i[0].Account != "work" || i[0].About != "trouble" {
		t.Errorf("%+v", i)
	}
	// What is about messages says that the account is well.
	observe(Temporary, "parked", "five")
	if got := c.told(); got != "trouble:trouble@10m0s trouble:recovered@50m0s" {
		t.Error(got)
	}
	observe(Person, "quarantine", "six")
	observe(Person, "quarantine", "seven")
	observe(Temporary, "parked", "eight")
	if got := c.told(); got != "trouble:trouble@10m0s trouble:recovered@50m0s parked:trouble@1h0m0s parked:recovered@1h20m0s" {
		t.Error(got)
	}
	ids := map[string]bool{}
	for _, n := range c.got {
		ids[n.ID] = true
	}
	if len(ids) != 4 || c.got[1].Follows != c.got[0].ID || c.got[0].Follows != "" || c.got[0].Next != "" || c.got[0].Failed != 1 || c.got[1].Failed != 4 {
		t.Errorf("%+v", c.got)
	}
}

// Without a channel incidents are known, and told when there is one.
func TestChannelComesLater(t *testing.T) {
	w := newWorld(t)
	must(t, w.step("P@0s"))
	if i := w.n.Incidents(); len(i) != 1 || i[0].Told {
		t.Errorf("%+v", i)
	}
	c := &recorder{name: "c"}
	o := w.o
	o.Channels = func(account string) []Channel { return map[string][]Channel{"work": {c}}[account] }
	must(t, w.n.Reload(o))
	must(t, w.step("P@1m"))
	must(t, w.n.Observe(context.Background(), Outcome{Account: "other", Kind: Person, Cause: "login"}))
	w.at = start.Add(2 * time.Minute)
	must(t, w.step("F@2m"))
	if got := c.told(); got != "trouble:trouble@1m0s trouble:recovered@2m0s" {
		t.Error(got)
	}
	if i := w.n.Incidents(); len(i) != 1 || i[0].Account != "other" {
		t.Errorf("%+v", i)
	}
	if w.n.Reload(Options{After: -1}) == nil || w.n.Reload(Options{Parked: -1}) == nil {
		t.Error("negative thresholds were taken")
	}
}

func TestAccountNames(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"", "a/b", "../x", "A", "a b", "a\n", "ä", strings.Repeat("a", 65), "a\x00"} {
		if w.n.Observe(context.Background(), Outcome{Account: name, Kind: Person}) == nil || w.n.Forget(name) == nil ||
			w.n.Rename(map[string]string{name: "a"}) == nil || name != "" && w.n.Rename(map[string]string{"a": name}) == nil {
			t.Errorf("%q was taken", name)
		}
	}
	names := []string{"-", ".", "..", "...json", strings.Repeat("_", 64), "a", "parked-a"}
	for _, name := range names {
		must(t, w.n.Observe(context.Background(), Outcome{Account: name, Kind: Person, Parked: 3}))
	}
	w.open()
	var got []string
	for _, i := range w.n.Incidents() {
		got = append(got, i.Account)
	}
	if got = slices.Compact(got); !slices.Equal(got, names) || len(w.n.Incidents()) != 14 {
		t.Errorf("%q", got)
	}
	if _, err := Open("relative", Options{}); err == nil {
		t.Error("a relative path was taken")
	}
}
