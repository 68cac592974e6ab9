package uidltest

import (
	"reflect"
	"testing"

	"github.com/popsync/popsync/uidl"
)

// The four ends of a delivery, with and without a row of it.
func testSettleFacts(t *testing.T, b *bench) {
	b.open()
	had := message("c")
	had.Facts = uidl.Facts{Have: uidl.PlaceOf(5) | uidl.Legacy, Waived: uidl.PlaceOf(6), Generation: 2}
	b.commit(uidl.Change{At: now, Destinations: places("d", "e", "f"), Put: append(messages("a", "b"), had),
		Stage: []uidl.Delivery{publishing("a", "d"), publishing("a", "e"), publishing("a", "f"), publishing("b", "d")}})
	b.commit(uidl.Change{At: now, Settle: []uidl.Settled{
		{Key: key("a"), Destination: "d", As: uidl.Had},
		{Key: key("a"), Destination: "e", As: uidl.Waive},
		{Key: key("b"), Destination: "d", As: uidl.Inferred},
		{Key: key("b"), Destination: "f", As: uidl.Waive},
		{Key: key("c"), Destination: "e", As: uidl.Had}, // no row of it: fetched without, recognised
		{Key: key("c"), Destination: "d", As: uidl.Waive},
	}})
	facts := func(uid string, have, waived uidl.Places, generation int64) {
		t.Helper()
		want := message(uid)
		want.Facts = uidl.Facts{Have: have, Waived: waived, Generation: generation}
		if got := b.find(key(uid)); got != want {
			t.Errorf("%s: %+v\nwant %+v", uid, got, want)
		}
	}
	for range 2 {
		facts("a", uidl.PlaceOf(0), uidl.PlaceOf(1), 0)
		facts("b", uidl.PlaceOf(0)|uidl.Unsure, uidl.PlaceOf(2), 0)
		facts("c", uidl.PlaceOf(5)|uidl.Legacy|uidl.PlaceOf(1), uidl.PlaceOf(6)|uidl.PlaceOf(0), 2)
		if p := b.pending(); len(p) != 1 || p[0].Destination != "f" || p[0].Message != b.find(key("a")).Facts {
			t.Errorf("Pending: %+v, want that of a for f, with the facts of a", p)
		}
		b.reopen()
	}
	b.commit(uidl.Change{At: now, Settle: []uidl.Settled{{Key: key("a"), Destination: "f"}}})
	facts("a", uidl.PlaceOf(0), uidl.PlaceOf(1), 0)
	if p := b.pending(); len(p) != 0 {
		t.Errorf("Pending: %+v", p)
	}
}

func testSettleState(t *testing.T, b *bench) {
	b.open()
	m := wholeMessage()
	b.commit(uidl.Change{At: now, Destinations: places("d", "e"), Put: []uidl.Message{m}})
	settle := func(s uidl.Settled) {
		t.Helper()
		s.Key = m.Key
		b.commit(uidl.Change{At: now, Settle: []uidl.Settled{s}})
		if got := b.find(m.Key); got != m {
			t.Errorf("after %+v: %+v\nwant %+v", s, got, m)
		}
	}
	m.State, m.Attempts, m.NextTry, m.Reason = uidl.Delivered, 0, 0, ""
	settle(uidl.Settled{Destination: "d", As: uidl.Had, State: uidl.Delivered}) // d is ordinal 0, which it had
	m.State, m.NextTry, m.Reason, m.Waived = uidl.Parked, 9, "r", m.Waived|uidl.PlaceOf(1)
	settle(uidl.Settled{Destination: "e", As: uidl.Waive, State: uidl.Parked, NextTry: 9, Reason: "r"})
	m.NextTry, m.Have = 10, m.Have|uidl.PlaceOf(1)|uidl.Unsure
	settle(uidl.Settled{Destination: "e", As: uidl.Inferred, State: uidl.Parked, NextTry: 10, Reason: "r"})
	m.State, m.NextTry, m.Reason = uidl.Wanted, 0, ""
	settle(uidl.Settled{Destination: "e", State: uidl.Wanted})
	settle(uidl.Settled{Destination: "nobody", State: uidl.Wanted})
}

