package verify

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// Each kind of rows that cannot be true together is found, and sound ones are none.
func TestContradictions(t *testing.T) {
	known := []uidl.Destination{{Name: "m", Ordinal: 1, Role: uidl.Required, Since: 1}}
	has := uidl.PlaceOf(1)
	key := func(uid string) uidl.Key { return uidl.Key{UID: uid} }
	for _, tt := range []struct {
		want    string
		row     uidl.Row
		pending []uidl.Delivery
	}{
		{"", uidl.Row{Key: key("1"), State: uidl.Delivered, Facts: uidl.Facts{Have: has, Generation: 1}}, nil},
		{"", uidl.Row{Key: key("1"), State: uidl.Wanted}, nil},
		{goneInPart, uidl.Row{Key: key("1"), GoneAt: 5}, nil},
		{goneLater, uidl.Row{Key: key("1"), GoneAt: 5, GoneListing: 9}, nil},
		{hadUnknown, uidl.Row{Key: key("1"), Facts: uidl.Facts{Have: uidl.PlaceOf(7)}}, nil},
		{hadNowhere, uidl.Row{Key: key("1"), State: uidl.Delivered}, nil},
		{deliveredOpen, uidl.Row{Key: key("1"), State: uidl.Delivered, Facts: uidl.Facts{Have: has, Generation: 1}}, []uidl.Delivery{{Key: key("1"), Destination: "m", State: uidl.Staged, Ticket: "t"}}},
		{ticketMissing, uidl.Row{Key: key("1")}, []uidl.Delivery{{Key: key("1"), Destination: "m", State: uidl.Publishing}}},
		{ticketTwice, uidl.Row{Key: key("1")}, []uidl.Delivery{{Key: key("1"), Destination: "m", State: uidl.Staged, Ticket: "t"}, {Key: key("2"), Destination: "m", State: uidl.Staged, Ticket: "t"}}},
	} {
		c := newContradictions(uidl.Info{Listings: 3}, known, tt.pending)
		c.row(tt.row)
		c.deliveries(tt.pending)
		got := ""
		for _, kind := range c.kinds {
			got += kind.what
		}
		if got != tt.want {
			t.Errorf("%+v, %+v: %q, want %q", tt.row, tt.pending, got, tt.want)
		}
	}
	many := make([]uidl.Delivery, maxBatch+1)
	for i := range many {
		many[i] = uidl.Delivery{Key: key("1"), Destination: "m", State: uidl.Publishing, Ticket: strings.Repeat("t", i+1)}
	}
	c := newContradictions(uidl.Info{}, known, many)
	if c.deliveries(many); len(c.kinds) != 1 || c.kinds[0].what != publishingMany {
		t.Errorf("%d in one batch: %+v", len(many), c.kinds)
	}
}

// A damaged ledger is a finding with its next step, and without --repair nobody touches it.
func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	var out strings.Builder
	o := Options{
		Out: &out, StateDir: dir, File: filepath.Join(dir, "ledger.db"),
		Open:    func(context.Context) (uidl.Ledger, error) { return nil, uidl.ErrCorrupt },
		Salvage: func(context.Context) (Salvaged, error) { t.Error("salvaged"); return Salvaged{}, nil },
		Class:   func(error) verdict.Class { return verdict.Internal },
	}
	if n, worst := Run(t.Context(), o, nil); n != 0 || worst != verdict.OK || out.String() != "ok    ledger: there is none yet in "+dir+"\n" {
		t.Errorf("%d, %s, %s", n, worst, out.String())
	}
	touch(t, o.File)
	out.Reset()
	if n, worst := Run(t.Context(), o, nil); n != 1 || worst != verdict.Internal || !strings.Contains(out.String(), "popsync verify --repair. It moves ledger.db aside") {
		t.Errorf("%d, %s, %s", n, worst, out.String())
	}
	o.Repair, o.Salvage = true, func(context.Context) (Salvaged, error) { return Salvaged{}, errors.Join(uidl.ErrBusy) }
	out.Reset()
	if n, worst := Run(t.Context(), o, nil); n != 1 || worst != verdict.Temporary || !strings.Contains(out.String(), "end what uses the ledger") {
		t.Errorf("%d, %s, %s", n, worst, out.String())
	}
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}
