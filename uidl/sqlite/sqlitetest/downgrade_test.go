package sqlitetest

import (
	"errors"
	"os"
	"testing"

	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/sqlite"
)

// Down and up again, a row says what version 1 knew of it.
func TestDowngrade(t *testing.T) {
	const now = 1_700_000_000
	dir := t.TempDir()
	message := func(uid string, state uidl.State, have uidl.Places) uidl.Message {
		return uidl.Message{Row: uidl.Row{Key: uidl.Key{UID: uid}, State: state, Size: 100, FirstSeen: now, Facts: uidl.Facts{Have: have}}}
	}
	done := message("done", uidl.Delivered, uidl.PlaceOf(0)|uidl.PlaceOf(1))
	seen := message("seen", uidl.Delivered, uidl.Seen)
	open := message("open", uidl.Wanted, uidl.PlaceOf(0))
	done.Octets, open.Octets, seen.Reason = 5, 5, "marked as seen, never fetched"
	acquire := func() (uidl.Account, func()) {
		l, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		a, err := l.Acquire(t.Context(), "work")
		if err != nil {
			t.Fatal(err)
		}
		return a, func() {
			if err := errors.Join(a.Close(), l.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
	a, release := acquire()
	err := a.Commit(t.Context(), uidl.Change{At: now, Listed: true,
		Destinations: []uidl.Destination{{Name: "d", Role: uidl.Required}, {Ordinal: 1, Name: "e", Role: uidl.Required}},
		Put:          []uidl.Message{done, seen, open}, Pass: &uidl.Pass{OK: true},
		Stage: []uidl.Delivery{{Key: open.Key, Destination: "e", State: uidl.Publishing, Ticket: "t-e", At: now}}})
	if err != nil {
		t.Fatal(err)
	}
	release()
	schema, err := os.ReadFile("../migrations/1.sql")
	if err != nil {
		t.Fatal(err)
	}
	if err := Downgrade(t.Context(), dir, string(schema)); err != nil {
		t.Fatal(err)
	}
	a, release = acquire()
	defer release()
	done.Have = uidl.Legacy
	for _, want := range []uidl.Message{done, seen, open} {
		if got, err := a.Find(t.Context(), []uidl.Key{want.Key}); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%+v, %v\nwant %+v", got, err, want)
		}
	}
	if p, err := a.Pending(t.Context()); err != nil || len(p) != 1 || p[0].Ticket != "t-e" || a.Info().Listings != 1 {
		t.Errorf("%+v, %v, %+v", p, err, a.Info())
	}
}
