package operator

import (
	"errors"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// desk is a ledger with one account.
type desk struct {
	t *testing.T
	uidl.Ledger
}

func newDesk(t *testing.T, f health.Facts, rows ...uidl.Row) *desk {
	d := &desk{t, uidltest.NewMemory().Open()}
	c := uidl.Change{At: 1e9, Destinations: []uidl.Destination{{Name: "maildir", Role: uidl.Required}}, Status: &uidl.Status{Facts: f.Encode()}}
	for _, row := range rows {
		c.Put = append(c.Put, uidl.Message{Row: row})
	}
	l, err := d.Acquire(t.Context(), "a")
	if err == nil {
		err = errors.Join(l.Commit(t.Context(), c), l.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// facts are what is stored now, and the rows.
func (d *desk) facts() (f health.Facts, rows []uidl.Row) {
	d.t.Helper()
	l, err := d.Acquire(d.t.Context(), "a")
	if err != nil {
		d.t.Fatal(err)
	}
	defer l.Close()
	for row, err := range l.Messages(d.t.Context()) {
		if err != nil {
			d.t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return health.Decode(l.Info().Facts), rows
}

func TestAdoptAsksTheNextPass(t *testing.T) {
	d := newDesk(t, health.Facts{})
	if err := Adopt(t.Context(), d, "a"); err != nil {
		t.Fatal(err)
	}
	if f, _ := d.facts(); !f.Adopt {
		t.Error("nothing was noted")
	}
}

func TestAccept(t *testing.T) {
	now := time.Unix(2e9, 0)
	d := newDesk(t, health.Facts{Flood: &health.Flood{New: 9000}}, uidl.Row{Key: uidl.Key{UID: "held"}, State: uidl.Held},
		uidl.Row{Key: uidl.Key{UID: "had"}, State: uidl.Delivered})
	flood, held, err := Accept(t.Context(), d, "a", now)
	if err != nil || flood == nil || flood.New != 9000 || held != 1 {
		t.Errorf("%+v, %d, %v", flood, held, err)
	}
	f, rows := d.facts()
	if f.Accepted != now.Unix() {
		t.Errorf("accepted at %d", f.Accepted)
	}
	for _, row := range rows {
		if row.State == uidl.Held {
			t.Errorf("%s is still held back", row.UID)
		}
	}
	if flood, held, err = Accept(t.Context(), newDesk(t, health.Facts{}), "a", now); flood != nil || held != 0 || err != nil {
		t.Errorf("nothing to accept: %+v, %d, %v", flood, held, err)
	}
}

func TestBackfill(t *testing.T) {
	d := newDesk(t, health.Facts{})
	if err := Backfill(t.Context(), d, "a", "maildir", uidl.Fetch); err != nil {
		t.Fatal(err)
	}
	l, err := d.Acquire(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	all, err := l.Destinations(t.Context())
	if err != nil || len(all) != 1 || all[0].Rest != uidl.Fetch {
		t.Errorf("%+v, %v", all, err)
	}
	l.Close()
	if err := Backfill(t.Context(), d, "a", "other", uidl.Fetch); err == nil {
		t.Error("a destination that nobody knows is filled")
	}
}

// What may still be taken back is told from what may not.
func TestUndoBaselineNeedsOne(t *testing.T) {
	_, err := UndoBaseline(t.Context(), newDesk(t, health.Facts{}), "a", time.Unix(2e9, 0))
	var no *NoUndoError
	if !errors.As(err, &no) || no.Why == "" {
		t.Error(err)
	}
}

// Nobody decides about an account while a pass is at work on it.
func TestBusy(t *testing.T) {
	d := newDesk(t, health.Facts{})
	l, err := d.Acquire(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := Adopt(t.Context(), d, "a"); !errors.Is(err, uidl.ErrBusy) {
		t.Error(err)
	}
	if _, _, err := Accept(t.Context(), d, "a", time.Now()); !errors.Is(err, uidl.ErrBusy) {
		t.Error(err)
	}
}
