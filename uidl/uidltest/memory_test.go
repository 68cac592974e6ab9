package uidltest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/sqlite"
)

func TestMemory(t *testing.T) {
	for _, lazy := range []bool{false, true} {
		t.Run(fmt.Sprintf("lazy marker %v", lazy), func(t *testing.T) { testMemory(t, lazy) })
	}
}

func testMemory(t *testing.T, lazy bool) {
	places, applied := map[string]*Memory{}, false
	place := func(dir string) *Memory {
		if places[dir] == nil {
			places[dir] = NewMemory()
			places[dir].Lazy = lazy
		}
		return places[dir]
	}
	Run(t, Store{
		Open:  func(_ *testing.T, dir string) uidl.Ledger { return place(dir).Open() },
		Usurp: func(_ *testing.T, dir, account string) { place(dir).Usurp(account) },
		Doubt: func(_ *testing.T, l uidl.Ledger, commit func() error) error {
			applied = !applied
			l.(*memoryLedger).m.Doubt(applied)
			return commit()
		},
		LazyMarker: lazy,
		Save: func(_ *testing.T, dir string) func() {
			saved := place(dir).Save()
			return func() { place(dir).Restore(saved) }
		},
	})
}

// A holder whose lease was taken away may not know it yet; what it notes must not reach those after it.
func TestMemoryNoteOfFormerHolder(t *testing.T) {
	place := NewMemory()
	b := &bench{t: t, s: Store{Open: func(*testing.T, string) uidl.Ledger { return place.Open() }}}
	former := b.open()
	place.Usurp(name)
	b2 := &bench{t: t, s: b.s}
	b2.open()
	if err := former.Reading(key("a")); err != nil {
		t.Fatal(err)
	}
	if k, ok := b2.reopen().Interrupted(); ok {
		t.Errorf("Interrupted: %q, noted by a holder without a lease", k.UID)
	}
}

