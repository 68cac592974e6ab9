package uidltest

import (
	"reflect"
	"testing"

	"github.com/popsync/popsync/uidl"
)

func testMark(t *testing.T, b *bench) {
	b.open()
	m := wholeMessage()
	b.commit(uidl.Change{At: now, Put: []uidl.Message{m}})
	b.commit(uidl.Change{At: now, Mark: []uidl.Mark{{Key: m.Key, State: uidl.Delivered}}})
	m.State, m.Attempts, m.NextTry, m.Reason = uidl.Delivered, 0, 0, ""
	if got := b.find(m.Key); got != m {
		t.Errorf("after Mark: %+v\nwant %+v (size 0 leaves the size)", got, m)
	}
	b.commit(uidl.Change{At: now, Mark: []uidl.Mark{
		{Key: m.Key, State: uidl.Parked, Size: 77, Attempts: 2, NextTry: 5, Reason: "why"}}})
	m.State, m.Size, m.Attempts, m.NextTry, m.Reason = uidl.Parked, 77, 2, 5, "why"
	if got := b.find(m.Key); got != m {
		t.Errorf("after the second Mark: %+v\nwant %+v", got, m)
	}
	b.commit(uidl.Change{At: now, Mark: []uidl.Mark{{Key: m.Key, Size: 78}}})
	m.Size = 78
	if got := b.find(m.Key); got != m {
		t.Errorf("after a Mark of the size: %+v\nwant %+v (state 0 leaves all else)", got, m)
	}
}

func testUnknownKeys(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now, Put: messages("a")})
	for what, c := range map[string]uidl.Change{
		"Move":       {Move: []uidl.Moved{{From: key("b"), To: key("c")}}},
		"Had":        {Settle: []uidl.Settled{{Key: key("b"), Destination: "d", As: uidl.Had}}},
		"Waive":      {Settle: []uidl.Settled{{Key: key("b"), Destination: "d", As: uidl.Waive}}},
		"Settle":     {Settle: []uidl.Settled{{Key: key("b"), Destination: "d", State: uidl.Delivered}}},
		"Mark":       {Mark: []uidl.Mark{{Key: key("b"), State: uidl.Delivered}}},
		"Mark size":  {Mark: []uidl.Mark{{Key: key("b"), Size: 1}}},
		"Mark (dup)": {Mark: []uidl.Mark{{Key: uidl.Key{UID: "a", Dup: 1}, State: uidl.Delivered}}},
		"Gone":       {Gone: []uidl.Key{key("b")}},
		"Back":       {Back: []uidl.Key{key("b")}},
	} {
		c.At, c.Destinations, c.Put = now, places("d"), messages("other")
		if err := b.a.Commit(t.Context(), c); err == nil {
			t.Errorf("%s of an unknown key: no error", what)
		}
	}
	if n := len(b.rows()); n != 1 {
		t.Errorf("%d rows, want 1: a refused change was applied in part", n)
	}
	b.commit(uidl.Change{At: now, Put: messages("after")}) // refused is not in doubt
}

func testGoneBack(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now, Listed: true, Put: messages("a", "b")})
	b.commit(uidl.Change{At: now + 10, Listed: true, Gone: []uidl.Key{key("a")}})
	want := message("a")
	want.GoneAt, want.GoneListing = now+10, 2
	if got := b.find(key("a")); got != want {
		t.Errorf("gone: %+v\nwant %+v (the number counts the listing of the same change)", got, want)
	}
	b.commit(uidl.Change{At: now + 20, Listed: true, Gone: []uidl.Key{key("a")}})
	if got := b.find(key("a")); got != want {
		t.Errorf("gone twice: %+v\nwant %+v", got, want)
	}
	b.commit(uidl.Change{At: now + 30, Back: []uidl.Key{key("a")}})
	if got := b.find(key("a")); got != message("a") {
		t.Errorf("back: %+v\nwant %+v", got, message("a"))
	}
	if n := len(b.rows()); n != 2 {
		t.Errorf("%d rows, want 2: tombstones included", n)
	}
}

