package schedule

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Against a slice that is searched: things are added, changed, moved and removed in any order.
func TestPile(t *testing.T) {
	type thing struct{ key, at int }
	p := pile[*thing]{before: func(a, b *thing) bool { return a.key < b.key }, place: func(x *thing) *int { return &x.at }}
	r := rand.New(rand.NewPCG(1, 2))
	all := make([]*thing, 40)
	for i := range all {
		all[i] = &thing{}
	}
	var in []*thing
	for range 20000 {
		x := all[r.IntN(len(all))]
		if r.IntN(2) == 0 {
			x.key = r.IntN(50)
			p.put(x)
			if !slices.Contains(in, x) {
				in = append(in, x)
			}
		} else {
			p.drop(x)
			in = slices.DeleteFunc(in, func(y *thing) bool { return x == y })
		}
		head, ok := p.head()
		if ok != (len(in) > 0) || len(p.items) != len(in) {
			t.Fatalf("%d things, want %d", len(p.items), len(in))
		}
		if ok && head.key != slices.MinFunc(in, func(a, b *thing) int { return a.key - b.key }).key {
			t.Fatalf("%d comes first", head.key)
		}
		for _, x := range all {
			if inside := slices.Contains(in, x); inside != (x.at > 0) || inside && p.items[x.at-1] != x {
				t.Fatalf("%+v doesn't know its place", x)
			}
		}
	}
}
