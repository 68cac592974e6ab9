package plan

import (
	"slices"
	"testing"
	"time"

	"github.com/popsync/popsync/uidl"
)

// More than 65,536 messages of one unique-id are each known.
func TestManyTwins(t *testing.T) {
	r := &Rows{}
	for i := range 70_000 {
		r.Add(uidl.Row{Key: uidl.Key{UID: "x", Dup: i}, State: uidl.Delivered, Facts: uidl.Facts{Have: uidl.PlaceOf(0)}})
	}
	var l listed
	for i := range 70_000 {
		l = append(l, list("1 10 x")[0])
		l[i].Num = i + 1
	}
	in := Input{Listing: l, Order: SortedByUID(l), Complete: true, Rows: r}
	in.fill()
	if p := Make(in); len(p.Fetch) != 0 || p.Twins.Len() != 70_000 || len(p.Gone) != 0 {
		t.Errorf("%d to fetch, %d known, %d gone", len(p.Fetch), p.Twins.Len(), len(p.Gone))
	}
}

// A plan counts as lost what was delivered and left the listing of late; what the server was told to delete is no
// suspicion.
func TestLost(t *testing.T) {
	now := time.Unix(100*24*3600, 0)
	rows := &Rows{}
	for _, row := range []uidl.Row{
		{Key: uidl.Key{UID: "a"}, State: uidl.Delivered},
		{Key: uidl.Key{UID: "b"}, State: uidl.DeleteSent},
		{Key: uidl.Key{UID: "c"}, State: uidl.Parked},
		{Key: uidl.Key{UID: "d"}, State: uidl.Delivered, GoneAt: now.Unix() - Lately + 1},
		{Key: uidl.Key{UID: "e"}, State: uidl.Delivered, GoneAt: now.Unix() - Lately},
		{Key: uidl.Key{UID: "f"}, State: uidl.Delivered},
	} {
		rows.Add(row)
	}
	list := listed{{Num: 1, Size: 1, UID: "f", HasUID: true}}
	in := Input{Listing: list, Order: SortedByUID(list), Complete: true, Rows: rows}
	in.fill()
	in.Now, in.Confirmed = now, now.Unix()
	p := Make(in)
	if !slices.Equal(p.Lost, []int32{0, 1, 3}) || p.LostKept != 2 || p.LostNow != 1 {
		t.Errorf("lost %v, %d kept, %d now", p.Lost, p.LostKept, p.LostNow)
	}
	in.Complete = false
	p = Make(in)
	if !slices.Equal(p.Lost, []int32{3}) {
		t.Errorf("an incomplete listing: lost %v", p.Lost)
	}
}
