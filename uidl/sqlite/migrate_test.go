package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/popsync/popsync/uidl"
)

// firstLedger makes a ledger of version 1, closed, by running statements on an empty one.
func firstLedger(tb testing.TB, statements ...string) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	path := filepath.Join(dir, databaseName)
	d, err := os.Open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	defer d.Close()
	if err := createEmpty(d, databaseName); err != nil {
		tb.Fatal(err)
	}
	err = fill(context.Background(), path, func(ctx context.Context, c *sql.Conn) error {
		if err := migrate(ctx, c, 0, migrations()[:1]); err != nil {
			return err
		}
		for _, q := range statements {
			if _, err := c.ExecContext(ctx, q); err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return dir
}

const firstListed = benchDay + 500

// firstRows has every kind of row that version 1 wrote. Columns of message: uid, state, next_try, reason, octets.
func firstRows() []string {
	all := []string{
		`INSERT INTO account (id, name, epoch, listings, listing_days, listed_at, succeeded_at, next_try, failures, verdict, facts)
			VALUES (5, 'work', 9, 8, 7, ` + fmt.Sprint(firstListed) + `, 6, 5, 4, 'v', x'7b7d'), (2, 'never', 1, 0, 0, 0, 0, 0, 0, '', NULL),
			(7, 'epoch', 3, 2, 1, 4000, 0, 0, 0, '', NULL)`,
		`INSERT INTO destination (id, account, name, identity) VALUES (4, 5, 'box', '1 abc /mail'), (6, 7, 'box', '1 abc /mail'),
			(8, 5, 'relay', 'spool'), (9, 5, 'quarantine', '1 def /quarantine')`,
		`INSERT INTO pass (account, n, started, ended, ok, verdict, totals) VALUES (5, 3, 1, 2, 1, 'p', x'7b7d')`,
		`INSERT INTO message (account, uid, dup, state, size, first_seen, first_day) VALUES (7, x'61', 0, 1, 3, 77, 1)`,
	}
	for _, r := range []struct {
		uid, state, next, reason, octets string
		gone                             string
	}{
		{"delivered", "2", "NULL", "NULL", "100", "NULL"},
		{"sent", "3", "NULL", "NULL", "100", "NULL"},
		{"tombstone", "2", "NULL", "NULL", "100", "44"},
		{"seen", "2", fmt.Sprint(math.MaxInt64), "'marked as seen, never fetched'", "NULL", "NULL"},
		{"tagged", "2", fmt.Sprint(math.MaxInt64), "'known by its name in the Maildir only'", "NULL", "NULL"},
		{"unsaid", "2", fmt.Sprint(math.MaxInt64), "NULL", "100", "NULL"},
		{"quarantined", "2", "99", "'refused by a destination, taken by the fallback'", "100", "NULL"},
		{"optional", "2", "NULL", "NULL", "100", "NULL"},
		{"wanted", "1", "NULL", "NULL", "NULL", "NULL"},
		{"charged", "1", "NULL", "'it broke'", "NULL", "NULL"},
		{"parked", "4", "88", "'too often'", "NULL", "NULL"},
		{"skipped", "5", "NULL", "'too large'", "NULL", "NULL"},
		{"half", "1", "NULL", "NULL", "100", "NULL"},
		{"halfparked", "4", "88", "'refused'", "100", "NULL"},
		{"owed", "1", "NULL", "NULL", "100", "NULL"},
		{"unread", "1", "NULL", "NULL", "NULL", "NULL"},
	} {
		all = append(all, fmt.Sprintf(`INSERT INTO message (account, uid, dup, state, size, first_seen, first_day, gone_at, gone_listing,
			attempts, next_try, reason, octets, sha256, fp) VALUES (5, CAST('%s' AS BLOB), 1, %s, 10, %d, 7, %s, %s, NULL, %s, %s, %s,
			iif(%[8]s IS NULL, NULL, CAST(zeroblob(31) || x'01' AS BLOB)), CAST(zeroblob(15) || x'02' AS BLOB))`,
			r.uid, r.state, benchDay, r.gone, r.gone, r.next, r.reason, r.octets))
	}
	for i, d := range []struct {
		uid         string
		destination int
		state       int
	}{{"half", 8, 1}, {"halfparked", 8, 2}, {"owed", 4, 3}, {"owed", 8, 1}, {"unread", 8, 3}, {"optional", 8, 1}} {
		all = append(all, fmt.Sprintf(`INSERT INTO delivery (account, uid, dup, destination, state, seq, ticket, in_doubt, attempts, next_try, reason, at)
			VALUES (5, CAST('%s' AS BLOB), 1, %d, %d, %d, 't', 1, 2, 3, 'r', 4)`, d.uid, d.destination, d.state, i+1))
	}
	return all
}

// afterFirst looks at what became of firstRows.
func afterFirst(t *testing.T, dir string) {
	t.Helper()
	l := mustOpen(t, dir)
	defer l.Close()
	if err := l.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	infos, err := l.Accounts(t.Context())
	if err != nil || len(infos) < 3 {
		t.Fatalf("%+v, %v", infos, err)
	}
	tokens := map[string]bool{}
	for _, i := range infos {
		if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(i.Token) || tokens[i.Token] {
			t.Errorf("%s: token %q", i.Name, i.Token)
		}
		tokens[i.Token] = true
		want := uidl.Clock{Confirmed: firstListed, Aged: firstListed, Loose: true}
		if i.Name != "work" {
			want.Confirmed, want.Aged = 0, 0 // never, or by a clock that was never set
		}
		if i.Clock != want && i.Name != "new" {
			t.Errorf("%s: clock %+v, want %+v", i.Name, i.Clock, want)
		}
	}
	a := mustAcquire(t, l, "work")
	defer a.Close()
	i := a.Info()
	i.Token, i.Clock = "", uidl.Clock{}
	want := uidl.Info{Name: "work", Epoch: 10, Listings: 8, ListedAt: firstListed, SucceededAt: 6,
		Status: uidl.Status{NextTry: 5, Failures: 4, Verdict: "v", Facts: []byte("{}")}}
	if !reflect.DeepEqual(i, want) {
		t.Errorf("Info %+v\nwant %+v", i, want)
	}
	ds, err := a.Destinations(t.Context())
	if want := []uidl.Destination{{Name: "box", Identity: "1 abc /mail", Role: uidl.UnknownRole}, {Ordinal: 2, Name: "quarantine", Identity: "1 def /quarantine", Role: uidl.UnknownRole},
		{Ordinal: 1, Name: "relay", Identity: "spool2 work/relay ", Role: uidl.UnknownRole}}; err != nil || !reflect.DeepEqual(ds, want) {
		t.Errorf("destinations %+v, %v\nwant %+v", ds, err, want)
	}
	box, quarantine := uidl.PlaceOf(0), uidl.PlaceOf(2)
	facts := map[string]uidl.Places{"delivered": uidl.Legacy, "sent": uidl.Legacy, "tombstone": uidl.Legacy, "seen": uidl.Seen, "tagged": uidl.Legacy | uidl.Unsure,
		"unsaid": uidl.Legacy | uidl.Unsure, "quarantined": uidl.Legacy, "optional": uidl.Legacy, "half": box | quarantine, "halfparked": box | quarantine, "owed": quarantine}
	next := map[string]int64{"quarantined": 99, "parked": 88, "halfparked": 88}
	n := 0
	for r, err := range a.Messages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if r.Facts != (uidl.Facts{Have: facts[r.UID]}) || r.NextTry != next[r.UID] || r.Dup != 1 || r.Size != 10 || r.FirstSeen != benchDay {
			t.Errorf("%+v, want facts %#x, next try %d", r, facts[r.UID], next[r.UID])
		}
		whole, err := a.Find(t.Context(), []uidl.Key{r.Key})
		if err != nil || len(whole) != 1 || whole[0].Row != r || whole[0].Fingerprint[15] != 2 || (whole[0].SHA256[31] == 1) != (whole[0].Octets == 100) {
			t.Errorf("%+v, %v", whole, err)
		}
		if r.UID == "quarantined" && whole[0].Reason != "refused by a destination, taken by the fallback" || r.UID == "tombstone" && r.GoneAt != 44 {
			t.Errorf("%+v", whole)
		}
	}
	p, err := a.Pending(t.Context())
	if err != nil || n != 16 || len(p) != 6 || p[0] != (uidl.Delivery{Key: uidl.Key{UID: "half", Dup: 1}, Destination: "relay", State: uidl.Staged, Seq: 1, Ticket: "t",
		InDoubt: 1, Attempts: 2, NextTry: 3, Reason: "r", At: 4, Message: uidl.Facts{Have: facts["half"]}, Octets: 100}) {
		t.Errorf("%d rows, pending %+v, %v", n, p, err)
	}
	s, err := l.Summaries(t.Context())
	if err != nil || s[len(s)-1].Last == nil || s[len(s)-1].Last.Verdict != "p" {
		t.Errorf("%+v, %v", s, err)
	}
	other := mustAcquire(t, l, "epoch")
	defer other.Close()
	for r := range other.Messages(t.Context()) {
		if r.FirstSeen != uidl.Unstamped || r.Have != 0 {
			t.Errorf("%+v: stamped by a clock that was never set", r)
		}
	}
	if err := other.Commit(t.Context(), uidl.Change{At: benchDay, Listed: true}); err != nil {
		t.Fatal(err)
	}
	for r := range other.Messages(t.Context()) {
		if r.FirstSeen != benchDay {
			t.Errorf("%+v: want the time of the first listing that knows it", r)
		}
	}
}

func TestMigrationFromFirst(t *testing.T) {
	dir := firstLedger(t, firstRows()...)
	afterFirst(t, dir)
	fresh := t.TempDir()
	mustOpen(t, fresh).Close()
	if a, b := schemaOf(t, dir), schemaOf(t, fresh); !reflect.DeepEqual(a, b) {
		t.Errorf("schema %q\nof a new one %q", a, b)
	}
}

func schemaOf(t *testing.T, dir string) (all []string) {
	t.Helper()
	db := openPool(filepath.Join(dir, databaseName), readOnly)
	defer db.Close()
	err := collect(&all, func(scan func(...any) error) (s string, err error) { err = scan(&s); return s, err })(
		db.QueryContext(t.Context(), `SELECT name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY name`))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// More destinations than there are ordinals: those with something open stay, then the youngest.
func TestMigrationManyDestinations(t *testing.T) {
	rows := []string{`INSERT INTO account (id, name) VALUES (1, 'work')`,
		`INSERT INTO message (account, uid, dup, state, size, first_seen, first_day, octets) VALUES (1, x'61', 0, 1, 1, 1, 1, 1)`}
	for i := range 60 {
		rows = append(rows, fmt.Sprintf(`INSERT INTO destination (account, name) VALUES (1, 'd%02d')`, i))
	}
	rows = append(rows, `INSERT INTO delivery (account, uid, dup, destination, state, seq, ticket, at) VALUES (1, x'61', 0, 3, 1, 1, 't', 1)`)
	a := mustAcquire(t, mustOpen(t, firstLedger(t, rows...)), "work")
	ds, err := a.Destinations(t.Context())
	if err != nil || len(ds) != uidl.Ordinals || ds[0] != (uidl.Destination{Name: "d02", Role: uidl.UnknownRole}) || ds[1].Name != "d13" || ds[47].Ordinal != 47 {
		t.Errorf("%d: %+v, %v", len(ds), ds, err)
	}
	p, err := a.Pending(t.Context())
	if err != nil || len(p) != 1 || p[0].Destination != "d02" || p[0].Message.Have != (1<<52-1)&^31 {
		t.Errorf("%+v, %v", p, err)
	}
}

// A ledger of version 1 that cannot be read to its end is carried over and brought up to date in one.
func TestSalvageOfFirst(t *testing.T) {
	dir := firstLedger(t, firstRows()...)
	out, err := Salvage{Dir: dir, Accounts: []string{"work", "new"}, Now: time.Unix(benchDay, 0)}.Do(t.Context())
	if err != nil || out.Accounts != 3 || out.Messages != 17 || out.Deliveries != 6 || out.Destinations != 4 || out.Refused != 0 || out.Unread != nil {
		t.Errorf("%+v, %v", out, err)
	}
	afterFirst(t, dir)

	dir = firstLedger(t, append(firstRows(), `INSERT INTO message (account, uid, dup, state, size, first_seen, first_day)
		WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT 5, CAST(printf('n%060d', i) AS BLOB), 0, 2, 1, 1, 1 FROM n`)...)
	path := filepath.Join(dir, databaseName)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(b[len(b)/2/4096*4096:][:4096])
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err = Salvage{Dir: dir, Now: time.Unix(benchDay, 0)}.Do(t.Context())
	if err != nil || out.Messages < 2000 || out.Messages >= 3017 || len(out.Unread) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	l := mustOpen(t, dir)
	a := mustAcquire(t, l, "work")
	if i := a.Info(); len(i.Token) != 32 || i.Listings != 8 {
		t.Errorf("%+v", i)
	}
	legacy := 0
	for r, err := range a.Messages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Have == uidl.Legacy {
			legacy++
		}
	}
	if err := l.Check(t.Context()); err != nil || legacy < 2000 {
		t.Errorf("%d rows, %v", legacy, err)
	}
}

// The ordinal of a destination that is lost will be another's: what it had is at a former place.
func TestSalvageLostDestination(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	a := mustAcquire(t, l, "work")
	m := row("a")
	m.Have, m.Waived = uidl.PlaceOf(0)|uidl.PlaceOf(1)|uidl.PlaceOf(47)|uidl.Unsure, uidl.PlaceOf(1)|uidl.PlaceOf(0)
	n := row("b")
	n.Waived = uidl.PlaceOf(2)
	token := ""
	err := a.Commit(t.Context(), uidl.Change{At: 1, Destinations: []uidl.Destination{{Name: "x"}, {Ordinal: 1, Name: "y"}}, Put: []uidl.Message{m, n}})
	token = a.Info().Token
	_, err2 := l.writer.conn.ExecContext(t.Context(), "DELETE FROM destination WHERE ordinal = 0")
	if err := errors.Join(err, err2, a.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := (Salvage{Dir: dir, Now: time.Unix(benchDay, 0)}).Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	a = mustAcquire(t, mustOpen(t, dir), "work")
	found, err := a.Find(t.Context(), []uidl.Key{m.Key, n.Key})
	if err != nil || found[0].Facts != (uidl.Facts{Have: uidl.PlaceOf(1) | uidl.Unsure | uidl.Former, Waived: uidl.PlaceOf(1)}) || found[1].Facts != (uidl.Facts{}) || a.Info().Token != token {
		t.Errorf("%+v, %v", found, err)
	}
}
