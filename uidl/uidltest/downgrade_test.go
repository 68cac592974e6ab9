package uidltest

import (
	"os"
	"testing"

	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/sqlite"
)

// Down and up again, a row says what version 1 knew of it.
func TestDowngrade(t *testing.T) {
	b := &bench{t: t, dir: t.TempDir(), s: Store{Open: func(t *testing.T, dir string) uidl.Ledger {
		l, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}}}
	b.open()
	done, seen, open := message("done"), message("seen"), message("open")
	done.State, done.Have, done.Octets = uidl.Delivered, uidl.PlaceOf(0)|uidl.PlaceOf(1), 5
	seen.State, seen.Have, seen.Reason = uidl.Delivered, uidl.Seen, "marked as seen, never fetched"
	open.Have, open.Octets = uidl.PlaceOf(0), 5
	b.commit(uidl.Change{At: now, Listed: true, Destinations: places("d", "e"), Put: []uidl.Message{done, seen, open},
		Stage: []uidl.Delivery{publishing("open", "e")}, Pass: &uidl.Pass{OK: true}})
	b.close()
	schema, err := os.ReadFile("../sqlite/migrations/1.sql")
	if err != nil {
		t.Fatal(err)
	}
	if err := Downgrade(t.Context(), b.dir, string(schema)); err != nil {
		t.Fatal(err)
	}
	b.reopen()
	defer b.close()
	done.Have = uidl.Legacy
	for _, want := range []uidl.Message{done, seen, open} {
		if got := b.find(want.Key); got != want {
			t.Errorf("%+v\nwant %+v", got, want)
		}
	}
	if p := b.pending(); len(p) != 1 || p[0].Ticket != "t-e" || b.a.Info().Listings != 1 {
		t.Errorf("%+v, %+v", p, b.a.Info())
	}
}
