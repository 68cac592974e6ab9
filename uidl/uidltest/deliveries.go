package uidltest

import (
	"errors"
	"reflect"
	"testing"

	"github.com/popsync/popsync/uidl"
)

func testDeliveries(t *testing.T, b *bench) {
	b.open()
	want := uidl.Delivery{
		Key: uidl.Key{UID: "whole", Dup: 3}, Destination: "d", State: uidl.Staged, Seq: 4, Ticket: "five",
		InDoubt: 6, Attempts: 7, NextTry: 8, Reason: "nine", At: 10,
	}
	b.commit(uidl.Change{At: now, Put: []uidl.Message{wholeMessage()}, Destinations: places("d", "other"), Stage: []uidl.Delivery{want}})
	want.Message, want.Why, want.Octets = wholeMessage().Facts, wholeMessage().Reason, wholeMessage().Octets
	for range 2 {
		if got := b.pending(); len(got) != 1 || got[0] != want {
			t.Errorf("Pending: %+v\nwant %+v", got, want)
		}
		b.reopen()
	}
	want = uidl.Delivery{Key: want.Key, Destination: "d", State: uidl.Publishing, Seq: 5, At: 11}
	b.commit(uidl.Change{At: now, Stage: []uidl.Delivery{want}})
	want.Message, want.Why, want.Octets = wholeMessage().Facts, wholeMessage().Reason, wholeMessage().Octets
	if got := b.pending(); len(got) != 1 || got[0] != want {
		t.Errorf("a second Stage must replace every field: %+v\nwant %+v", got, want)
	}
	other := publishing("whole", "other")
	other.Dup = 3
	b.commit(uidl.Change{At: now, Stage: []uidl.Delivery{other}})
	if n := b.summary().Pending; n != 2 {
		t.Errorf("Summary.Pending: %d, want 2", n)
	}
	b.commit(uidl.Change{At: now, Settle: []uidl.Settled{
		{Key: want.Key, Destination: "d"}, {Key: want.Key, Destination: "never heard of"},
		{Key: key("unknown"), Destination: "d"}, {Key: uidl.Key{UID: "whole"}, Destination: "other"},
	}})
	if got := b.pending(); len(got) != 1 || got[0].Destination != "other" {
		t.Errorf("after Settle: %+v, want that to other", got)
	}
}

// Staged rows are published in the order in which they were staged, also after a restart; a row that is staged again
// with its number keeps its place.
func testSequence(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now, Put: messages("c", "a", "b", "z"), Destinations: places("d", "e")})
	b.commit(uidl.Change{At: now, Stage: []uidl.Delivery{publishing("c", "d"), publishing("a", "d"), publishing("b", "e")}})
	b.reopen()
	b.commit(uidl.Change{At: now, Stage: []uidl.Delivery{publishing("a", "e")}})
	again := b.pending()[0]
	again.Ticket = "again"
	b.commit(uidl.Change{At: now, Stage: []uidl.Delivery{again}})
	var got []string
	last := int64(0)
	for _, d := range b.pending() {
		got = append(got, d.UID+d.Destination)
		if d.Seq <= last {
			t.Errorf("Seq %d after %d", d.Seq, last)
		}
		last = d.Seq
	}
	if want := []string{"cd", "ad", "be", "ae"}; !reflect.DeepEqual(got, want) {
		t.Errorf("Pending: %q, want %q", got, want)
	}
	high := publishing("z", "d")
	high.Seq = 1000
	b.commit(uidl.Change{At: now, Stage: []uidl.Delivery{high, publishing("z", "e")}})
	if p := b.pending(); p[len(p)-1].Seq <= 1000 {
		t.Errorf("a number below one that was given: %+v", p)
	}
}

func testStageUnknown(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now, Put: messages("a"), Destinations: places("d")})
	if err := b.a.Commit(t.Context(), uidl.Change{At: now, Stage: []uidl.Delivery{publishing("b", "d")}}); err == nil {
		t.Error("a delivery without a message was staged")
	}
}

