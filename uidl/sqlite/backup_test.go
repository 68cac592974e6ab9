package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/uidl"
)

// during calls f once, in the midst of what is written to it.
type during struct {
	bytes.Buffer
	f func()
}

func (w *during) Write(b []byte) (int, error) {
	if w.f != nil && w.Len() > 0 {
		w.f()
		w.f = nil
	}
	return w.Buffer.Write(b)
}

func manyRows(n int) []uidl.Message {
	rows := make([]uidl.Message, n)
	for i := range rows {
		rows[i] = row(fmt.Sprintf("uid%08d", i))
	}
	return rows
}

// A backup is the ledger as it was when it began. Commits do not wait for it, neither here nor in another process, which a
// second ledger stands for.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	l, second := mustOpen(t, dir), mustOpen(t, dir)
	a, b := mustAcquire(t, l, "here"), mustAcquire(t, second, "there")
	for _, acc := range []uidl.Account{a, b} {
		if err := acc.Commit(t.Context(), uidl.Change{At: 1, Put: manyRows(3000)}); err != nil {
			t.Fatal(err)
		}
	}
	var out during
	committed := 0
	out.f = func() {
		for _, acc := range []uidl.Account{a, b} {
			// In time: SQLite would wait for ten seconds, and then refuse.
			if err := acc.Commit(t.Context(), uidl.Change{At: 2, Put: []uidl.Message{row("later")}, Mark: []uidl.Mark{{Key: uidl.Key{UID: "uid00000001"}, State: uidl.Parked}}}); err != nil {
				t.Errorf("commit during a backup: %v", err)
			}
			committed++
		}
	}
	n, err := l.Backup(t.Context(), &out)
	if err != nil || n != int64(out.Len()) || committed != 2 {
		t.Fatalf("%d octets, %d came, %d commits meanwhile: %v", n, out.Len(), committed, err)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, databaseName), out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Dir: other}); err == nil || !strings.Contains(err.Error(), "a backup that was put back") {
		t.Errorf("opened by who knows nothing of backups: %v", err)
	}
	asked := 0
	for range 2 { // it is a ledger again after the first time
		restored, err := Open(t.Context(), Options{Dir: other, Restored: func(f []byte) []byte {
			asked++
			return []byte(`{"restored":true}`)
		}})
		if err != nil {
			t.Fatal(err)
		}
		infos, err := restored.Accounts(t.Context())
		if err != nil || len(infos) != 2 || asked != 2 || string(infos[0].Facts) != `{"restored":true}` {
			t.Errorf("%v, %v, asked %d times", infos, err, asked)
		}
		if err := restored.Close(); err != nil {
			t.Fatal(err)
		}
	}
	was := mustOpen(t, other)
	if err := was.Check(t.Context()); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"here", "there"} {
		rows, parked := 0, 0
		for r, err := range mustAcquire(t, was, name).Messages(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if rows++; r.State == uidl.Parked {
				parked++
			}
		}
		if rows != 3000 || parked != 0 {
			t.Errorf("%s: %d rows, %d parked: not what there was at one moment", name, rows, parked)
		}
	}
	// And a second one has what came meanwhile, though nothing of it is in the database file yet.
	var again bytes.Buffer
	if _, err := l.Backup(t.Context(), &again); err != nil || bytes.Equal(again.Bytes(), out.Bytes()) || !bytes.Contains(again.Bytes(), []byte("later")) {
		t.Errorf("the next one: %v", err)
	}
}

type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }

// What ends a backup is told, and does no harm to the ledger.
func TestBackupEnds(t *testing.T) {
	l := mustOpen(t, t.TempDir())
	a := mustAcquire(t, l, "a")
	if err := a.Commit(t.Context(), uidl.Change{At: 1, Put: manyRows(100)}); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space")
	if _, err := l.Backup(t.Context(), broken{full}); !errors.Is(err, full) {
		t.Errorf("the writer's error: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Backup(ctx, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := a.Commit(t.Context(), uidl.Change{At: 2, Put: manyRows(101)}); err != nil {
		t.Error(err)
	}
}