// Memory stands for SQLite in histories that are too many for it, so after any changes both must hold the same.
func TestMemoryIsLikeSQLite(t *testing.T) {
	dir, place := t.TempDir(), NewMemory()
	open := func(t *testing.T, dir string) uidl.Ledger {
		l, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	a := &bench{t: t, dir: dir, s: Store{Open: open}}
	b := &bench{t: t, dir: dir, s: Store{Open: func(*testing.T, string) uidl.Ledger { return place.Open() }}}
	a.open()
	b.open()
	r := rand.New(rand.NewPCG(1, 2))
	refused := 0
	var first uidl.Change
	for i := range 10 {
		first.Put = append(first.Put, uidl.Message{Row: uidl.Row{Key: uidl.Key{UID: string(rune('a' + i/2)), Dup: i % 2}, State: uidl.Wanted}})
	}
	first.Destinations = places("x", "y", "z")
	for _, b := range []*bench{a, b} {
		b.commit(first)
	}
	for i := range 400 {
		c := randomChange(r, now+int64(i)*20*day)
		errA, errB := a.a.Commit(t.Context(), c), b.a.Commit(t.Context(), c)
		if (errA == nil) != (errB == nil) {
			t.Fatalf("change %d %+v: SQLite says %v, Memory %v", i, c, errA, errB)
		}
		if errA != nil {
			refused++
		}
		if r.IntN(20) == 0 {
			k := randomKey(r)
			if err := errors.Join(a.a.Reading(k), b.a.Reading(k)); err != nil {
				t.Fatal(err)
			}
		}
		if r.IntN(10) == 0 {
			a.reopen()
			b.reopen()
		}
		if x, y := everything(a), everything(b); !reflect.DeepEqual(x, y) {
			t.Fatalf("after change %d %+v:\nSQLite %+v\nMemory %+v", i, c, x, y)
		}
	}
	if refused < 60 || refused > 200 {
		t.Errorf("%d of 400 changes were refused: this tries too little of one kind", refused)
	}
}

// everything is all that a ledger shows of the account. Tokens are random.
func everything(b *bench) []any {
	var keys []uidl.Key
	for _, r := range b.rows() {
		keys = append(keys, r.Key)
	}
	whole, err := b.a.Find(b.t.Context(), keys)
	like, err2 := b.a.Matches(b.t.Context(), []uidl.Fingerprint{{1}, {}})
	slices.SortFunc(like, func(a, b uidl.Message) int { return compareKeys(a.Key, b.Key) })
	ds, err3 := b.a.Destinations(b.t.Context())
	k, ok := b.a.Interrupted()
	n, ok2 := b.a.Noted()
	all, err4 := b.ledger.Summaries(b.t.Context())
	last, info := uidl.Pass{}, b.a.Info()
	for i := range all {
		if all[i].Last != nil {
			last, all[i].Last = *all[i].Last, nil
		}
		if all[i].Token != info.Token {
			b.t.Errorf("tokens %q, %q", all[i].Token, info.Token)
		}
		all[i].Token = ""
	}
	info.Token, n.Token = "", ""
	// (appended to, so that no difference is made between nil and empty)
	return []any{b.rows(), len(whole), append(whole, like...), append([]uidl.Delivery{}, b.pending()...),
		append([]uidl.Destination{}, ds...), len(all), append([]uidl.Summary{}, all...), last, info, k, ok, n, ok2,
		err, err2, err3, err4}
}

func randomKey(r *rand.Rand) uidl.Key {
	return uidl.Key{UID: string(rune('a' + r.IntN(5))), Dup: r.IntN(2)}
}

// randomChange is one that is mostly accepted.
func randomChange(r *rand.Rand, at int64) uidl.Change {
	some := func(n int) bool { return r.IntN(n) == 0 }
	n := func() int64 { return int64(r.IntN(3)) }
	key, dest := func() uidl.Key { return randomKey(r) }, func() string { return string(rune('x' + r.IntN(3))) }
	ordinals := func() uidl.Places { return uidl.PlaceOf(r.IntN(4)) | uidl.PlaceOf(r.IntN(48)) }
	c := uidl.Change{At: at, Listed: some(2), Purge: some(5), Vouch: some(10), Release: some(10)}
	if some(10) {
		c.At -= int64(r.IntN(400)) * day // a clock that goes where it likes
	}
	if some(10) {
		c.Lift, c.Generation = int64(r.IntN(100)), n()
	}
	for _, to := range []*[]uidl.Message{&c.Put, &c.Renew} {
		for range r.IntN(3) {
			*to = append(*to, uidl.Message{Row: uidl.Row{Key: key(), State: uidl.State(1 + r.IntN(6)), Size: n(),
				FirstSeen: []int64{n(), c.At, uidl.Unstamped}[r.IntN(3)], Attempts: int(n()), NextTry: n(),
				Facts: uidl.Facts{Have: ordinals()&uidl.Places(r.Uint64()) | uidl.Places(r.IntN(16)), Waived: ordinals() & uidl.Places(r.Uint64()), Generation: n()}},
				Octets: n(), SHA256: [32]byte{byte(n())}, Fingerprint: uidl.Fingerprint{byte(n())}, Reason: []string{"", "r"}[r.IntN(2)]})
		}
	}
	if some(8) {
		c.Fold = []int{r.IntN(4)}
	}
	if some(8) {
		c.Move = []uidl.Moved{{From: key(), To: key()}}
	}
	if some(2) {
		c.Mark = append(c.Mark, uidl.Mark{Key: key(), State: uidl.State(1 + r.IntN(6)), Size: n(), Attempts: int(n()), Reason: "m"}, uidl.Mark{Key: key(), Size: 1 + n()})
	}
	if some(2) {
		c.Listed, c.Gone = true, []uidl.Key{key()}
	}
	if some(4) {
		c.Back = []uidl.Key{key()}
	}
	for i, ordinal := range r.Perm(3)[:r.IntN(4)] {
		c.Destinations = append(c.Destinations, uidl.Destination{Ordinal: ordinal, Name: string(rune('x' + (i+int(at/day))%3)), Identity: dest(),
			Role: uidl.Role(r.IntN(5)), Born: n(), Since: n(), Rest: uidl.Rest(r.IntN(3))})
	}
	for range r.IntN(3) {
		c.Stage = append(c.Stage, uidl.Delivery{Key: key(), Destination: dest(), State: uidl.DeliveryState(1 + r.IntN(3)),
			Seq: max(0, n()-1) * int64(r.IntN(40)), Ticket: dest(), InDoubt: int(n()), At: n()})
	}
	for range r.IntN(3) {
		c.Settle = append(c.Settle, uidl.Settled{Key: key(), Destination: dest(), As: uidl.Outcome(r.IntN(4)),
			State: uidl.State(r.IntN(7)), NextTry: n(), Reason: []string{"", "s"}[r.IntN(2)]})
	}
	if some(3) {
		c.Status = &uidl.Status{NextTry: n(), Failures: int(n()), Verdict: dest(), Facts: [][]byte{nil, []byte("{}")}[r.IntN(2)]}
	}
	if some(3) {
		c.Pass = &uidl.Pass{Started: n(), Ended: n(), OK: some(2), Verdict: dest(), Totals: [][]byte{nil, []byte("{}")}[r.IntN(2)]}
	}
	return c
}
