package sqlite

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/uidl"
)

// noGrowth keeps files of this process from becoming longer than the log is now, so that the next write to it fails with an
// error that SQLite takes for one of the disk.
func noGrowth(t *testing.T, dir string) (lift func()) {
	t.Helper()
	signal.Ignore(unix.SIGXFSZ)
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(filepath.Join(dir, databaseName+"-wal"))
	if err != nil {
		t.Fatal(err)
	}
	limit := was
	limit.Cur = uint64(fi.Size())
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	lift = func() {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
			t.Fatal(err)
		}
		signal.Reset(unix.SIGXFSZ)
	}
	t.Cleanup(lift)
	return lift
}

// A disk that does not take a COMMIT leaves a doubt. Once it works again, so does the ledger, and what it says is on the disk;
// until then no lease is to be had.
func TestDiskInDoubt(t *testing.T) {
	for _, mended := range []bool{true, false} {
		dir := t.TempDir()
		l := mustOpen(t, dir)
		a, b := mustAcquire(t, l, "work"), mustAcquire(t, l, "home")
		if err := errors.Join(a.Commit(t.Context(), putRow("a")), b.Commit(t.Context(), putRow("x"))); err != nil {
			t.Fatal(err)
		}
		lift := noGrowth(t, dir)
		err := a.Commit(t.Context(), putRow("b"))
		if !errors.Is(err, uidl.ErrDoubt) || errors.Is(err, uidl.ErrFull) {
			t.Fatalf("a COMMIT that the disk does not take: %v", err)
		}
		a.Close()
		if mended {
			lift()
		}
		again, err := l.Acquire(t.Context(), "work")
		if !mended {
			if !errors.Is(err, uidl.ErrUnusable) {
				t.Errorf("Acquire on a disk that fails: %v", err)
			}
			lift()
			b.Close()
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			l = mustOpen(t, dir)
			again, err = l.Acquire(t.Context(), "work")
		}
		if err != nil {
			t.Fatal(err)
		}
		n := count(t, again)
		if n != 1 || countCopy(t, dir) != n { // SQLite took it back, and overwrote what was left of it
			t.Errorf("%d rows, %d after a power cut", n, countCopy(t, dir))
		}
		if err := errors.Join(again.Commit(t.Context(), putRow("c")), l.Check(t.Context())); err != nil || countCopy(t, dir) != 2 {
			t.Errorf("%d rows, %v", countCopy(t, dir), err)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
}