// Put is of another message, Renew of the same, and Mark looks at neither.
func testRenew(t *testing.T, b *bench) {
	b.open()
	stale := wholeMessage()
	b.commit(uidl.Change{At: now, Destinations: places("d", "e"), Put: []uidl.Message{stale}})
	b.commit(uidl.Change{At: now, Settle: []uidl.Settled{{Key: stale.Key, Destination: "e", As: uidl.Had}}}) // meanwhile
	want := stale
	want.Have |= uidl.PlaceOf(1)
	want.State, want.Size, want.FirstSeen, want.GoneAt, want.GoneListing = uidl.Delivered, 70, 71, 0, 0
	want.Attempts, want.NextTry, want.Reason, want.Octets, want.SHA256, want.Fingerprint = 0, 0, "", 72, [32]byte{1}, uidl.Fingerprint{2}
	renewed := want
	renewed.Facts = uidl.Facts{Have: uidl.Seen, Generation: 99}
	fresh := wholeMessage()
	fresh.UID = "fresh"
	b.commit(uidl.Change{At: now, Renew: []uidl.Message{renewed, fresh}})
	if got := b.find(stale.Key); got != want {
		t.Errorf("Renew: %+v\nwant %+v (facts stay)", got, want)
	}
	if got := b.find(fresh.Key); got != fresh {
		t.Errorf("Renew of an unknown one: %+v\nwant %+v", got, fresh)
	}
	b.commit(uidl.Change{At: now, Mark: []uidl.Mark{{Key: stale.Key, State: uidl.Parked, Reason: "r"}}})
	if got := b.find(stale.Key); got.Facts != want.Facts {
		t.Errorf("Mark made %+v of %+v", got.Facts, want.Facts)
	}
	b.commit(uidl.Change{At: now, Put: []uidl.Message{renewed}})
	if got := b.find(stale.Key); got != renewed {
		t.Errorf("Put: %+v\nwant %+v (the facts of another message)", got, renewed)
	}
	plain := message("whole")
	plain.Dup = 3
	b.commit(uidl.Change{At: now, Put: []uidl.Message{plain}})
	if got := b.find(stale.Key); got != plain {
		t.Errorf("Put: %+v\nwant %+v (nothing of the one before)", got, plain)
	}
}

func testVouchRelease(t *testing.T, b *bench) {
	b.open()
	other, err := b.ledger.Acquire(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	held, unsure, skipped := wholeMessage(), message("u"), message("s")
	held.State, unsure.Have, skipped.State = uidl.Held, uidl.Unsure|uidl.Legacy, uidl.Skipped
	all := []uidl.Message{held, unsure, skipped}
	b.commit(uidl.Change{At: now, Put: all})
	if err := other.Commit(t.Context(), uidl.Change{At: now, Put: all}); err != nil {
		t.Fatal(err)
	}
	b.commit(uidl.Change{At: now, Vouch: true})
	unsure.Have = uidl.Legacy
	check := func(want ...uidl.Message) {
		t.Helper()
		for _, m := range want {
			if got := b.find(m.Key); got != m {
				t.Errorf("%+v\nwant %+v", got, m)
			}
		}
	}
	check(held, unsure, skipped)
	b.commit(uidl.Change{At: now, Release: true})
	held.State, held.Attempts, held.NextTry, held.Reason = uidl.Wanted, 0, 0, ""
	check(held, unsure, skipped)
	b.a.Close()
	b.a = other
	check(all...)
}

func testMove(t *testing.T, b *bench) {
	b.open()
	m := wholeMessage()
	d := publishing("whole", "d")
	d.Dup = 3
	b.commit(uidl.Change{At: now, Destinations: places("d", "e"), Put: append(messages("a", "b"), m), Stage: []uidl.Delivery{
		d, publishing("a", "d"), publishing("a", "e")}})
	to := uidl.Key{UID: "\x00elsewhere", Dup: 1}
	b.commit(uidl.Change{At: now, Move: []uidl.Moved{{From: m.Key, To: to}, {From: key("a"), To: key("c")}, {From: key("b"), To: key("a")}}})
	m.Key = to
	for range 2 {
		if got := b.find(to); got != m {
			t.Errorf("moved: %+v\nwant %+v", got, m)
		}
		var got []string
		for _, d := range b.pending() {
			got = append(got, d.UID+" "+d.Ticket)
		}
		if want := []string{"\x00elsewhere t-d", "c t-d", "c t-e"}; !reflect.DeepEqual(got, want) || len(b.rows()) != 3 {
			t.Errorf("Pending: %q, want %q; %d rows", got, want, len(b.rows()))
		}
		b.reopen()
	}
	if err := b.a.Commit(t.Context(), uidl.Change{At: now, Move: []uidl.Moved{{From: key("a"), To: key("c")}}}); err == nil {
		t.Error("moved over a row that is there")
	}
	b.commit(uidl.Change{At: now, Settle: []uidl.Settled{{Key: to, Destination: "d", As: uidl.Had}}})
}

func testGeneration(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now, Generation: 4})
	b.commit(uidl.Change{At: now, Put: messages("a")}) // 0 leaves it
	for range 2 {
		if g := b.a.Info().Generation; g != 4 || b.summary().Generation != 4 {
			t.Errorf("generation %d, want 4", g)
		}
		b.reopen()
	}
}
