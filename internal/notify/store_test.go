package notify

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The real thing, with syncs: owner-only, and nothing is left in the end.
func TestFiles(t *testing.T) {
	c := &recorder{name: "c"}
	w := newWorld(t, c)
	w.write = nil
	w.open()
	if _, err := os.Stat(w.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open made the folder: %v", err)
	}
	must(t, w.step("P@0s"))
	info, err := os.Stat(w.dir)
	must(t, err)
	file, err := os.Stat(filepath.Join(w.dir, "trouble-work.json"))
	must(t, err)
	if info.Mode().Perm() != 0o700 || file.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), file.Mode())
	}
	must(t, w.step("F@1m"))
	must(t, w.step("flush@2m"))
	if len(w.n.Incidents()) != 0 || len(files(t, w.dir)) != 1 {
		t.Errorf("%v %v", w.n.Incidents(), files(t, w.dir))
	}
	must(t, w.step("flush@25h"))
	if left := files(t, w.dir); len(left) != 0 || len(w.n.accounts) != 0 {
		t.Errorf("%v %v", left, w.n.accounts)
	}
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// What is not readable is put aside and counts as not told.
func TestDamaged(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"empty":   func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"garbage": func(path string) error { return os.WriteFile(path, []byte("\x00\xff{"), 0o600) },
		"cut": func(path string) error {
			info, err := os.Stat(path)
			must(t, err)
			return os.Truncate(path, info.Size()/2)
		},
		"huge":   func(path string) error { return os.Truncate(path, maxFile+1) },
		"folder": func(path string) error { return errors.Join(os.Remove(path), os.MkdirAll(path+"/sub", 0o700)) },
		"pipe":   func(path string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)) },
		"loop":   func(path string) error { return errors.Join(os.Remove(path), os.Symlink(path, path)) },
		"another account's": func(path string) error {
			b, err := os.ReadFile(path)
			must(t, err)
			return os.WriteFile(path, []byte(strings.ReplaceAll(string(b), `"work"`, `"wirk"`)), 0o600)
		},
		"a later version's": func(path string) error {
			b, err := os.ReadFile(path)
			must(t, err)
			return os.WriteFile(path, []byte(strings.Replace(string(b), `"format": 1`, `"format": 2`, 1)), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := &recorder{name: "c"}
			w := newWorld(t, c)
			path := filepath.Join(w.dir, "trouble-work.json")
			must(t, w.step("P@0s"))
			for i := range 2 { // the second is put where the first was
				must(t, spoil(path))
				w.open()
				if len(w.n.Incidents()) != 0 {
					t.Error("something was read")
				}
				if err := w.step("P@10m"); err == nil || !strings.Contains(err.Error(), "put aside") {
					t.Errorf("%v", err)
				}
				must(t, w.step("P@20m"))
				if len(c.got) != 2+i {
					t.Fatalf("%s", c.told())
				}
			}
			if got := files(t, w.dir); len(got) != 2 || got[1] != "trouble-work.json.damaged" {
				t.Errorf("%v", got)
			}
			// A process that knows better is not made to forget.
			must(t, spoil(path))
			if err := w.step("P@30m"); err == nil {
				t.Error("no error")
			}
			must(t, w.step("P@40m"))
			if len(c.got) != 3 {
				t.Errorf("%s", c.told())
			}
			must(t, w.n.Forget("work"))
			if got := files(t, w.dir); len(got) != 0 {
				t.Errorf("%v", got)
			}
		})
	}
}

// When nothing can be written, the memory of the process keeps it from telling again.
func TestDiskFull(t *testing.T) {
	full := func(string, []byte, os.FileMode) error { return syscall.ENOSPC }
	c := &recorder{name: "c"}
	w := newWorld(t, c)
	w.n.write = full
	for _, step := range strings.Fields("P@0s P@1m flush@2m P@3m") {
		if err := w.step(step); !errors.Is(err, syscall.ENOSPC) || strings.Count(err.Error(), "remembering") != 1 {
			t.Errorf("%s: %v", step, err)
		}
	}
	if i := w.n.Incidents(); len(i) != 1 || !i[0].Told {
		t.Errorf("%+v", i)
	}
	w.n.write = w.write // there is room again
	must(t, w.step("flush@4m"))
	w.open()
	must(t, w.step("P@5m"))
	w.n.write = full // the file tells of trouble, and is wrong
	for _, step := range strings.Fields("F@6m F@7m") {
		if err := w.step(step); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v", step, err)
		}
	}
	if got := c.told(); got != "trouble:trouble@0s trouble:recovered@6m0s" || len(w.n.Incidents()) != 0 {
		t.Error(got)
	}
}

