package acceptance_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Conditions: [root], and [mount] if a filesystem can be mounted. In CI both must hold: nothing may go untested there.
func condition(cond string) (bool, error) {
	var ok bool
	switch cond {
	case "root":
		_, err := exec.LookPath("setpriv")
		ok = os.Geteuid() == 0 && err == nil
	case "mount":
		ok = mayMount()
	default:
		return false, fmt.Errorf("unknown condition %q", cond)
	}
	if !ok && os.Getenv("CI") != "" {
		return false, fmt.Errorf("[%s] does not hold here, and CI must test everything", cond)
	}
	return ok, nil
}

var mayMount = sync.OnceValue(func() bool {
	dir, err := os.MkdirTemp("", "popsync-mount-")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	if os.Geteuid() != 0 || exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "popsync-test", dir).Run() != nil {
		return false
	}
	return exec.Command("umount", dir).Run() == nil
})

// mount DIR OPTIONS mounts a small filesystem in memory; options that begin with "remount" change one. ! mount DIR
// takes it away.
func cmdMount(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	switch {
	case neg:
		ts.Check(ts.Exec("umount", dir))
	case strings.HasPrefix(args[1], "remount"):
		ts.Check(ts.Exec("mount", "-o", args[1], dir))
	default:
		ts.Check(os.MkdirAll(dir, 0o700))
		ts.Check(ts.Exec("mount", "-t", "tmpfs", "-o", args[1], "popsync-test", dir))
		ts.Defer(func() { _ = exec.Command("umount", "-l", dir).Run() })
	}
}

// nobody: from here on the home belongs to an unprivileged user, and exits runs programs as that user. Who is not root
// is unprivileged already.
func cmdNobody(ts *testscript.TestScript, neg bool, args []string) {
	if os.Geteuid() != 0 {
		return
	}
	homeOf(ts).unprivileged = true
	bin := asTested(ts.Value(testKey{}).(testing.TB))
	work := ts.Getenv("WORK")
	for _, dir := range []string{filepath.Dir(bin), filepath.Dir(filepath.Dir(bin)), work, filepath.Dir(work)} {
		ts.Check(os.Chmod(dir, 0o755)) // temporary directories of this test run
	}
	ts.Check(filepath.WalkDir(work, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, 65534, 65534)
	}))
}

// ledger cut N keeps the first N octets of the ledger; ledger damage overwrites what is in its midst; ledger SQL
// changes it behind popsync's back.
func cmdLedger(ts *testscript.TestScript, neg bool, args []string) {
	file := ts.MkAbs(".local/state/popsync/ledger.db")
	switch args[0] {
	case "cut":
		n, err := strconv.ParseInt(args[1], 10, 64)
		ts.Check(err)
		ts.Check(os.Truncate(file, n))
	case "damage":
		b, err := os.ReadFile(file)
		ts.Check(err)
		for i := 4096; i < len(b); i++ {
			b[i] = 0xa5
		}
		ts.Check(os.WriteFile(file, b, 0o600))
	default:
		db, err := sql.Open("sqlite", "file:"+file)
		ts.Check(err)
		defer db.Close()
		_, err = db.Exec(args[0])
		ts.Check(err)
	}
}

// knows NAME...: the ledger has these accounts and no other.
func cmdKnows(ts *testscript.TestScript, neg bool, args []string) {
	db, err := sql.Open("sqlite", "file:"+ts.MkAbs(".local/state/popsync/ledger.db"))
	ts.Check(err)
	defer db.Close()
	var names string
	ts.Check(db.QueryRow(`SELECT group_concat(name, ' ' ORDER BY name) FROM account`).Scan(&names))
	if want := strings.Join(args, " "); names != want {
		ts.Fatalf("the ledger has the accounts %s, want %s", names, want)
	}
}