func testOrderOfChange(t *testing.T, b *bench) {
	b.open()
	old := message("old")
	old.State, old.Have, old.GoneAt = uidl.Held, uidl.PlaceOf(0)|uidl.Unsure, now
	b.commit(uidl.Change{At: now, Destinations: places("before"), Put: []uidl.Message{old}})
	c := uidl.Change{
		At: now, Listed: true,
		Lift: 7, Generation: 3,
		Fold:         []int{0}, // and given to another at once
		Destinations: places("d"),
		Vouch:        true,
		Release:      true,
		Move:         []uidl.Moved{{From: key("old"), To: key("moved")}},
		Put:          messages("a", "b", "old"), // another one, under the key that is free
		Renew:        messages("a"),
		Mark:         []uidl.Mark{{Key: key("a"), State: uidl.Delivered}, {Key: key("b"), State: uidl.Delivered}},
		Gone:         []uidl.Key{key("a"), key("b")},
		Back:         []uidl.Key{key("b")},
		Stage:        []uidl.Delivery{publishing("a", "d"), publishing("b", "d")},
		Settle:       []uidl.Settled{{Key: key("a"), Destination: "d", As: uidl.Had}},
		Purge:        true,
		Status:       &uidl.Status{Failures: 2},
		Pass:         &uidl.Pass{Started: now, Ended: now, OK: true},
	}
	b.commit(c)
	x, y := b.find(key("a")), b.find(key("b"))
	if x.State != uidl.Delivered || x.GoneAt != now || x.GoneListing != 1 || y.GoneAt != 0 {
		t.Errorf("not applied in the order of the fields: %+v %+v", x, y)
	}
	if p := b.pending(); len(p) != 1 || p[0].UID != "b" {
		t.Errorf("Pending: %+v, want that of b", p)
	}
	if x.Have != uidl.PlaceOf(0) || y.Have != 0 {
		t.Errorf("a has %#x, b %#x: Settle comes after Put", x.Have, y.Have)
	}
	if m := b.find(key("moved")); m.State != uidl.Wanted || m.Have != uidl.Former || m.GoneAt != now {
		t.Errorf("the old row: %+v, want it folded, vouched for, released and moved", m)
	}
	if m := b.find(key("old")); m != message("old") {
		t.Errorf("under the old key: %+v", m)
	}
	if i := b.a.Info(); i.Failures != 2 || i.SucceededAt != now || i.Listings != 1 || i.Epoch != 7 || i.Generation != 3 {
		t.Errorf("Info: %+v", i)
	}
}

func testPurge(t *testing.T, b *bench) {
	b.open()
	var c uidl.Change
	c.At = now
	for range 20 {
		b.commit(uidl.Change{At: now, Listed: true}) // 20 listings
	}
	const old = now - 90*day
	for _, m := range []struct {
		uid         string
		at, listing int64
	}{{"listed", 0, 0}, {"both", old, 10}, {"young", old + 1, 10}, {"few", old, 11}, {"held", old, 1}} {
		x := message(m.uid)
		x.GoneAt, x.GoneListing = m.at, m.listing
		c.Put = append(c.Put, x)
	}
	c.Destinations, c.Stage = places("d"), []uidl.Delivery{publishing("held", "d")}
	b.commit(c)
	b.commit(uidl.Change{At: now, Purge: true})
	var got []string
	for _, r := range b.rows() {
		got = append(got, r.UID)
	}
	if want := []string{"few", "held", "listed", "young"}; !reflect.DeepEqual(got, want) {
		t.Errorf("after Purge: %q, want %q (90 days and 10 listings, no deliveries)", got, want)
	}
	b.commit(uidl.Change{At: now + 1, Listed: true, Purge: true})
	if n := len(b.rows()); n != 2 {
		t.Errorf("after a second and a listing more: %d rows, want 2", n)
	}
}

func testStatus(t *testing.T, b *bench) {
	b.open()
	want := uidl.Status{NextTry: 1, Failures: 2, Verdict: "three", Facts: []byte(`{"four":4}`)}
	b.commit(uidl.Change{At: now, Status: &want})
	b.commit(uidl.Change{At: now, Status: &uidl.Status{NextTry: 5}})
	want = uidl.Status{NextTry: 5, Facts: want.Facts}
	for range 2 {
		if got := b.a.Info().Status; !reflect.DeepEqual(got, want) {
			t.Errorf("Status: %+v, want %+v (nil Facts keep what is stored)", got, want)
		}
		b.reopen()
	}
	b.a.Info().Facts[0] = 'X'
	if got := string(b.a.Info().Facts); got != `{"four":4}` {
		t.Errorf("the caller's copy of Facts is not its own: %s", got)
	}
}

func testEmptyChange(t *testing.T, b *bench) {
	b.open()
	before := b.a.Info()
	b.commit(uidl.Change{})
	b.commit(uidl.Change{At: now, Put: []uidl.Message{}})
	if after := b.a.Info(); !reflect.DeepEqual(before, after) {
		t.Errorf("an empty change changed %+v to %+v", before, after)
	}
}

// The last part of a change fails; nothing of the rest may be there, now or later.
func testAtomic(t *testing.T, b *bench) {
	b.open()
	b.commit(uidl.Change{At: now, Listed: true, Put: messages("a")})
	before := b.a.Info()
	err := b.a.Commit(t.Context(), uidl.Change{
		At: now + day, Listed: true,
		Lift: 9, Generation: 9,
		Destinations: places("d"),
		Put:          messages("b"),
		Mark:         []uidl.Mark{{Key: key("a"), State: uidl.Delivered}},
		Gone:         []uidl.Key{key("a")},
		Stage:        []uidl.Delivery{publishing("a", "d"), publishing("unknown", "d")},
		Status:       &uidl.Status{Failures: 9},
		Pass:         &uidl.Pass{Started: now, Ended: now, OK: true},
	})
	if err == nil {
		t.Fatal("a delivery of an unknown message was staged")
	}
	for range 2 {
		if got := b.a.Info(); !reflect.DeepEqual(got, before) {
			t.Errorf("Info: %+v, want %+v", got, before)
		}
		if got := b.find(key("a")); got != message("a") {
			t.Errorf("a was changed: %+v", got)
		}
		ds, err := b.a.Destinations(t.Context())
		if err != nil || len(ds)+len(b.pending()) != 0 || len(b.rows()) != 1 || b.summary().Last != nil {
			t.Errorf("part of a refused change is there: %v %v", ds, err)
		}
		b.reopen()
		before.Epoch++
	}
}