// A process for one pass has no memory: it would tell in every run.
func TestDiskFullOnce(t *testing.T) {
	c := &recorder{name: "c"}
	w := newWorld(t, c)
	w.o.Once = true
	w.write = func(string, []byte, os.FileMode) error { return syscall.ENOSPC }
	for _, step := range strings.Fields("P@0s P@1m flush@2m P@3m") {
		w.open()
		if err := w.step(step); step[0] == 'P' && !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v", step, err)
		}
	}
	w.write = os.WriteFile
	w.open()
	must(t, w.step("P@4m"))
	if got := c.told(); got != "trouble:trouble@4m0s" || c.tries != 1 {
		t.Error(got, c.tries)
	}
}

// The folder, or all of what it is in, vanishes while popsync runs.
func TestFolderVanishes(t *testing.T) {
	c := &recorder{name: "c"}
	w := newWorld(t, c)
	must(t, w.step("P@0s"))
	must(t, w.n.Observe(context.Background(), Outcome{Account: "other", At: start, Kind: Temporary}))
	must(t, os.Remove(filepath.Join(w.dir, "trouble-work.json")))
	must(t, w.step("P@30s"))
	must(t, os.RemoveAll(w.dir))
	must(t, w.step("P@1m"))
	must(t, os.RemoveAll(filepath.Dir(w.dir)))
	for _, step := range strings.Fields("P@2m P@3m flush@4m") {
		if err := w.step(step); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", step, err)
		}
	}
	if _, err := os.Stat(filepath.Dir(w.dir)); err == nil {
		t.Error("a folder above its own was made")
	}
	if i := w.n.Incidents(); len(i) != 2 || !i[1].Told {
		t.Errorf("%+v", i)
	}
	must(t, os.Mkdir(filepath.Dir(w.dir), 0o700))
	must(t, w.step("P@5m"))
	w.open()
	must(t, w.step("F@6m"))
	if got := c.told(); got != "trouble:trouble@0s trouble:recovered@6m0s" {
		t.Error(got)
	}
}

func TestForget(t *testing.T) {
	c := &recorder{name: "c", fail: func(Notice) error { return errors.New("busy") }}
	w := newWorld(t, c)
	for range 2 {
		if w.step("P3@0s") == nil {
			t.Error("no error")
		}
		must(t, w.n.Forget("work"))
		must(t, w.n.Forget("work"))
		if got := files(t, w.dir); len(got) != 0 || len(w.n.Incidents()) != 0 {
			t.Errorf("%v", got)
		}
	}
	must(t, w.step("F0@1m"))
	must(t, w.step("flush@2h"))
	if c.tries != 4 { // two incidents, twice
		t.Errorf("%d attempts", c.tries)
	}
}

// The account is forgotten or renamed while a notice of it is being sent.
func TestForgetMeanwhile(t *testing.T) {
	var w *world
	c := &recorder{name: "c", fail: func(Notice) error { return w.n.Forget("work") }}
	w = newWorld(t, c)
	must(t, w.step("P@0s"))
	if got := files(t, w.dir); len(got) != 0 || len(w.n.accounts) != 0 {
		t.Errorf("%v %v", got, w.n.accounts)
	}
	c.fail = func(Notice) error {
		return errors.Join(w.n.Rename(map[string]string{"work": "play"}), errors.New("busy"))
	}
	if w.step("P@1m") == nil {
		t.Error("no error")
	}
	if got := files(t, w.dir); len(got) != 1 || got[0] != "trouble-play.json" {
		t.Errorf("%v", got)
	}
	c.fail = nil
	must(t, w.step("flush@2m"))
	if len(c.got) != 2 || c.got[1].Account != "play" {
		t.Errorf("%+v", c.got)
	}
}

