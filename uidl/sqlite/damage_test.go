package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/sqlite"
)

const seedRows = 1500

// seedLedger makes a closed ledger with rows enough to fill some dozen pages, and returns the database's path.
func seedLedger(t *testing.T) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	l := openLedger(t, dir)
	a, err := l.Acquire(t.Context(), "work")
	if err != nil {
		t.Fatal(err)
	}
	var c uidl.Change
	for i := range seedRows {
		c.Put = append(c.Put, uidl.Message{Row: uidl.Row{Key: uidl.Key{UID: fmt.Sprintf("%040d", i)}, State: uidl.Delivered}, SHA256: [32]byte{1}})
	}
	if err := errors.Join(a.Commit(t.Context(), c), a.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	return dir, filepath.Join(dir, "ledger.db")
}

func TestOpenRefuses(t *testing.T) {
	_, sound := seedLedger(t)
	good, err := os.ReadFile(sound)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	run := func(statements ...string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			for _, q := range statements {
				execSQL(t, path, q)
			}
		}
	}
	ledgerWith := func(q string) func(*testing.T, string) {
		return func(t *testing.T, path string) { write(good)(t, path); run(q)(t, path) }
	}
	for _, c := range []struct {
		name string
		make func(*testing.T, string)
		want error
	}{
		{"empty", write(nil), uidl.ErrForeign},
		{"one octet", write([]byte("S")), uidl.ErrForeign},
		{"text", write([]byte(strings.Repeat("dear diary\n", 1000))), uidl.ErrForeign},
		{"zeros", write(make([]byte, 8192)), uidl.ErrForeign},
		{"half", write(good[:len(good)/2]), uidl.ErrCorrupt},
		{"one page", write(good[:4096]), uidl.ErrCorrupt},
		{"part of a page", write(good[:1000]), uidl.ErrCorrupt},
		{"less a page", write(good[:len(good)-4096]), uidl.ErrCorrupt},
		{"first page wiped but for the magic", write(append(append([]byte{}, good[:100]...), make([]byte, len(good)-100)...)), uidl.ErrCorrupt},
		{"another program's", run("CREATE TABLE note (t TEXT)", "INSERT INTO note VALUES ('x')"), uidl.ErrForeign},
		{"another program's, marked", run("CREATE TABLE note (t TEXT)", "PRAGMA application_id = 7"), uidl.ErrForeign},
		{"newer", ledgerWith("PRAGMA user_version = 99"), uidl.ErrNewer},
		{"no version", ledgerWith("PRAGMA user_version = 0"), uidl.ErrCorrupt},
		{"directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, uidl.ErrForeign},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "ledger.db")
			c.make(t, path)
			before, _ := os.ReadFile(path)
			for range 2 {
				l, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir})
				if err == nil {
					l.Close()
				}
				if !errors.Is(err, c.want) {
					t.Fatalf("Open: %v, want %v", err, c.want)
				}
				if c.name == "empty" && !strings.Contains(err.Error(), "it is empty") {
					t.Errorf("does not say that it is empty: %v", err)
				}
				for _, part := range []string{path, "Next step:", "Nothing more is fetched or deleted"} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("no %q in: %v", part, err)
					}
				}
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the refused file was changed")
			}
		})
	}
}

// execSQL is another program at work on the file.
func execSQL(t *testing.T, path, query string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(query); err != nil {
		t.Fatal(err)
	}
}

// A page of garbage in the midst: Open need not see it, Check must, and no reading may return less without an error.
func TestDamagedPages(t *testing.T) {
	dir, path := seedLedger(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	caught := 0
	for i := range 12 {
		bad := bytes.Clone(good)
		page := 8 + r.IntN(len(good)/4096-8)
		for j := range 4096 {
			bad[page*4096+j] = byte(r.Uint32())
		}
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		n, use, check := useLedger(t, dir)
		if !errors.Is(check, uidl.ErrCorrupt) {
			t.Errorf("%d: Check with page %d wiped: %v", i, page, check)
		}
		if use == nil && n != seedRows {
			t.Errorf("%d: %d rows of %d and no error", i, n, seedRows)
		}
		if errors.Is(use, uidl.ErrCorrupt) {
			caught++
		}
	}
	if caught == 0 {
		t.Error("no damage was met in use: the test wipes the wrong pages")
	}
}

// One flipped bit anywhere may be harmless, but never ends in anything but these errors.
func TestFlippedBits(t *testing.T) {
	dir, path := seedLedger(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 24 {
		bad := bytes.Clone(good)
		at := r.IntN(len(good))
		if i%2 == 0 {
			at = at/4096*4096 + r.IntN(12) // page headers
		}
		bad[at] ^= 1 << r.IntN(8)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		_, use, check := useLedger(t, dir)
		for _, err := range []error{use, check} {
			if err != nil && !errors.Is(err, uidl.ErrCorrupt) && !errors.Is(err, uidl.ErrForeign) && !errors.Is(err, uidl.ErrNewer) {
				t.Errorf("bit flipped at %d: %v", at, err)
			}
		}
	}
}

// useLedger opens, reads and checks; the errors are those of use and of Check.
func useLedger(t *testing.T, dir string) (n int, use, check error) {
	t.Helper()
	l, err := sqlite.Open(context.Background(), sqlite.Options{Dir: dir})
	if err != nil {
		return 0, err, err
	}
	defer l.Close()
	check = l.Check(context.Background())
	a, err := l.Acquire(context.Background(), "work")
	if err != nil {
		return 0, err, check
	}
	defer a.Close()
	for _, err := range a.Messages(context.Background()) {
		if err != nil {
			return n, err, check
		}
		n++
	}
	return n, nil, check
}

func TestOpenPlaces(t *testing.T) {
	root := t.TempDir()
	if _, err := sqlite.Open(t.Context(), sqlite.Options{Dir: filepath.Join(root, "no", "parent")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no parent: %v", err)
	}
	file := filepath.Join(root, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), sqlite.Options{Dir: file}); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("a file: %v", err)
	}
	odd := filepath.Join(root, "odd ?a=b#c%41 &;'\"\xc3\xa4")
	l := openLedger(t, odd)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(odd, "ledger.db")); err != nil {
		t.Errorf("an odd path led elsewhere: %v", err)
	}
	if os.Getuid() == 0 {
		t.Skip("NOT TESTED: an unreadable ledger, because root reads everything")
	}
	if err := os.Chmod(filepath.Join(odd, "ledger.db"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), sqlite.Options{Dir: odd}); !errors.Is(err, os.ErrPermission) {
		t.Errorf("unreadable: %v", err)
	}
}
