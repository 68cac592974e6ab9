//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/internal/crash"
	"github.com/popsync/popsync/pop3/pop3test"
)

const intruder = 12345 // uid of who may write where popsync works

// intruderWorld is a machine with a victim, who runs popsync, and an intruder, in whose home the Maildir, the log and the
// figures are. What is in vault is the victim's alone, and never to be touched.
type intruderWorld struct {
	*house
	victim int // uid
	home   string
	vault  string
	server *pop3test.Server
	was    map[string]canary
}

// canary is a file or folder in the vault as it must stay.
type canary struct {
	mode         fs.FileMode
	uid          uint32
	mtime, atime unix.Timespec
}

// secretText is longer than anything that popsync reads to see what it is.
var secretText = strings.Repeat("the victim's secret\n", 40)

func newIntruderWorld(t *testing.T, root string, victim int, first bool, bin string) (*intruderWorld, error) {
	dir, err := os.MkdirTemp(root, "")
	if err != nil {
		return nil, err
	}
	h := &house{t: t, dir: dir, bin: bin}
	w := &intruderWorld{house: h, victim: victim, home: filepath.Join(dir, "home"), vault: filepath.Join(dir, "vault"), was: map[string]canary{}}
	w.server = pop3test.NewServer(pop3test.Options{})
	addr, err := w.server.Listen()
	if err != nil {
		return nil, err
	}
	messages := mailgen.Messages(20, 4, 500, 3000)
	w.server.AddUser("u", "p", boxOf(messages[:2])...)
	fmt.Fprintf(&h.conf, "state_dir = %q\nmetrics.textfile = %q\nlog.file = %q\n", h.state(),
		filepath.Join(w.home, "figures", "p.prom"), filepath.Join(w.home, "log", "p.log"))
	h.account("u", addr, "u", "p", filepath.Join("home", "Mail"))
	errs := []error{os.Chmod(dir, 0o755), os.WriteFile(w.file(), []byte(h.conf.String()), 0o600), os.Chown(w.file(), victim, victim),
		os.Mkdir(h.state(), 0o700), os.Chown(h.state(), victim, victim), os.Mkdir(w.vault, 0o700), os.Chown(w.vault, victim, victim)}
	for _, d := range []string{w.home, filepath.Join(w.home, "figures"), filepath.Join(w.home, "log")} {
		errs = append(errs, os.Mkdir(d, 0o770), os.Chown(d, intruder, victim), os.Chmod(d, 0o770))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if first {
		return w, nil
	}
	if out, err := w.run().CombinedOutput(); err != nil {
		return nil, fmt.Errorf("the run before: %w\n%s", err, out)
	}
	old := time.Now().Add(-50 * time.Hour)
	for _, name := range []string{"left", "over"} { // for Clean
		path := filepath.Join(w.home, "Mail", "tmp", name)
		errs = append(errs, os.WriteFile(path, nil, 0o600), os.Chtimes(path, old, old))
	}
	for _, d := range []string{"Mail", "Mail/tmp", "Mail/new", "Mail/cur"} { // it is the intruder's Maildir
		path := filepath.Join(w.home, d)
		errs = append(errs, os.Chown(path, intruder, victim), os.Chmod(path, 0o770))
	}
	w.server.Deliver("u", boxOf(messages[2:])...)
	return w, errors.Join(errs...)
}

func (w *intruderWorld) file() string { return filepath.Join(w.dir, "config.toml") }

func (w *intruderWorld) run() *exec.Cmd {
	cmd := exec.Command(w.bin, "--config", w.file(), "run", "--verbose")
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + w.dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(w.victim), Gid: uint32(w.victim)}}
	return cmd
}

func (w *intruderWorld) close() {
	w.server.Close()
	os.RemoveAll(w.dir)
}

// traced runs popsync and tells of each call that has to do with the intruder's home.
func (w *intruderWorld) traced(at func(crash.Call)) (crash.Result, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := w.run()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	r, err := crash.RunPaths(ctx, cmd, func(c crash.Call) crash.Action {
		if below(c.Path, w.home) || below(c.To, w.home) {
			at(c)
		}
		return crash.Proceed
	})
	return r, out.String(), err
}

func below(path, dir string) bool { return strings.HasPrefix(path, dir+"/") }

// twin is the vault's counterpart of a path in the intruder's home: of a folder one with the same names in it.
func (w *intruderWorld) twin(path string) (string, error) {
	rel, err := filepath.Rel(w.home, path)
	if err != nil {
		return "", err
	}
	twin := filepath.Join(w.vault, rel)
	if err := os.MkdirAll(filepath.Dir(twin), 0o700); err != nil {
		return "", err
	}
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return twin, w.hide(twin)
	}
	err = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(twin, strings.TrimPrefix(p, path))
		if e.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		return w.hide(to)
	})
	return twin, err
}

// hide makes a file in the vault, if it is not there.
func (w *intruderWorld) hide(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	return os.WriteFile(path, []byte(secretText), 0o600)
}

// seal notes what is in the vault, as the victim's and long ago.
func (w *intruderWorld) seal() error {
	paths, err := w.stored()
	if err != nil {
		return err
	}
	clear(w.was)
	for _, path := range paths {
		old := []unix.Timespec{{Sec: 1_000_000_000}, {Sec: 1_100_000_000}} // read before it was written last: reading it shows
		err := errors.Join(os.Lchown(path, w.victim, w.victim), unix.UtimesNanoAt(unix.AT_FDCWD, path, old, unix.AT_SYMLINK_NOFOLLOW))
		if err != nil {
			return err
		}
		if w.was[path], err = canaryAt(path); err != nil {
			return err
		}
	}
	return nil
}

// stored are the paths of all that is in the vault.
func (w *intruderWorld) stored() (paths []string, err error) {
	err = filepath.WalkDir(w.vault, func(path string, _ fs.DirEntry, err error) error {
		paths = append(paths, path)
		return err
	})
	return paths, err
}

func canaryAt(path string) (canary, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return canary{}, err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return canary{}, err
	}
	return canary{mode: info.Mode(), uid: st.Uid, mtime: st.Mtim, atime: st.Atim}, nil
}

// touched says what was done to the vault; "": nothing.
func (w *intruderWorld) touched() string {
	if len(w.was) == 0 {
		return "" // nothing was swapped
	}
	var all []string
	for path, was := range w.was {
		is, err := canaryAt(path)
		rel, _ := filepath.Rel(w.vault, path)
		switch {
		case err != nil:
			all = append(all, rel+" is gone")
		case is.mode != was.mode || is.uid != was.uid:
			all = append(all, fmt.Sprintf("%s is %v of %d", rel, is.mode, is.uid))
		case is.mtime != was.mtime:
			all = append(all, rel+" was written")
		case is.atime != was.atime:
			all = append(all, rel+" was read")
		}
	}
	paths, err := w.stored() // reads the folders, so it comes last
	if err != nil {
		all = append(all, err.Error())
	}
	for _, path := range paths {
		if _, known := w.was[path]; !known {
			all = append(all, path+" is new")
		}
	}
	return strings.Join(all, ", ")
}
