package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/uidl"
)

// The newest of a listing stay whatever else policy says, and what is large goes before its time.
func TestExceptions(t *testing.T) {
	young := func(r *uidl.Row) { r.FirstSeen = planNow.Unix() - 3600 }
	sent := func(r *uidl.Row) { r.State = uidl.DeleteSent }
	rows := []uidl.Row{stored("a", 0, uidl.Delivered, 50), stored("b", 0, uidl.Delivered, 500, young), stored("c", 0, uidl.Delivered, 50, young), stored("d", 0, uidl.Delivered, 500)}
	box := []string{"1 50 a", "2 500 b", "3 50 c", "7 500 d"}
	for _, c := range []struct {
		name   string
		policy Policy
		listed []string
		rows   []uidl.Row
		never  bool
		want   string
	}{
		{"by age", Policy{Delete: DeleteAfterAge, Age: 30 * day * time.Second}, box, rows, false, "due 1 due 7"},
		{"and the newest stay", Policy{Delete: DeleteAfterAge, Age: 30 * day * time.Second, Newest: 1}, box, rows, false, "due 1"},
		{"all of them", Policy{Delete: DeleteAfterAge, Age: 30 * day * time.Second, Newest: 4}, box, rows, false, ""},
		{"more than there are", Policy{Delete: DeleteAfterAge, Age: 30 * day * time.Second, Newest: 9}, box, rows, false, ""},
		{"after delivery", Policy{Delete: DeleteAfterDelivery, Newest: 2}, box, rows, false, "due 1 due 2"},
		{"unlisted ones do not count", Policy{Delete: DeleteAfterDelivery, Newest: 2}, box[:3], rows, false, "due 1 gone d"},
		{"large ones", Policy{Delete: DeleteAfterAge, Age: 30 * day * time.Second, Larger: 499}, box, rows, false, "due 1 due 2 due 7"},
		{"not as large", Policy{Delete: DeleteAfterAge, Age: 30 * day * time.Second, Larger: 500}, box, rows, false, "due 1 due 7"},
		{"large and new", Policy{Delete: DeleteAfterAge, Age: 90 * day * time.Second, Larger: 499, Newest: 1}, box, rows, false, "due 2"},
		{"never is never", Policy{Larger: 1}, box, rows, false, ""},
		{"nor here", Policy{Delete: DeleteAfterAge, Age: time.Second, Larger: 1}, box, rows, true, ""},
		{"listed as large now", Policy{Delete: DeleteAfterAge, Age: 90 * day * time.Second, Larger: 499}, []string{"1 600 a"}, rows[:1], false, "question 1"},
		{"told before, and one of the newest now", Policy{Delete: DeleteAfterDelivery, Newest: 1}, []string{"1 50 a"}, []uidl.Row{stored("a", 0, uidl.Delivered, 50, sent)}, false, "question 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := planOf(list(c.listed...), tableOf(slices.Clone(c.rows)...), Input{Policy: c.policy, NeverDelete: c.never, Aged: planNow.Unix() - day})
			got, _, _ := strings.Cut(describe(p), " kept=")
			if strings.HasPrefix(got, "kept=") {
				got = ""
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if p.Kept+len(p.Due)+len(p.Question) != len(c.listed) {
				t.Errorf("%d kept, %d due, %d in question, of %d", p.Kept, len(p.Due), len(p.Question), len(c.listed))
			}
		})
	}
}

// What has no unique-id is known when it is read, and is not read while it may not be deleted.
func TestNewestNameless(t *testing.T) {
	p := planOf(list("1 5", "2 5", "3 5"), tableOf(), Input{Policy: Policy{Delete: DeleteAfterDelivery, Newest: 2}})
	if len(p.Fetch) != 1 || p.Fetch[0].Num != 1 || len(p.Skipped) != 2 {
		t.Errorf("%q", describe(p))
	}
}

// What was there before the first run, and is to be left out, by how much of it is wanted, and after it was stored.
func TestFirst(t *testing.T) {
	box := list("1 5 e", "2 5 b", "3 5 b", "4 5", "6 5 a", "7 5 c")
	later := list("1 5 x", "2 5 b", "3 5 b", "4 5 y", "5 5 a", "6 5 c")
	for _, c := range []struct {
		first       First
		want, known string
	}{
		{First{Only: true}, "[1 e/0 2 b/0 3 b/1 6 a/0 7 c/0]", "[2 b/0 5 a/0 6 c/0]"},
		{First{Only: true, Last: 1}, "[1 e/0 2 b/0 3 b/1 6 a/0]", "[2 b/0 5 a/0]"},
		{First{Only: true, Last: 3}, "[1 e/0 2 b/0 3 b/1]", "[2 b/0]"},
		{First{Only: true, Last: 6}, "[]", "[]"},
		{First{Only: true, Last: 99}, "[]", "[]"},
		{First{Only: true, Age: time.Hour}, "[1 e/0 2 b/0 3 b/1 6 a/0 7 c/0]", "[2 b/0 5 a/0 6 c/0]"},
	} {
		before := BeforeOf(c.first.Before(box).Octets())
		if got := entries(before.LeftOut(box, tableOf())); got != c.want {
			t.Errorf("%+v: %s, want %s", c.first, got, c.want)
		}
		if got := entries(before.LeftOut(later, tableOf(stored("b", 1, uidl.Delivered, 5), stored("x", 0, uidl.Delivered, 5)))); got != c.known {
			t.Errorf("%+v: later %s, want %s", c.first, got, c.known)
		}
	}
	if got := BeforeOf([]byte("not of that form")).LeftOut(box, tableOf()); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

// However a listing is made, each message is met once, with the key that a plan gives it.
func TestBeforeHasTheKeysOfPlans(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var spec []string
		for i := range r.IntN(30) {
			spec = append(spec, fmt.Sprintf("%d 5 %c", i+1, 'a'+r.IntN(12)))
		}
		l := list(spec...)
		want := map[Entry]bool{}
		p := planOf(l, tableOf(), Input{})
		for _, f := range p.Fetch {
			want[f.Entry] = true
		}
		left := First{Only: true}.Before(l).LeftOut(l, tableOf())
		for _, e := range left {
			if !want[e] {
				t.Errorf("%q: %+v", spec, e)
			}
		}
		if len(left) != len(want) {
			t.Errorf("%q: %d, want %d", spec, len(left), len(want))
		}
	}
}

func planOf(l listed, rows *Rows, in Input) *Plan {
	in.Listing, in.Order, in.Rows, in.Complete = l, SortedByUID(l), rows, true
	in.fill()
	return Make(in)
}

func entries(all []Entry) string {
	out := make([]string, len(all))
	for i, e := range all {
		out[i] = fmt.Sprintf("%d %s/%d", e.Num, e.Key.UID, e.Key.Dup)
	}
	return fmt.Sprint(out)
}
