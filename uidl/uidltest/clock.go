package uidltest

import (
	"reflect"
	"testing"

	"github.com/popsync/popsync/uidl"
)

func testListings(t *testing.T, b *bench) {
	b.open()
	var want uidl.Clock
	for i, at := range []int64{now, now + 60, now + 22*3600, now + 40*day, now + 41*day, now, 100} {
		b.commit(uidl.Change{At: at, Listed: true})
		want, _ = want.Listed(at)
		if i := b.a.Info(); i.ListedAt != at || i.Clock != want {
			t.Errorf("listed at %d: %+v, want the clock %+v", at, i, want)
		}
		if n := b.a.Info().Listings; n != int64(i+1) {
			t.Errorf("%d listings, want %d", n, i+1)
		}
	}
	if !want.Loose || want.Behind == 0 {
		t.Errorf("%+v: the test does not see all of a clock", want)
	}
	before := b.a.Info()
	after := b.reopen().Info()
	before.Epoch++
	if !reflect.DeepEqual(before, after) || !reflect.DeepEqual(b.summary().Info, after) {
		t.Errorf("Info after reopening: %+v, want %+v", after, before)
	}
}

// A tombstone counts by the account's time, whatever the machine's clock says.
func testConfirmed(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now + 5, Put: messages("early"), Gone: []uidl.Key{key("early")}})
	if m := b.find(key("early")); m.GoneAt != now+5 {
		t.Errorf("gone at %d while nothing is confirmed, want %d", m.GoneAt, now+5)
	}
	b.commit(uidl.Change{At: now, Listed: true, Put: messages("a", "b")})
	const ahead = now + 3650*day
	b.commit(uidl.Change{At: ahead, Listed: true, Gone: []uidl.Key{key("a")}})
	if m := b.find(key("a")); m.GoneAt != now || m.GoneListing != 2 {
		t.Errorf("gone at %d in listing %d, want %d, 2", m.GoneAt, m.GoneListing, now)
	}
	for range 20 {
		b.commit(uidl.Change{At: ahead, Listed: true})
	}
	b.commit(uidl.Change{At: ahead, Purge: true})
	if n := len(b.rows()); n != 3 {
		t.Errorf("%d rows, want 3: a jump of the clock purged", n)
	}
	b.commit(uidl.Change{At: ahead + day, Listed: true, Purge: true})
	if n := len(b.rows()); n != 1 {
		t.Errorf("%d rows, want 1: the clock is confirmed", n)
	}
}

// What was stamped while the clock was out of the way, or not at all, gets the confirmed time by the next good listing.
func testLoose(t *testing.T, b *bench) {
	b.open()
	seen := func(uid string, at int64) uidl.Message {
		m := message(uid)
		m.FirstSeen = at
		return m
	}
	const ahead = now + 3650*day
	b.commit(uidl.Change{At: now, Listed: true, Put: []uidl.Message{seen("old", now-day), seen("now", now)}})
	b.commit(uidl.Change{At: ahead, Listed: true, Put: []uidl.Message{seen("ahead", ahead)}})
	b.commit(uidl.Change{At: 1000, Listed: true, Put: []uidl.Message{seen("behind", uidl.Unstamped)}})
	check := func(want map[string]int64) {
		t.Helper()
		for _, r := range b.rows() {
			if r.FirstSeen != want[r.UID] || b.find(r.Key).FirstSeen != r.FirstSeen {
				t.Errorf("%s: first seen at %d, want %d", r.UID, r.FirstSeen, want[r.UID])
			}
		}
	}
	b.reopen()
	check(map[string]int64{"old": now - day, "now": now, "ahead": ahead, "behind": uidl.Unstamped})
	b.commit(uidl.Change{At: now + 60, Listed: true})
	check(map[string]int64{"old": now - day, "now": now, "ahead": now + 60, "behind": now + 60})
	// Nobody counted the listing of these two: the process died before.
	b.commit(uidl.Change{At: ahead, Put: []uidl.Message{seen("ahead", ahead)}})
	b.commit(uidl.Change{At: ahead, Renew: []uidl.Message{seen("behind", uidl.Unstamped)}})
	if !b.reopen().Info().Loose {
		t.Error("rows lie ahead of the clock and nothing tells")
	}
	b.commit(uidl.Change{At: now + 90, Listed: true})
	check(map[string]int64{"old": now - day, "now": now, "ahead": now + 90, "behind": now + 90})
	if b.a.Info().Loose {
		t.Error("still loose")
	}
}
