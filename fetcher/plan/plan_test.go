package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

type listed []pop3.Entry

func (l listed) Len() int            { return len(l) }
func (l listed) At(i int) pop3.Entry { return l[i] }

func list(spec ...string) listed {
	var l listed
	for _, s := range spec {
		var e pop3.Entry
		var uid string
		fmt.Sscanf(s, "%d %d %s", &e.Num, &e.Size, &uid)
		e.UID, e.HasUID = uid, uid != ""
		l = append(l, e)
	}
	return l
}

const day = 24 * 3600

var planNow = time.Unix(1_800_000_000, 0)

func stored(uid string, dup int, state uidl.State, size int64, more ...func(*uidl.Row)) uidl.Row {
	r := uidl.Row{Key: uidl.Key{UID: uid, Dup: dup}, State: state, Size: size, FirstSeen: planNow.Unix() - 40*day}
	if state == uidl.Delivered || state == uidl.DeleteSent {
		r.Have = uidl.PlaceOf(0)
	}
	for _, f := range more {
		f(&r)
	}
	return r
}

func tableOf(list ...uidl.Row) *Rows {
	slices.SortFunc(list, func(a, b uidl.Row) int {
		if c := strings.Compare(a.UID, b.UID); c != 0 {
			return c
		}
		return a.Dup - b.Dup
	})
	r := &Rows{}
	for _, row := range list {
		r.Add(row)
	}
	return r
}

// describe turns a plan into words, so that a table reads like the plan.
func describe(p *Plan) string {
	var out []string
	for _, f := range p.Fetch {
		s := fmt.Sprintf("fetch %d", f.Num)
		if f.Key.Dup > 0 {
			s += fmt.Sprintf("/dup%d", f.Key.Dup)
		}
		if f.Owed {
			s += "/owed"
		}
		out = append(out, s)
	}
	for _, k := range p.Due {
		s := fmt.Sprintf("due %d", k.Num)
		if k.Shared {
			s += fmt.Sprintf("/shared%d", k.Copies)
		}
		out = append(out, s)
	}
	for _, k := range p.Question {
		out = append(out, fmt.Sprintf("question %d", k.Num))
	}
	for _, k := range stepsOf(&p.Twins) {
		out = append(out, fmt.Sprintf("twin %d", k.Num))
	}
	for _, k := range p.GoneKeys() {
		out = append(out, "gone "+k.UID)
	}
	for _, f := range p.Skipped {
		out = append(out, fmt.Sprintf("skip %d", f.Num))
	}
	for _, c := range []struct {
		name string
		n    int
	}{{"kept", p.Kept}, {"parked", p.Parked}, {"pending", p.Pending}, {"held", p.Back.Len()}, {"withheld", len(p.Withheld)}} {
		if c.n > 0 {
			out = append(out, fmt.Sprintf("%s=%d", c.name, c.n))
		}
	}
	if p.Purge {
		out = append(out, "purge")
	}
	return strings.Join(out, " ")
}