func testSummaries(t *testing.T, b *bench) {
	b.open()
	var c uidl.Change
	for i, s := range []uidl.State{uidl.Wanted, uidl.Delivered, uidl.Delivered, uidl.DeleteSent, uidl.Parked, uidl.Skipped, uidl.Delivered} {
		m := message(string(rune('a' + i)))
		m.State = s
		c.Put = append(c.Put, m)
	}
	c.Put[6].GoneAt = now
	c.At, c.Listed, c.Status = now, true, &uidl.Status{Failures: 1, Verdict: "bad", Facts: []byte("{}")}
	c.Stage = []uidl.Delivery{publishing("a", "d"), publishing("a", "e")}
	c.Destinations = places("e", "d")
	for i, state := range []uidl.State{uidl.Held, uidl.Held, uidl.Wanted} {
		m := message(string(rune('k' + i)))
		m.State, m.Have = state, uidl.Unsure|uidl.Legacy
		if i == 1 {
			m.GoneAt = now
		}
		c.Put = append(c.Put, m)
	}
	b.commit(c)
	if s := b.summary(); s.Last != nil || s.Kept != 2 || s.Wanted != 2 || s.Parked != 1 || s.Skipped != 1 || s.Gone != 2 ||
		s.Held != 1 || s.Unsure != 2 ||
		s.Pending != 2 || !reflect.DeepEqual(s.Info, b.a.Info()) {
		t.Errorf("Summary: %+v", s)
	}
	e := uidl.Destination{Name: "e", Identity: "1 x /e", Role: uidl.Optional, Born: 1, Since: 2, Rest: uidl.Fetch}
	b.commit(uidl.Change{At: now, Destinations: []uidl.Destination{e, {Ordinal: 2, Name: "c"}}})
	known := []uidl.Destination{{Ordinal: 2, Name: "c"}, {Ordinal: 1, Name: "d", Role: uidl.Required}, e}
	if s := b.summary(); !reflect.DeepEqual(s.Destinations, known) {
		t.Errorf("Destinations without a lease: %+v, want %+v", s.Destinations, known)
	}
	for i := range int64(150) {
		// Two in a second, and a clock that goes backwards.
		b.commit(uidl.Change{At: now + i, Pass: &uidl.Pass{Started: now - i/2, Ended: now, OK: i < 100, Verdict: "v", Totals: []byte{byte('0' + i%10)}}})
	}
	want := uidl.Pass{Started: now - 74, Ended: now, Verdict: "v", Totals: []byte("9")}
	s := b.summary()
	if s.Last == nil || !reflect.DeepEqual(*s.Last, want) {
		t.Errorf("last pass: %+v, want %+v", s.Last, want)
	}
	if s.SucceededAt != now+99 {
		t.Errorf("SucceededAt %d, want %d", s.SucceededAt, now+99)
	}
	b.commit(uidl.Change{At: now + 1000, Pass: &uidl.Pass{Started: now, Ended: now, OK: true}})
	if s := b.summary(); s.Last == nil || !s.Last.OK || s.Last.Totals != nil || s.SucceededAt != now+1000 {
		t.Errorf("a pass without totals: %+v", s.Last)
	}
	for _, other := range []string{"zz", "aa"} {
		a, err := b.ledger.Acquire(t.Context(), other)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Commit(t.Context(), uidl.Change{At: now, Status: &uidl.Status{}}); err != nil {
			t.Fatal(err)
		}
		a.Close()
	}
	all, err := b.ledger.Summaries(t.Context())
	if err != nil || len(all) != 3 || all[0].Name != "aa" || all[1].Name != name || all[2].Name != "zz" || all[0].Last != nil {
		t.Errorf("Summaries by name: %+v %v", all, err)
	}
	infos, err := b.ledger.Accounts(t.Context())
	if err != nil || len(infos) != len(all) {
		t.Fatalf("Accounts: %+v %v", infos, err)
	}
	for i := range infos {
		if !reflect.DeepEqual(infos[i], all[i].Info) {
			t.Errorf("Accounts: %+v, want %+v", infos[i], all[i].Info)
		}
	}
}

func testCheck(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now, Put: messages("a"), Destinations: places("d"), Stage: []uidl.Delivery{publishing("a", "d")}})
	if err := b.ledger.Check(t.Context()); err != nil {
		t.Errorf("Check of a sound ledger: %v", err)
	}
	if err := b.ledger.Check(t.Context()); errors.Is(err, uidl.ErrCorrupt) {
		t.Error(err)
	}
}

func testWaiting(t *testing.T, b *bench) {
	b.open()
	c := uidl.Change{At: now, Put: messages("a", "b", "c", "d")}
	for i := range c.Put {
		c.Put[i].FirstSeen = now - int64(10*i)
	}
	stage := func(uid, destination, reason string, next int64) {
		d := publishing(uid, destination)
		d.State, d.Reason, d.NextTry, d.At = uidl.Staged, reason, next, now
		c.Stage = append(c.Stage, d)
	}
	stage("a", "relay", "", 0)
	stage("b", "relay", "z: it was busy", now) // failed, and to be tried at once
	stage("c", "relay", "", now+5)
	stage("d", "relay", "it is spam", now+60)
	stage("a", "fresh", "", 0)
	stage("a", "busy", "it was busy", now)
	c.Stage[3].Attempts = uidl.ParkedAfter // refused for good
	b.commit(uidl.Change{At: now, Destinations: places("relay", "fresh", "busy")})
	if w := b.summary().Waiting; w != nil {
		t.Errorf("nothing waits: %+v", w)
	}
	b.commit(c)
	want := []uidl.Waiting{
		{Destination: "busy", Deliveries: 1, PutOff: 1, Since: now, Reason: "it was busy"},
		{Destination: "fresh", Deliveries: 1, Since: now},
		{Destination: "relay", Deliveries: 4, PutOff: 1, Parked: 1, NextTry: now + 60, Since: now - 30, Reason: "it is spam"},
	}
	for range 2 {
		if w := b.summary().Waiting; !reflect.DeepEqual(w, want) {
			t.Errorf("Waiting: %+v\nwant %+v", w, want)
		}
		if s := b.summary(); s.Parked != 1 || s.PutOff != 2 {
			t.Errorf("%d parked, %d put off, want 1 and 2", s.Parked, s.PutOff)
		}
		b.reopen()
	}
	b.commit(uidl.Change{At: now, Settle: []uidl.Settled{{Key: key("d"), Destination: "relay"}, {Key: key("a"), Destination: "fresh"}}})
	want = append(want[:1], uidl.Waiting{Destination: "relay", Deliveries: 3, PutOff: 1, Since: now - 20, Reason: "z: it was busy"})
	if w := b.summary().Waiting; !reflect.DeepEqual(w, want) {
		t.Errorf("after Settle: %+v\nwant %+v", w, want)
	}
}
