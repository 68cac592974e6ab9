package uidltest

import (
	"reflect"
	"testing"

	"github.com/popsync/popsync/uidl"
)

// What failed to be fetched or delivered, and nothing else, with all that is open of it.
func testStuck(t *testing.T, b *bench) {
	b.open()
	row := func(uid string, change func(*uidl.Message)) uidl.Message {
		m := message(uid)
		change(&m)
		return m
	}
	parked := row("parked", func(m *uidl.Message) { m.State, m.Attempts, m.NextTry, m.Reason = uidl.Parked, 3, now+10, "r" })
	failed := row("failed", func(m *uidl.Message) { m.Attempts = 1 })
	gone := row("gone", func(m *uidl.Message) { m.State, m.Attempts, m.GoneAt, m.GoneListing = uidl.Parked, 3, now, 1 })
	delivered := row("delivered", func(m *uidl.Message) { m.State, m.Attempts = uidl.Delivered, 1 })
	at := func(uid, to string, change func(*uidl.Delivery)) uidl.Delivery {
		d := publishing(uid, to)
		d.State = uidl.Staged
		change(&d)
		return d
	}
	quiet := func(*uidl.Delivery) {}
	b.commit(uidl.Change{At: now, Destinations: places("d", "e"),
		Put: append(messages("a", "b", "c", "e", "new"), parked, failed, gone, delivered, row("tomb", func(m *uidl.Message) { m.GoneAt, m.GoneListing = now, 1 })),
		Stage: []uidl.Delivery{
			at("a", "d", func(d *uidl.Delivery) { d.Attempts = 1 }), at("a", "e", quiet),
			at("b", "d", func(d *uidl.Delivery) { d.InDoubt = 1 }),
			at("c", "e", func(d *uidl.Delivery) { d.State, d.Reason = uidl.Owed, "down" }),
			at("e", "d", quiet),
			at("tomb", "d", func(d *uidl.Delivery) { d.Attempts = 3 }),
		}})
	for range 2 {
		all, err := b.ledger.Stuck(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range all {
			what := s.UID
			if s.Message != b.find(s.Key) {
				t.Errorf("%+v\nwant %+v", s.Message, b.find(s.Key))
			}
			for _, d := range s.Open {
				what += " " + d.Destination
			}
			if got = append(got, what); !s.Fails() {
				t.Errorf("%s does not fail", what)
			}
		}
		if want := []string{"a d e", "b d", "c e", "failed", "parked", "tomb d"}; !reflect.DeepEqual(got, want) {
			t.Errorf("%q\nwant %q", got, want)
		}
		if all[0].Open[0] != b.pending()[0] {
			t.Errorf("%+v\nwant %+v", all[0].Open[0], b.pending()[0])
		}
		if all, err := b.ledger.Stuck(t.Context(), "nobody"); all != nil || err != nil {
			t.Errorf("of an unknown account: %v, %v", all, err)
		}
		b.reopen()
	}
}

// What a person gave up is Seen and Unsure at once; vouching for what is Unsure alone leaves it as it is.
func testGivenUp(t *testing.T, b *bench) {
	b.open()
	both := uidl.Seen | uidl.Unsure
	facts := func(uid string, have uidl.Places, gone int64) uidl.Message {
		m := message(uid)
		m.State, m.Have, m.GoneAt, m.GoneListing = uidl.Delivered, have, gone, gone/now
		return m
	}
	given, left := facts("given", both|uidl.PlaceOf(0), 0), facts("left", both, now)
	seen, unsure := facts("seen", uidl.Seen, 0), facts("unsure", uidl.Unsure|uidl.PlaceOf(0), 0)
	b.commit(uidl.Change{At: now, Destinations: places("d"), Put: []uidl.Message{given, left, seen, unsure}})
	for _, wantUnsure := range []int{1, 0} {
		if s := b.summary(); s.GivenUp != 1 || s.Unsure != wantUnsure {
			t.Errorf("summary: %d given up, %d unsure, want 1 and %d", s.GivenUp, s.Unsure, wantUnsure)
		}
		all, err := b.ledger.Stuck(t.Context(), name)
		if err != nil || len(all) != 2 || all[0].Message != given || all[1].Message != left || all[0].Fails() {
			t.Errorf("Stuck: %+v, %v", all, err)
		}
		b.commit(uidl.Change{At: now, Vouch: true})
		unsure.Have = uidl.PlaceOf(0)
		for _, want := range []uidl.Message{given, left, seen, unsure} {
			if got := b.find(want.Key); got != want {
				t.Errorf("%+v\nwant %+v", got, want)
			}
		}
	}
}