func TestRename(t *testing.T) {
	c := &recorder{name: "c"}
	w := newWorld(t, c)
	must(t, w.step("P3@0s"))
	w.open()
	must(t, w.n.Observe(context.Background(), Outcome{Account: "play", At: start, Kind: Temporary, Cause: "network"}))
	must(t, w.n.Rename(map[string]string{"work": "work"}))
	must(t, w.n.Rename(map[string]string{"work": "play"}))
	must(t, w.n.Rename(map[string]string{"nobody": "no.body"}))
	w.open()
	if got := files(t, w.dir); len(got) != 2 || got[0] != "parked-play.json" || got[1] != "trouble-play.json" {
		t.Errorf("%v", got)
	}
	w.at = start.Add(time.Minute)
	must(t, w.n.Observe(context.Background(), Outcome{Account: "play", Kind: Fine}))
	if got := c.told(); got != "trouble:trouble@0s parked:trouble@0s trouble:recovered@1m0s parked:recovered@1m0s" || c.got[2].Account != "play" {
		t.Error(got)
	}
	if c.got[2].Follows != c.got[0].ID {
		t.Error("another incident")
	}
}

// Accounts that swap names keep what is to be told of each; one that nobody is told of any more is dropped.
func TestRenameAll(t *testing.T) {
	c := &recorder{name: "c"}
	w := newWorld(t, c)
	ctx := context.Background()
	for _, name := range []string{"a", "b", "d", "old"} {
		must(t, w.n.Observe(ctx, Outcome{Account: name, At: start, Kind: Person, Cause: "login", What: "of " + name}))
	}
	w.open()
	must(t, w.n.Rename(map[string]string{"a": "b", "b": "a", "d": "c", "c": "e", "old": ""}))
	for range 2 {
		var got []string
		for _, i := range w.n.Incidents() {
			got = append(got, i.Account+" "+i.What)
		}
		if text := strings.Join(got, ", "); text != "a of b, b of a, c of d" {
			t.Errorf("%s", text)
		}
		w.open()
	}
	if got := files(t, w.dir); len(got) != 3 {
		t.Errorf("%v", got)
	}
	if w.n.Rename(map[string]string{"a": "x", "b": "x"}) == nil {
		t.Error("two became one")
	}
}

// A daemon, and a run by hand of the same account in another process, one after the other.
func TestTwoProcesses(t *testing.T) {
	c := &recorder{name: "c"}
	w := newWorld(t, c)
	daemon := w.n
	w.open()
	hand := w.n
	on := func(n *Notifier, step string) {
		t.Helper()
		w.n = n
		must(t, w.step(step))
	}
	on(daemon, "P@0s")
	on(hand, "P@1m")
	on(hand, "F@2m")
	on(daemon, "F@3m")
	on(daemon, "T@4h")
	on(hand, "F@5h")
	on(daemon, "T@6h")
	on(daemon, "T@11h")
	on(hand, "T@12h")
	on(daemon, "T@13h")
	if got := c.told(); got != "trouble:trouble@0s trouble:recovered@2m0s trouble:trouble@12h0m0s" {
		t.Error(got)
	}
	// What one of them sends just now the other leaves alone.
	c.fail = func(Notice) error {
		c.mu.Unlock()
		defer c.mu.Lock()
		return errors.Join(hand.Flush(context.Background())...)
	}
	tries := c.tries
	on(daemon, "F@14h")
	if c.tries != tries+1 {
		t.Errorf("%d attempts", c.tries-tries)
	}
}

func TestSweep(t *testing.T) {
	w := newWorld(t)
	must(t, os.Mkdir(w.dir, 0o700))
	for _, name := range []string{".trouble-a.json.XYZ", ".parked-a.json.XYZ", ".trouble-b.json.NEW", ".other", "trouble-a.json"} {
		path := filepath.Join(w.dir, name)
		must(t, os.WriteFile(path, nil, 0o600))
		if !strings.HasSuffix(name, "NEW") {
			must(t, os.Chtimes(path, time.Time{}, time.Now().Add(-2*time.Hour)))
		}
	}
	w.open()
	if got := strings.Join(files(t, w.dir), " "); got != ".other .trouble-b.json.NEW trouble-a.json" {
		t.Error(got)
	}
}
