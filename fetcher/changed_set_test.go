package fetcher

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// written counts the rows of messages that an account's commits write.
type written struct {
	uidl.Ledger
	n int
}

type writtenAccount struct {
	uidl.Account
	w *written
}

func (w *written) Acquire(ctx context.Context, account string) (uidl.Account, error) {
	a, err := w.Ledger.Acquire(ctx, account)
	if err != nil {
		return nil, err
	}
	return &writtenAccount{a, w}, nil
}

func (a *writtenAccount) Commit(ctx context.Context, c uidl.Change) error {
	a.w.n += len(c.Put) + len(c.Renew) + len(c.Mark) + len(c.Gone) + len(c.Back) + len(c.Move) + len(c.Fold) + desk.Count(c.Vouch) + desk.Count(c.Release)
	return a.Account.Commit(ctx, c)
}

// A set of destinations that changes writes no row of a message, however many there are; it makes nothing wanted, and what
// is not listed any more is not looked for when a person wants the rest.
func TestChangedSetWritesNoRows(t *testing.T) {
	box := mailbox(600)
	r := newRig(t, box...)
	r.ok()
	box = box[:300]
	r.server.AddUser("u", "p", box...)
	r.ok()
	w := &written{Ledger: r.ledger}
	r.ledger = w
	one := func() settle.Destination { return to("maildir", r.maildir()) }
	two := func() settle.Destination { return to("two", r.at("two")) }
	optional := func() settle.Destination { return settle.Destination{Name: "two", Target: r.at("two"), Optional: true} }
	for i, dests := range [][]settle.Destination{{one(), two()}, {one(), optional()}, {one(), two()}, {one()}, {two()}, {two(), one()}} {
		if rep := r.run(dests...); rep.Verdict.Class != verdict.OK || rep.New != 0 || rep.Kept != 300 || w.n != 0 || r.retrieved() != 600 {
			t.Errorf("set %d: %d rows written, %d fetched: %+v", i, w.n, r.retrieved(), rep)
		}
	}
	r.backfill("two")
	if rep := r.run(one(), two()); rep.New != 300 || r.retrieved() != 900 {
		t.Errorf("the rest wanted: %d fetched: %+v", r.retrieved(), rep)
	}
	r.holds("two", 300)
	r.holds("mail", 600)
}

// The hash of a listing stands for the rows only as long as the destinations are the same.
func TestUnchangedAndChangedSet(t *testing.T) {
	for name, c := range map[string]struct {
		dests func(r *rig) []settle.Destination
		read  bool
	}{
		"the same": {func(r *rig) []settle.Destination {
			return []settle.Destination{to("one", r.at("one")), to("two", r.at("two"))}
		}, false},
		"renamed": {func(r *rig) []settle.Destination {
			return []settle.Destination{to("two", r.at("one")), to("one", r.at("two"))}
		}, false},
		"added": {func(r *rig) []settle.Destination {
			return []settle.Destination{to("one", r.at("one")), to("two", r.at("two")), to("three", r.at("three"))}
		}, true},
		"removed": {func(r *rig) []settle.Destination { return []settle.Destination{to("two", r.at("two"))} }, true},
		"replaced": {func(r *rig) []settle.Destination {
			return []settle.Destination{to("one", r.at("one")), to("two", r.at("three"))}
		}, true},
		"optional": {func(r *rig) []settle.Destination {
			return []settle.Destination{to("one", r.at("one")), {Name: "two", Target: r.at("two"), Optional: true}}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, mailbox(5)...)
			both := func() []settle.Destination {
				return []settle.Destination{to("one", r.at("one")), to("two", r.at("two"))}
			}
			r.wants("first", verdict.OK, 5, 0, 5, both()...)
			count := &reads{Ledger: r.ledger}
			r.ledger = count
			r.wants("then", verdict.OK, 0, 0, 5, c.dests(r)...)
			if read := count.n > 0; read != c.read {
				t.Errorf("rows were read: %v", read)
			}
		})
	}
}

// What a person wants for a destination that was added is fetched although the listing is that of the last pass.
func TestUnchangedAndBackfill(t *testing.T) {
	r := newRig(t, mailbox(5)...)
	both := func() []settle.Destination {
		return []settle.Destination{to("one", r.at("one")), to("two", r.at("two"))}
	}
	r.wants("first", verdict.OK, 5, 0, 5, to("one", r.at("one")))
	r.wants("added", verdict.OK, 0, 0, 5, both()...)
	r.wants("unchanged", verdict.OK, 0, 0, 5, both()...)
	r.backfill("two")
	r.wants("the rest", verdict.OK, 5, 0, 5, both()...)
	r.holds("two", 5)
}

// The ledger is lost. An archive was added a year ago and has what came since: it is not flooded with what is older, and
// policy deletes what both have and nothing else.
func TestLostLedgerYoungArchive(t *testing.T) {
	for _, remote := range []bool{false, true} {
		box := mailbox(10)
		r := newRig(t, box[:6]...)
		m := &relay{arrived: map[string]int{}}
		both := func() []settle.Destination {
			two := to("two", r.at("two"))
			if remote {
				two = to("two", r.up("two", "x:25", m))
			}
			return []settle.Destination{to("one", r.at("one")), two}
		}
		r.wants("first", verdict.OK, 6, 0, 6, to("one", r.at("one")))
		r.wants("added", verdict.OK, 0, 0, 6, both()...)
		r.server.Deliver("u", box[6:]...)
		r.run(both()...)
		r.lose()
		r.clock = r.clock.Add(24 * time.Hour)
		if rep := r.run(both()...); rep.Rebuilt != 10 || rep.New != 0 || rep.Unfetched != 0 {
			t.Errorf("remote %v: %+v", remote, rep)
		}
		r.acc.Policy.Delete = plan.DeleteAfterDelivery
		for range 2 {
			r.clock = r.clock.Add(24 * time.Hour)
			r.run(both()...)
		}
		r.holds("one", 10)
		var left []string
		for _, m := range r.server.Messages("u") {
			left = append(left, m.UID)
		}
		if remote {
			if len(m.arrived) != 4 || len(left) != 10 {
				t.Errorf("the relay got %v, and %v are left", m.arrived, left)
			}
			continue
		}
		r.holds("two", 4)
		var want []string
		for _, m := range box[:6] {
			want = append(want, m.UID)
		}
		if !slices.Equal(left, want) {
			t.Errorf("left on the server: %v", left)
		}
	}
}
