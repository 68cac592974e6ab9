package fetcher

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

// daily makes passes on so many days.
func (r *rig) daily(days int, dests ...func() []settle.Destination) (deleted int) {
	r.t.Helper()
	for range days {
		r.clock = r.clock.Add(24 * time.Hour)
		var now []settle.Destination
		for _, d := range dests {
			now = d()
		}
		deleted += r.run(now...).Deleted
	}
	return deleted
}

var thirtyDays = plan.Policy{Delete: plan.DeleteAfterAge, Age: 30 * 24 * time.Hour}

// Mail with nothing but From, To and Subject is deleted elsewhere a month after it came, and other mail with the same headers
// comes: it is fetched, and its age is its own. The same mail under other unique-ids keeps its age.
func TestWeakHeadersAndAge(t *testing.T) {
	weak := func(uid, body string) pop3test.Message {
		return pop3test.Message{UID: uid, Data: []byte("From: a\r\nTo: b\r\nSubject: report\r\n\r\n" + body + "\r\n")}
	}
	for _, n := range []int{1, 12} {
		for _, other := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d, others=%v", n, other), func(t *testing.T) {
				t.Parallel()
				var first, second []pop3test.Message
				for i := range n {
					first = append(first, weak(fmt.Sprint("a", i), fmt.Sprint("report ", i)))
					m := weak(fmt.Sprint("b", i), fmt.Sprint("report ", i))
					if other {
						m = weak(m.UID, fmt.Sprint("rapport ", i))
					}
					second = append(second, m)
				}
				r := newRig(t, first...)
				r.ok()
				r.daily(40)
				r.acc.Policy = thirtyDays
				r.server.AddUser("u", "p", second...)
				rep := r.ok()
				if rep.New != n*desk.Count(other) || rep.Deleted != 0 {
					t.Errorf("%+v", rep)
				}
				if got, want := r.daily(5), n*desk.Count(!other); got != want {
					t.Errorf("%d deleted in the days after, want %d", got, want)
				}
				if got, want := r.daily(30), n*desk.Count(other); got != want {
					t.Errorf("%d deleted after a month, want %d", got, want)
				}
				if other {
					r.wantMail(slices.Concat(first, second)...)
				} else {
					r.wantMail(first...)
				}
			})
		}
	}
}

// Years of keeping into one place, which is then removed and another added; with the last edit old mail is to be deleted.
// What only the first place has stays, however old it is; what came since goes in time.
func TestOnlyFormerHasItAndAge(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box...)
	one := func() []settle.Destination { return []settle.Destination{to("one", r.at("one"))} }
	two := func() []settle.Destination { return []settle.Destination{to("two", r.at("two"))} }
	r.wants("first", verdict.OK, 5, 0, 5, one()...)
	r.daily(100, one)
	r.wants("second", verdict.OK, 0, 0, 5, two()...)
	r.server.Deliver("u", message("new", "x"))
	r.acc.Policy = thirtyDays
	if got := r.daily(60, two); got != 1 {
		t.Errorf("%d deleted, want the one that the second place has", got)
	}
	r.holds("one", 5)
	r.holds("two", 1)
	if left := len(r.server.Messages("u")); left != 5 {
		t.Errorf("%d on the server", left)
	}
}

// Mail that was marked as seen is not fetched because destinations change, or because a person wants the rest for one of
// them, and is never deleted.
func TestSeenAndChangedSet(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box...)
	if m := r.baseline(); m.Marked != 5 {
		t.Fatalf("%+v", m)
	}
	more := message("more", "x")
	r.server.Deliver("u", more)
	r.wants("first", verdict.OK, 1, 0, 6)
	r.acc.Policy = thirtyDays
	both := func() []settle.Destination {
		return []settle.Destination{to("maildir", r.maildir()), to("two", r.at("two"))}
	}
	two := func() []settle.Destination { return []settle.Destination{to("two", r.at("two"))} }
	r.wants("added", verdict.OK, 0, 0, 6, both()...)
	r.backfill("two")
	r.wants("the rest wanted", verdict.OK, 1, 0, 6, both()...)
	r.wants("the first removed", verdict.OK, 0, 0, 6, two()...)
	r.wants("and the other", verdict.OK, 0, 0, 6)
	r.backfill("maildir")
	if got := r.daily(60); got != 1 || r.retrieved() != 2 {
		t.Errorf("%d deleted, %d fetched", got, r.retrieved())
	}
	r.acc.Policy = plan.Policy{Delete: plan.DeleteAfterDelivery}
	r.wants("after delivery", verdict.OK, 0, 0, 5)
	r.wantMail(more)
}

// backfill has a destination get the rest.
func (r *rig) backfill(name string) {
	r.t.Helper()
	r.must(operator.Backfill(r.t.Context(), r.ledger, "a", name, uidl.Fetch))
}