func testRefused(t *testing.T, b *bench) {
	b.open()
	long := string(make([]byte, 513))
	facts := func(f uidl.Facts) []uidl.Message {
		ms := messages("a")
		ms[0].Facts = f
		return ms
	}
	dest := func(d uidl.Destination) uidl.Change {
		return uidl.Change{Put: messages("a"), Destinations: []uidl.Destination{d}}
	}
	settle := func(s uidl.Settled) uidl.Change {
		s.Key = key("a")
		return uidl.Change{Put: messages("a"), Destinations: places("d"), Settle: []uidl.Settled{s}}
	}
	bad := map[string]uidl.Change{
		"no UID":           {Put: messages("")},
		"long UID":         {Put: messages(long)},
		"renew, no UID":    {Renew: messages("")},
		"negative dup":     {Put: []uidl.Message{{Row: uidl.Row{Key: uidl.Key{UID: "a", Dup: -1}, State: uidl.Wanted}}}},
		"no state":         {Put: []uidl.Message{{Row: uidl.Row{Key: key("a")}}}},
		"state 7":          {Put: []uidl.Message{{Row: uidl.Row{Key: key("a"), State: 7}}}},
		"have":             {Put: facts(uidl.Facts{Have: uidl.PlaceOf(uidl.Ordinals)})},
		"renew have":       {Renew: facts(uidl.Facts{Have: uidl.PlaceOf(uidl.Ordinals)})},
		"waived":           {Put: facts(uidl.Facts{Waived: uidl.PlaceOf(uidl.Ordinals)})},
		"waived seen":      {Put: facts(uidl.Facts{Waived: uidl.Seen})},
		"generation":       {Put: facts(uidl.Facts{Generation: -2})},
		"seen before 1970": {Put: []uidl.Message{{Row: uidl.Row{Key: key("a"), State: uidl.Wanted, FirstSeen: -1}}}},
		"seen too late":    {Renew: []uidl.Message{{Row: uidl.Row{Key: key("a"), State: uidl.Wanted, FirstSeen: uidl.Unstamped + 1}}}},
		"gone when":        {Put: []uidl.Message{{Row: uidl.Row{Key: key("a"), State: uidl.Wanted, GoneListing: 1}}}},
		"mark nothing":     {Put: messages("a"), Mark: []uidl.Mark{{Key: key("a")}}},
		"mark no state":    {Put: messages("a"), Mark: []uidl.Mark{{Key: key("a"), Size: 1, Attempts: 1}}},
		"mark no reason":   {Put: messages("a"), Mark: []uidl.Mark{{Key: key("a"), Size: 1, NextTry: 1}}},
		"mark in no state": {Put: messages("a"), Mark: []uidl.Mark{{Key: key("a"), Size: 1, Reason: "r"}}},
		"stage state":      {Put: messages("a"), Destinations: places("d"), Stage: []uidl.Delivery{{Key: key("a"), Destination: "d"}}},
		"stage where":      {Put: messages("a"), Stage: []uidl.Delivery{{Key: key("a"), State: uidl.Staged}}},
		"stage who":        {Put: messages("a"), Stage: []uidl.Delivery{publishing("a", "d")}},
		"no name":          dest(uidl.Destination{Identity: "x"}),
		"a control's name": dest(uidl.Destination{Name: "\x010"}),
		"ordinal -1":       dest(uidl.Destination{Name: "d", Ordinal: -1}),
		"ordinal 48":       dest(uidl.Destination{Name: "d", Ordinal: uidl.Ordinals}),
		"role":             dest(uidl.Destination{Name: "d", Role: uidl.WasOptional + 1}),
		"rest":             dest(uidl.Destination{Name: "d", Rest: uidl.Without + 1}),
		"one ordinal":      {Destinations: append(places("d"), places("e")...)},
		"one name":         {Destinations: places("d", "d")},
		"fold":             {Put: messages("a"), Fold: []int{uidl.Ordinals}},
		"settle as":        settle(uidl.Settled{Destination: "d", As: uidl.Waive + 1}),
		"settle state":     settle(uidl.Settled{Destination: "d", State: uidl.Held + 1}),
		"settle who":       settle(uidl.Settled{Destination: "nobody", As: uidl.Had}),
		"lift":             {Put: messages("a"), Lift: -1},
		"generation -1":    {Put: messages("a"), Generation: -1},
		"move to itself":   {Put: messages("a"), Move: []uidl.Moved{{From: key("a"), To: key("a")}}},
		"move to nothing":  {Put: messages("a"), Move: []uidl.Moved{{From: key("a")}}},
	}
	for what, c := range bad {
		if err := b.a.Commit(t.Context(), c); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if n := len(b.rows()); n != 0 {
		t.Errorf("%d rows of refused changes", n)
	}
}
