package sqlite

import (
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

	"github.com/popsync/popsync/uidl"
)

func mustOpen(t *testing.T, dir string) *Ledger {
	t.Helper()
	l, err := Open(context.Background(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func mustAcquire(t *testing.T, l uidl.Ledger, name string) uidl.Account {
	t.Helper()
	a, err := l.Acquire(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func row(uid string) uidl.Message {
	return uidl.Message{Row: uidl.Row{Key: uidl.Key{UID: uid}, State: uidl.Wanted}}
}

func TestModesWhateverTheUmask(t *testing.T) {
	for _, umask := range []int{0, 0o077, 0o277} {
		old := syscall.Umask(umask)
		defer syscall.Umask(old)
		above := t.TempDir()
		if err := os.Chmod(above, 0o755); err != nil { // else it had been made for everybody
			t.Fatal(err)
		}
		dir := filepath.Join(above, "state")
		if umask == 0o277 { // takes the owner's own right to write; a person's directory
			syscall.Umask(0o022)
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(dir, leaseDir), 0o700); err != nil {
				t.Fatal(err)
			}
			syscall.Umask(umask)
		}
		l := mustOpen(t, dir)
		a := mustAcquire(t, l, "work")
		if err := a.Commit(t.Context(), uidl.Change{At: 1, Put: []uidl.Message{row("a")}}); err != nil {
			t.Fatal(err)
		}
		seen := 0
		filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				t.Fatal(err)
			}
			fi, err := d.Info()
			if err != nil {
				t.Fatal(err)
			}
			if fi.Mode().Perm()&0o077 != 0 && path != dir {
				t.Errorf("umask %#o: %s has mode %v", umask, d.Name(), fi.Mode())
			}
			if strings.HasPrefix(d.Name(), databaseName) {
				seen++
				if fi.Mode().Perm() != 0o600 {
					t.Errorf("umask %#o: %s has mode %v", umask, d.Name(), fi.Mode())
				}
			}
			return nil
		})
		if seen != 3 {
			t.Errorf("umask %#o: %d files of the database, want 3", umask, seen)
		}
		a.Close()
		l.Close()
		syscall.Umask(old)
	}
}

func TestPragmasAreAsserted(t *testing.T) {
	l := mustOpen(t, t.TempDir())
	if err := assertPragmas(t.Context(), l.writer.conn); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"synchronous(NORMAL)", "foreign_keys(0)", "busy_timeout(1)"} {
		if _, err := l.writer.conn.ExecContext(t.Context(), "PRAGMA "+p); err != nil {
			t.Fatal(err)
		}
		if err := assertPragmas(t.Context(), l.writer.conn); err == nil {
			t.Errorf("%s: not noticed", p)
		}
		for _, good := range []string{"synchronous(FULL)", "foreign_keys(1)", fmt.Sprintf("busy_timeout(%d)", busyTimeout)} {
			l.writer.conn.ExecContext(t.Context(), "PRAGMA "+good)
		}
	}
}

// A process that died while it made the database leaves pieces under the other name only.
func TestCreationResumes(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{creatingName, creatingName + "-journal", creatingName + "-wal", databaseName + "-wal", databaseName + "-shm"} {
		content := "half written"
		if strings.HasPrefix(name, databaseName+"-") && !strings.HasPrefix(name, creatingName) {
			content = "" // what a clean end leaves when ledger.db alone is moved away
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := mustOpen(t, dir)
	mustAcquire(t, l, "work").Close()
	l.Close()
	for _, name := range []string{creatingName, creatingName + "-journal", creatingName + "-wal", creatingName + "-shm"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s was left: %v", name, err)
		}
	}
}

func TestLogWithoutDatabase(t *testing.T) {
	dir := t.TempDir()
	wal := filepath.Join(dir, databaseName+"-wal")
	if err := os.WriteFile(wal, []byte("committed pages"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Dir: dir}); !errors.Is(err, uidl.ErrCorrupt) {
		t.Errorf("Open: %v, want ErrCorrupt", err)
	}
	if b, _ := os.ReadFile(wal); string(b) != "committed pages" {
		t.Error("the log was touched")
	}
}

func TestMigrations(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	c := l.writer.conn
	steps := append(migrations(), "CREATE TABLE extra (x INTEGER) STRICT; INSERT INTO extra VALUES (1)", "CREATE TABLE broken (; nonsense")
	if err := migrate(t.Context(), c, 2, steps); err == nil || !strings.Contains(err.Error(), "schema 4") {
		t.Errorf("a broken migration: %v", err)
	}
	var version, rows int
	if err := c.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&version); err != nil || version != 3 {
		t.Errorf("version %d %v, want 3: the sound one stays, the broken one leaves nothing", version, err)
	}
	if err := c.QueryRowContext(t.Context(), "SELECT count(*) FROM extra").Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d %v", rows, err)
	}
	if _, err := identify(t.Context(), l.readers); !errors.Is(err, uidl.ErrNewer) {
		t.Errorf("identify: %v, want ErrNewer", err)
	}
}

func TestMigrationFilesAreAllListed(t *testing.T) {
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) != len(migrations()) {
		t.Errorf("%d files, %d listed", len(files), len(migrations()))
	}
}

func TestCloseRefusesOpenAccounts(t *testing.T) {
	l := mustOpen(t, t.TempDir())
	a := mustAcquire(t, l, "work")
	if err := l.Close(); err == nil {
		t.Error("closed under an open account")
	}
	a.Close()
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := l.Acquire(t.Context(), "work"); err == nil {
		t.Error("Acquire on a closed ledger")
	}
}

// modernc.org/libc must be the version that modernc.org/sqlite was translated for.
func TestLibcIsThePinnedOne(t *testing.T) {
	list := func(format, module string) string {
		out, err := exec.Command("go", "list", "-m", "-f", format, module).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	b, err := os.ReadFile(list("{{.GoMod}}", "modernc.org/sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	if used := "modernc.org/libc " + list("{{.Version}}", "modernc.org/libc"); !strings.Contains(string(b), used+"\n") {
		t.Errorf("%s is not what modernc.org/sqlite asks for", used)
	}
}
