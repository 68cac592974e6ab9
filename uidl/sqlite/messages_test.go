package sqlite

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/popsync/popsync/uidl"
)

// Messages packs rows that are as most are; whatever is in a row, it comes out as Find gives it.
func TestMessagesPacked(t *testing.T) {
	plain := uidl.Row{State: uidl.Delivered, Size: 5, FirstSeen: 1_700_000_000, Facts: uidl.Facts{Have: uidl.PlaceOf(0), Generation: 1}}
	var rows []uidl.Row
	vary := func(f func(r *uidl.Row)) {
		r := plain
		r.UID = fmt.Sprintf("u%03d", len(rows))
		f(&r)
		rows = append(rows, r)
	}
	vary(func(*uidl.Row) {})
	for _, v := range []int64{0, 1, 1<<36 - 1, 1 << 36, math.MaxInt64, -1, math.MinInt64} {
		vary(func(r *uidl.Row) { r.FirstSeen = min(max(v, 0), uidl.Unstamped) })
		vary(func(r *uidl.Row) { r.Size = v })
		vary(func(r *uidl.Row) { r.GoneAt = v })
		vary(func(r *uidl.Row) { r.NextTry = v })
		vary(func(r *uidl.Row) { r.GoneAt, r.GoneListing = 1, v })
	}
	for _, v := range []int64{0, 1, 0x1ff, 0x200, math.MaxInt64} {
		vary(func(r *uidl.Row) { r.Generation = v })
	}
	for _, v := range []uidl.Places{0, uidl.Former, uidl.Unsure, uidl.PlaceOf(7), uidl.PlaceOf(8), 0xfff, 0x1000, uidl.PlaceOf(uidl.Ordinals - 1), 1<<52 - 1} {
		vary(func(r *uidl.Row) { r.Have = v })
		vary(func(r *uidl.Row) { r.Waived = v &^ 15 })
	}
	for _, v := range []int{0, 1, 7, 8, math.MaxInt32} {
		vary(func(r *uidl.Row) { r.Dup = v })
		vary(func(r *uidl.Row) { r.Attempts = v })
	}
	for s := uidl.Wanted; s <= uidl.Held; s++ {
		vary(func(r *uidl.Row) { r.State = s })
		vary(func(r *uidl.Row) {
			r.State, r.Dup, r.Facts, r.FirstSeen = s, 7, uidl.Facts{Have: 0xfff, Generation: 0x1ff}, 1<<36-1
		})
	}
	a := openAccount(t, t.TempDir())
	c := uidl.Change{At: 1}
	var keys []uidl.Key
	for _, r := range rows {
		c.Put, keys = append(c.Put, uidl.Message{Row: r}), append(keys, r.Key)
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
