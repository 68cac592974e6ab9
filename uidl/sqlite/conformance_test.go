package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/sqlite"
	"github.com/popsync/popsync/uidl/uidltest"
)

func TestConformance(t *testing.T) {
	uidltest.Run(t, uidltest.Store{Open: openLedger, Save: saveLedger, Doubt: func(t *testing.T, l uidl.Ledger, commit func() error) error {
		return l.(*sqlite.Ledger).InDoubt(t, commit)
	}, Usurp: func(t *testing.T, dir, account string) {
		if err := os.Remove(filepath.Join(dir, "lease", account+".lock")); err != nil {
			t.Fatal(err)
		}
	}})
}

// saveLedger copies what a backup of the database has.
func saveLedger(t *testing.T, dir string) (restore func()) {
	t.Helper()
	files := map[string][]byte{}
	for _, name := range []string{"ledger.db", "ledger.db-wal"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = b
	}
	return func() {
		t.Helper()
		if err := os.Remove(filepath.Join(dir, "ledger.db-shm")); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for name, b := range files {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func openLedger(t *testing.T, dir string) uidl.Ledger {
	t.Helper()
	l, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return l
}