func TestPlan(t *testing.T) {
	gone := func(days int64) func(*uidl.Row) {
		return func(r *uidl.Row) { r.GoneAt, r.GoneListing = planNow.Unix()-days*day, 5 }
	}
	failed := func(n int) func(*uidl.Row) { return func(r *uidl.Row) { r.Attempts = n } }
	next := func(at int64) func(*uidl.Row) { return func(r *uidl.Row) { r.NextTry = planNow.Unix() + at } }
	seen := func(days int64) func(*uidl.Row) {
		return func(r *uidl.Row) { r.FirstSeen = planNow.Unix() - days*day }
	}
	has := func(f uidl.Facts) func(*uidl.Row) { return func(r *uidl.Row) { r.Facts = f } }
	month := Policy{Delete: DeleteAfterAge, Age: 30 * day * time.Second}
	yesterday := planNow.Unix() - day
	always := Policy{Delete: DeleteAfterDelivery}
	for _, tt := range []struct {
		name    string
		listing listed
		rows    *Rows
		in      Input
		partial bool
		want    string
	}{
		{name: "empty", want: ""},
		{name: "all new, by number", listing: list("2 10 a", "1 10 b"), want: "fetch 1 fetch 2"},
		{name: "kept", listing: list("1 10 a"), rows: tableOf(stored("a", 0, uidl.Delivered, 10)), want: "kept=1"},
		{name: "due at once", listing: list("1 10 a"), rows: tableOf(stored("a", 0, uidl.Delivered, 10)),
			in: Input{Policy: always}, want: "due 1"},
		{name: "never delete on this login", listing: list("1 10 a"), rows: tableOf(stored("a", 0, uidl.Delivered, 10)),
			in: Input{Policy: always, NeverDelete: true}, want: "kept=1"},
		{name: "still listed after DELE, policy is keep by now", listing: list("1 10 a"),
			rows: tableOf(stored("a", 0, uidl.DeleteSent, 10)), want: "question 1"},
		{name: "old enough today, but not yesterday", listing: list("1 10 a"),
			rows: tableOf(stored("a", 0, uidl.Delivered, 10, seen(30))), in: Input{Policy: month, Aged: yesterday}, want: "kept=1"},
		{name: "old enough yesterday", listing: list("1 10 a"),
			rows: tableOf(stored("a", 0, uidl.Delivered, 10, seen(31))), in: Input{Policy: month, Aged: yesterday}, want: "due 1"},
		{name: "old enough by a clock that jumped", listing: list("1 10 a"),
			rows: tableOf(stored("a", 0, uidl.Delivered, 10, seen(40))), in: Input{Policy: month, Aged: planNow.Unix() - 40*day}, want: "kept=1"},
		{name: "its age is not known", listing: list("1 10 a"),
			rows: tableOf(stored("a", 0, uidl.Delivered, 10, func(r *uidl.Row) { r.FirstSeen = uidl.Unstamped })),
			in:   Input{Policy: month, Aged: yesterday}, want: "kept=1"},
		{name: "due, but marked as seen", listing: list("1 10 a"), rows: tableOf(stored("a", 0, uidl.Delivered, 10, has(uidl.Facts{Have: uidl.Seen}))),
			in: Input{Policy: always}, want: "kept=1 withheld=1"},
		{name: "due, but nobody saw it there", listing: list("1 10 a"),
			rows: tableOf(stored("a", 0, uidl.Delivered, 10, has(uidl.Facts{Have: uidl.PlaceOf(0) | uidl.Unsure}))),
			in:   Input{Policy: always}, want: "kept=1 withheld=1"},
		{name: "a destination lacks it", listing: list("1 10 a"), rows: tableOf(stored("a", 0, uidl.Delivered, 10, has(uidl.Facts{Have: uidl.PlaceOf(5)}))),
			in: Input{Policy: always}, want: "fetch 1/owed"},
		{name: "held back", listing: list("1 10 a"), rows: tableOf(stored("a", 0, uidl.Held, 10)), want: "held=1"},
		{name: "no place has it, whatever its state says", listing: list("1 10 a"), rows: tableOf(stored("a", 0, uidl.Wanted, 10, has(uidl.Facts{Generation: 7}))), want: "fetch 1"},
		{name: "not noted as delivered, and nothing is lacking any more", listing: list("1 10 a"),
			rows: tableOf(stored("a", 0, uidl.Wanted, 10, has(uidl.Facts{Have: uidl.PlaceOf(0)}))), want: "kept=1"},
		{name: "shared and kept", listing: list("1 10 a", "2 10 a"),
			rows: tableOf(stored("a", 0, uidl.Delivered, 10), stored("a", 1, uidl.Delivered, 10)), want: "twin 1 twin 2"},
		{name: "size changed", listing: list("1 11 a"), rows: tableOf(stored("a", 0, uidl.Delivered, 10)), want: "question 1"},
		{name: "size unknown on either side", listing: list("1 0 a", "2 5 b"),
			rows: tableOf(stored("a", 0, uidl.Delivered, 10), stored("b", 0, uidl.Delivered, 0)), want: "kept=2"},
		{name: "returned", listing: list("1 10 a"), rows: tableOf(stored("a", 0, uidl.Delivered, 10, gone(1))),
			in: Input{Policy: always}, want: "question 1"},
		{name: "returned, and kept", listing: list("1 10 a"), rows: tableOf(stored("a", 0, uidl.Delivered, 10, gone(1))), want: "question 1"},
		{name: "in another mailbox", listing: list("1 10 a"), rows: tableOf(stored("a", 0, uidl.Delivered, 10)),
			in: Input{Elsewhere: true}, want: "question 1"},
		{name: "returned, never delivered", listing: list("1 10 a"), rows: tableOf(stored("a", 0, uidl.Wanted, 10, gone(1))), want: "fetch 1"},
		{name: "vanished", listing: list("1 10 b"), rows: tableOf(stored("a", 0, uidl.Delivered, 10), stored("c", 0, uidl.Wanted, 10)),
			want: "fetch 1 gone a gone c"},
		{name: "partial listing forgets nothing", listing: list("1 10 b"), rows: tableOf(stored("a", 0, uidl.Delivered, 10)),
			partial: true, want: "fetch 1"},
		{name: "tombstone stays", rows: tableOf(stored("a", 0, uidl.Delivered, 10, gone(89))), want: ""},
		{name: "tombstone old", rows: tableOf(stored("a", 0, uidl.Delivered, 10, gone(90))), want: "purge"},
		{name: "failed ones last, fewest failures first", listing: list("1 1 a", "2 1 b", "3 1 c", "4 1 d"),
			rows: tableOf(stored("a", 0, uidl.Wanted, 1, failed(2)), stored("b", 0, uidl.Wanted, 1, failed(1)),
				stored("c", 0, uidl.Parked, 1, failed(3), next(0))),
			want: "fetch 4 fetch 2 fetch 1 fetch 3"},
		{name: "parked", listing: list("1 1 a"), rows: tableOf(stored("a", 0, uidl.Parked, 1, failed(3), next(1))), want: "parked=1"},
		{name: "too large", listing: list("1 100 a", "2 101 b"), in: Input{Policy: Policy{MaxSize: 100}}, want: "fetch 1 skip 2"},
		{name: "limit was raised", listing: list("1 101 a"), rows: tableOf(stored("a", 0, uidl.Skipped, 101)), want: "fetch 1"},
		{name: "no unique-id", listing: list("1 10", "2 10 a"), want: "fetch 2 skip 1"},
		{name: "equal unique-ids", listing: list("1 10 a", "2 10 a", "3 10 b"), want: "fetch 1 fetch 2/dup1 fetch 3"},
		{name: "equal unique-ids, one known", listing: list("1 10 a", "2 10 a"),
			rows: tableOf(stored("a", 0, uidl.Delivered, 10)), in: Input{Policy: always}, want: "fetch 2/dup1 twin 1"},
		{name: "once shared, one copy left", listing: list("1 10 a"),
			rows: tableOf(stored("a", 0, uidl.Delivered, 10), stored("a", 1, uidl.Delivered, 10, gone(1))),
			in:   Input{Policy: always}, want: "twin 1"},
		{name: "not shared", listing: list("1 10 a", "2 10 b"),
			rows: tableOf(stored("a", 0, uidl.Delivered, 10), stored("b", 0, uidl.Delivered, 10)),
			in:   Input{Policy: always}, want: "due 1 due 2"},
		{name: "open deliveries", listing: list("1 10 a", "2 10 b"),
			rows: tableOf(stored("a", 0, uidl.Wanted, 10), stored("b", 0, uidl.Wanted, 10)),
			in:   Input{Open: map[uidl.Key]*facts.OpenState{{UID: "a"}: {N: 1}, {UID: "b"}: {N: 1, Busy: uidl.PlaceOf(0)}}}, want: "fetch 1/owed pending=1"},
		{name: "open for a destination that is gone", listing: list("1 10 a", "2 10 b"),
			rows: tableOf(stored("a", 0, uidl.Wanted, 10), stored("b", 0, uidl.Wanted, 10, has(uidl.Facts{Have: uidl.PlaceOf(0)}))),
			in:   Input{Open: map[uidl.Key]*facts.OpenState{{UID: "a"}: {N: 1}, {UID: "b"}: {N: 1}}}, want: "fetch 1/owed pending=1"},
		{name: "parked until a clock that was ten years ahead", listing: list("1 1 a"),
			rows: tableOf(stored("a", 0, uidl.Parked, 1, failed(3), next(3650*day))), want: "fetch 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := tt.in
			in.Listing, in.Order, in.Rows = tt.listing, SortedByUID(tt.listing), tt.rows
			in.Complete = !tt.partial
			if in.Rows == nil {
				in.Rows = &Rows{}
			}
			in.fill()
			if got := describe(Make(in)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Every listed message is in exactly one place of the plan.
func FuzzPlan(f *testing.F) {
	f.Fuzz(func(t *testing.T, uids, known []byte, mode uint8) {
		if len(uids) > 200 || len(known) > 200 {
			return
		}
		var l listed
		for i, u := range uids {
			e := pop3.Entry{Num: i + 1, Size: int64(u % 5), UID: string('a' + u%16), HasUID: u%17 != 0}
			l = append(l, e)
		}
		states := []uidl.State{uidl.Wanted, uidl.Delivered, uidl.DeleteSent, uidl.Parked, uidl.Skipped, uidl.Held}
		have := map[uidl.Key]uidl.Row{}
		for i, k := range known {
			row := uidl.Row{Key: uidl.Key{UID: string('a' + k%16), Dup: int(k>>4) % 3}, State: states[(int(k)+i)%6], Size: int64(k % 5),
				Attempts: i % 4, NextTry: int64(i%2) * (planNow.Unix() + 100), Facts: uidl.Facts{Have: uidl.Places(k) << (i % 4)}}
			if i%3 == 0 {
				row.GoneAt = planNow.Unix() - 100
			}
			have[row.Key] = row
		}
		var list []uidl.Row
		for _, r := range have {
			list = append(list, r)
		}
		in := Input{Listing: l, Order: SortedByUID(l), Rows: tableOf(list...), Complete: mode&1 == 0,
			Policy: Policy{Delete: Delete(mode % 3), MaxSize: int64(mode % 4)}}
		in.fill()
		p := Make(in)
		in.Open = map[uidl.Key]*facts.OpenState{{UID: "of no message"}: {N: 1}} // no short cut
		if long := Make(in); p.Kept != long.Kept || len(p.Fetch) != len(long.Fetch) || len(p.Question) != len(long.Question) {
			t.Fatalf("the short cut makes a difference: kept %d and %d", p.Kept, long.Kept)
		}
		seen := map[int]int{}
		for _, s := range p.Fetch {
			seen[s.Num]++
		}
		for _, s := range p.Skipped {
			seen[s.Num]++
		}
		for _, k := range stepsOf(&p.Back) {
			seen[k.Num]++
		}
		for _, k := range slices.Concat(p.Due, p.Question, stepsOf(&p.Twins)) {
			seen[k.Num]++
			noted := slices.ContainsFunc(p.Whole, func(w KnownStep) bool { return w.Key == k.Key }) // as delivered, before anything is done
			if r := have[k.Key]; r.State != uidl.Delivered && r.State != uidl.DeleteSent && !noted {
				t.Fatalf("%v is %d, not delivered, but up for deletion or question", k.Key, r.State)
			}
		}
		for num, n := range seen {
			if n != 1 {
				t.Fatalf("message %d stands %d times in the plan", num, n)
			}
		}
		if total := len(seen) + p.Kept + p.Parked + p.Pending; total != len(l) {
			t.Fatalf("%d of %d messages are in the plan", total, len(l))
		}
	})
}

// A million messages, all of them known but ten: what a pass over a large kept mailbox decides.
func BenchmarkPlanMillion(b *testing.B) {
	const n = 1_000_000
	l, known := make(listed, n), &Rows{}
	for i := range l {
		uid := fmt.Sprintf("%08x5f3c9a11", i)
		l[i] = pop3.Entry{Num: i + 1, Size: 4000, UID: uid, HasUID: true}
		if i < n-10 {
			known.Add(stored(uid, 0, uidl.Delivered, 4000))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		in := Input{Listing: l, Order: SortedByUID(l), Complete: true, Rows: known}
		in.fill()
		p := Make(in)
		if len(p.Fetch) != 10 || p.Kept != n-10 {
			b.Fatal(len(p.Fetch), p.Kept)
		}
	}
}

// Rows and their UIDs lie in chunks; what lies at their edges is found like all else, and refusing memory ends the reading.
func TestRowsInChunks(t *testing.T) {
	r := &Rows{}
	uid := func(i int) string { return fmt.Sprintf("%07d", i) + strings.Repeat("u", i%500) }
	const n = 3*rowChunk + 5
	for i := range n {
		r.Add(uidl.Row{Key: uidl.Key{UID: uid(i), Dup: i % 3}, Size: int64(i)})
	}
	if r.Len() != n || len(r.uids) < 3 || r.Memory() < n*32+n*250 {
		t.Fatal(r.Len(), len(r.uids), r.Memory())
	}
	for i := range n {
		if row := r.Row(i); row.UID != uid(i) || row.Dup != i%3 || row.Size != int64(i) {
			t.Fatalf("%d: %+v", i, row)
		}
		if at, ok := r.Find(uidl.Key{UID: uid(i), Dup: i % 3}); !ok || at != i {
			t.Fatal(i, at, ok)
		}
	}
}

// Of many that are due, a plan holds as many as a session deals with, those that come first, and counts the rest; what the
// server was told to delete in this pass is not among them.
func TestPlanOfManyDue(t *testing.T) {
	var l listed
	known := &Rows{}
	deleted := map[uidl.Key]bool{}
	for i := range 100 {
		uid := fmt.Sprintf("%03d", i)
		l = append(l, pop3.Entry{Num: 100 - i, Size: 1, UID: uid, HasUID: true})
		known.Add(stored(uid, 0, uidl.Delivered, 1))
		if 100-i <= 20 {
			deleted[uidl.Key{UID: uid}] = true
		}
	}
	in := Input{Listing: l, Order: SortedByUID(l), Complete: true, Rows: known, Policy: Policy{Delete: DeleteAfterDelivery}, Most: 7, Deleted: deleted}
	in.fill()
	p := Make(in)
	if len(p.Due) < 7 || len(p.Due) >= 14 || len(p.Due)+p.Later != 80 || p.Asked != 20 || p.Kept != 20 {
		t.Fatalf("%d due, %d later, %d asked, %d kept", len(p.Due), p.Later, p.Asked, p.Kept)
	}
	for i, k := range p.Due[:7] {
		if k.Num != 21+i {
			t.Errorf("number %d comes as the %dth", k.Num, i+1)
		}
	}
	if p.DueLater.Len() != 0 {
		t.Error("those that come later are in the plan, although nobody asked for them")
	}
	in.ShowLater = true
	p = Make(in)
	nums := map[int]bool{}
	for i := range p.DueLater.Len() {
		k := p.DueLater.At(i)
		if nums[k.Num] = true; k.Num < 21+7 || k.Then != Remove || k.Reason != reasonDue || k.Row.Key != k.Key {
			t.Errorf("later: %+v", k)
		}
	}
	if len(nums) != p.Later || len(p.Due)+len(nums) != 80 {
		t.Errorf("%d due, and %d of %d later", len(p.Due), len(nums), p.Later)
	}
}

// fill gives an input what every pass has: one required destination, and now.
func (in *Input) fill() {
	in.Now, in.Confirmed = planNow, planNow.Unix()
	in.Set = facts.NewSet([]uidl.Destination{{Role: uidl.Required}}, 0)
	in.Waits = func(until int64) bool { return until > planNow.Unix() && until <= planNow.Add(25*time.Hour).Unix() }
}

func stepsOf(k *KnownSteps) (all []KnownStep) {
	for i := range k.Len() {
		all = append(all, k.At(i))
	}
	return all
}
