package uidl

import (
	"context"
	"fmt"
	"math"
	"testing"
)

// Messages packs rows that are as most are; whatever is in a row, it comes out as Find gives it.
func TestMessagesPacked(t *testing.T) {
	plain := Row{State: Delivered, Size: 5, FirstSeen: 1_700_000_000, Facts: Facts{Have: PlaceOf(0), Generation: 1}}
	var rows []Row
	vary := func(f func(r *Row)) {
		r := plain
		r.UID = fmt.Sprintf("u%03d", len(rows))
		f(&r)
		rows = append(rows, r)
	}
	vary(func(*Row) {})
	for _, v := range []int64{0, 1, 1<<36 - 1, 1 << 36, math.MaxInt64, -1, math.MinInt64} {
		vary(func(r *Row) { r.FirstSeen = min(max(v, 0), Unstamped) })
		vary(func(r *Row) { r.Size = v })
		vary(func(r *Row) { r.GoneAt = v })
		vary(func(r *Row) { r.NextTry = v })
		vary(func(r *Row) { r.GoneAt, r.GoneListing = 1, v })
	}
	for _, v := range []int64{0, 1, 0x1ff, 0x200, math.MaxInt64} {
		vary(func(r *Row) { r.Generation = v })
	}
	for _, v := range []Places{0, Former, Unsure, PlaceOf(7), PlaceOf(8), 0xfff, 0x1000, PlaceOf(Ordinals - 1), 1<<52 - 1} {
		vary(func(r *Row) { r.Have = v })
		vary(func(r *Row) { r.Waived = v &^ 15 })
	}
	for _, v := range []int{0, 1, 7, 8, math.MaxInt32} {
		vary(func(r *Row) { r.Dup = v })
		vary(func(r *Row) { r.Attempts = v })
	}
	for s := Wanted; s <= Held; s++ {
		vary(func(r *Row) { r.State = s })
		vary(func(r *Row) { r.State, r.Dup, r.Facts, r.FirstSeen = s, 7, Facts{0xfff, 0, 0x1ff}, 1<<36-1 })
	}
	a := openAccount(t, t.TempDir())
	c := Change{At: 1}
	var keys []Key
	for _, r := range rows {
		c.Put, keys = append(c.Put, Message{Row: r}), append(keys, r.Key)
	}
	if err := a.Commit(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	found, err := a.Find(context.Background(), keys)
	if err != nil || len(found) != len(rows) {
		t.Fatalf("%d of %d, %v", len(found), len(rows), err)
	}
	i := 0
	for got, err := range a.Messages(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if got != rows[i] || got != found[i].Row {
			t.Errorf("Messages has %+v, Find %+v, put was %+v", got, found[i].Row, rows[i])
		}
		i++
	}
	if i != len(rows) {
		t.Errorf("%d of %d rows", i, len(rows))
	}
}
