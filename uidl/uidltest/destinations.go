package uidltest

import (
	"reflect"
	"testing"

	"github.com/popsync/popsync/uidl"
)

func (b *bench) destinations(want ...uidl.Destination) {
	b.t.Helper()
	got, err := b.a.Destinations(b.t.Context())
	if err != nil || !reflect.DeepEqual(got, want) {
		b.t.Errorf("Destinations: %+v %v\nwant %+v", got, err, want)
	}
}

func testDestinations(t *testing.T, b *bench) {
	b.open()
	m := uidl.Destination{Ordinal: 47, Name: "m", Identity: "1", Role: uidl.Fallback, Born: 2, Since: 3, Rest: uidl.Without}
	x := uidl.Destination{Ordinal: 0, Name: "b"}
	b.commit(uidl.Change{At: now, Put: messages("a"), Destinations: []uidl.Destination{m, x}})
	x.Identity, x.Role, x.Born, x.Since, x.Rest = "2", uidl.Required, 4, 5, uidl.Fetch
	b.commit(uidl.Change{At: now, Destinations: []uidl.Destination{x}, Stage: []uidl.Delivery{publishing("a", "m")}})
	b.commit(uidl.Change{At: now, Settle: []uidl.Settled{{Key: key("a"), Destination: "m"}}})
	for range 2 {
		b.destinations(x, m)
		b.reopen()
	}
	for what, c := range map[string]uidl.Change{
		"one that is known": {Destinations: []uidl.Destination{{Ordinal: 3, Name: "m"}}},
		"two alike":         {Destinations: []uidl.Destination{{Ordinal: 3, Name: "y"}, {Ordinal: 4, Name: "y"}}},
	} {
		if err := b.a.Commit(t.Context(), c); err == nil {
			t.Errorf("a name for two ordinals, %s: no error", what)
		}
	}
	b.destinations(x, m)
}

// Names go round; what is open and what is had stays with the ordinal.
func testDestinationsSwap(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now, Put: messages("a"), Destinations: places("x", "y", "z"), Stage: []uidl.Delivery{publishing("a", "x")}})
	b.commit(uidl.Change{At: now, Destinations: places("y", "z", "x")})
	if p := b.pending(); len(p) != 1 || p[0].Destination != "y" || p[0].Ticket != "t-x" {
		t.Errorf("Pending: %+v, want it to follow ordinal 0", p)
	}
	if w := b.summary().Waiting; len(w) != 1 || w[0].Destination != "y" {
		t.Errorf("Waiting: %+v", w)
	}
	// in the same change as the swap, the new name counts
	b.commit(uidl.Change{At: now, Destinations: places("x", "y"), Fold: []int{2}, Settle: []uidl.Settled{{Key: key("a"), Destination: "x", As: uidl.Had}}})
	if got := b.find(key("a")).Have; got != uidl.PlaceOf(0) || len(b.pending()) != 0 {
		t.Errorf("have %#x, pending %+v", got, b.pending())
	}
	b.destinations(places("x", "y")...)
}

func testFold(t *testing.T, b *bench) {
	b.open()
	have := func(uid string, h, w uidl.Places) uidl.Message {
		m := message(uid)
		m.Facts = uidl.Facts{Have: h, Waived: w, Generation: 1}
		return m
	}
	x, y := uidl.PlaceOf(0), uidl.PlaceOf(1)
	other, err := b.ledger.Acquire(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	before := []uidl.Message{have("both", x|y, 0), have("waived", y, x), have("lone", x|uidl.Unsure, 0), have("none", 0, y), have("legacy", uidl.Legacy, 0)}
	c := uidl.Change{At: now, Destinations: places("x", "y"), Put: before}
	b.commit(c)
	if err := other.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	b.commit(uidl.Change{At: now, Stage: []uidl.Delivery{publishing("none", "x")}})
	if err := b.a.Commit(t.Context(), uidl.Change{At: now, Fold: []int{0}}); err == nil {
		t.Error("a destination with an open delivery was folded")
	}
	b.commit(uidl.Change{At: now, Settle: []uidl.Settled{{Key: key("none"), Destination: "x"}}})
	b.commit(uidl.Change{At: now, Fold: []int{0, 40}}) // one that is unknown may be in rows all the same
	for _, want := range []uidl.Message{have("both", uidl.Former|y, 0), have("waived", y, 0), have("lone", uidl.Former|uidl.Unsure, 0),
		have("none", 0, y), have("legacy", uidl.Legacy, 0)} {
		if got := b.find(want.Key); got != want {
			t.Errorf("%+v\nwant %+v", got, want)
		}
	}
	b.destinations(places("x", "y")[1])
	b.commit(uidl.Change{At: now, Destinations: []uidl.Destination{{Name: "x"}}}) // its ordinal and name are free
	b.a.Close()
	b.a = other
	for _, want := range before {
		if got := b.find(want.Key); got != want {
			t.Errorf("another account: %+v\nwant %+v", got, want)
		}
	}
}
