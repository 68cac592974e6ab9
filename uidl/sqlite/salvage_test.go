package sqlite_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/sqlite"
)

// dump returns every row of a ledger as text.
func dump(t *testing.T, path string) (all []string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, table := range []string{"account", "destination", "message", "delivery", "pass"} {
		rows, err := db.Query("SELECT * FROM " + table)
		if err != nil {
			t.Fatal(err)
		}
		columns, _ := rows.Columns()
		for rows.Next() {
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprintf("%s %q", table, values))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// Nothing is lost of a ledger that can be read, whatever kinds of rows are in it.
func TestSalvageCarriesAll(t *testing.T) {
	dir, path := seedLedger(t)
	l := openLedger(t, dir)
	a, err := l.Acquire(t.Context(), "home")
	if err != nil {
		t.Fatal(err)
	}
	k := uidl.Key{UID: "\x00\xff odd \n", Dup: 3}
	err = a.Commit(t.Context(), uidl.Change{
		At: 7, Listed: true, Destinations: []uidl.Destination{{Ordinal: 3, Name: "mail", Identity: "1 x /y", Role: uidl.Required, Born: 1, Since: 2, Rest: uidl.Fetch}},
		Put: []uidl.Message{{Row: uidl.Row{Key: k, State: uidl.Parked, Size: 9, FirstSeen: 1, GoneAt: 5, GoneListing: 1,
			Attempts: 3, NextTry: 99, Facts: uidl.Facts{Have: uidl.PlaceOf(3) | uidl.Unsure, Waived: uidl.PlaceOf(3), Generation: 2}}, Octets: 8, SHA256: [32]byte{1}, Fingerprint: uidl.Fingerprint{2}, Reason: "x"}},
		Stage:  []uidl.Delivery{{Key: k, Destination: "mail", State: uidl.Publishing, Ticket: "t", InDoubt: 1, Attempts: 2, NextTry: 3, Reason: "r"}},
		Status: &uidl.Status{NextTry: 4, Failures: 5, Verdict: "v", Facts: []byte(`{"a":1}`)},
		Pass:   &uidl.Pass{Started: 1, Ended: 2, OK: true, Totals: []byte("{}")},
	})
	if err := errors.Join(err, a.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	want := dump(t, path)
	now := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)
	out, err := sqlite.Salvage{Dir: dir, Accounts: []string{"home", "new"}, Now: now}.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if out.Accounts != 2 || out.Messages != seedRows+1 || out.Deliveries != 1 || out.Destinations != 1 || out.Refused != 0 || out.Unread != nil {
		t.Errorf("%+v", out)
	}
	got := slices.DeleteFunc(dump(t, path), func(s string) bool { return strings.HasPrefix(s, "account ") && strings.Contains(s, `"new"`) })
	if !slices.Equal(got, want) {
		t.Errorf("%d rows became %d, or others", len(want), len(got))
	}
	if !slices.Equal(dump(t, path+".damaged-20261123T220000Z"), want) {
		t.Error("what was moved aside has changed")
	}
	if len(want) != seedRows+1+2+1+1+1 {
		t.Errorf("%d rows: the test does not see all tables", len(want))
	}
	for _, p := range []string{path, path + ".damaged-20261123T220000Z"} {
		if fi, err := os.Stat(p); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", p, fi.Mode(), err)
		}
	}
	l = openLedger(t, dir)
	if err := errors.Join(l.Check(t.Context()), l.Close()); err != nil {
		t.Error(err)
	}
}

// Facts are changed for all accounts, those without any included.
func TestSalvageFacts(t *testing.T) {
	dir, path := seedLedger(t)
	mark := func(b []byte) []byte { return append([]byte("marked "), b...) }
	if _, err := (sqlite.Salvage{Dir: dir, Accounts: []string{"other"}, Facts: mark, Now: time.Now()}).Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, row := range dump(t, path) {
		if strings.HasPrefix(row, "account ") && strings.Contains(row, `"marked `) {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d accounts are marked", n)
	}
	if _, err := (sqlite.Salvage{Dir: dir, Accounts: []string{"../x"}, Now: time.Now()}).Do(t.Context()); err == nil {
		t.Error("a wrong name was accepted")
	}
}

// A process that has the ledger open is noticed by its lease, and without a lease by SQLite's own lock.
func TestSalvageInUse(t *testing.T) {
	dir, path := seedLedger(t)
	line, _, end := startChild(t, dir, "work")
	defer end()
	if line != "held" {
		t.Fatal(line)
	}
	s := sqlite.Salvage{Dir: dir, Now: time.Now()}
	if _, err := s.Do(t.Context()); !errors.Is(err, uidl.ErrBusy) {
		t.Errorf("with a lease: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "lease", "work.lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Do(t.Context()); !errors.Is(err, uidl.ErrLocked) {
		t.Errorf("open without a lease: %v", err)
	}
	if found, _ := filepath.Glob(path + ".*"); len(found) > 0 {
		t.Errorf("it left %v", found)
	}
}
