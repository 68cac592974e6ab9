package fetcher

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// stored is what the ledger says of each message: its state, where it is, and where it goes without, by the names of now.
func (r *rig) stored() string {
	r.t.Helper()
	p := r.holding()
	defer p.desk.Settler.L.Close()
	known, err := p.desk.Settler.L.Destinations(r.t.Context())
	r.must(err)
	places := func(set uidl.Places) string {
		var all []string
		for _, d := range known {
			if set.Has(uidl.PlaceOf(d.Ordinal)) {
				all = append(all, d.Name)
			}
		}
		if set.Has(uidl.Unsure) {
			all = append(all, "unsure")
		}
		return strings.Join(all, "+")
	}
	var all []string
	for row, err := range p.desk.Settler.L.Messages(r.t.Context()) {
		r.must(err)
		found, err := p.desk.Settler.L.Find(r.t.Context(), []uidl.Key{row.Key})
		r.must(err)
		text := row.UID + " at " + places(row.Have)
		if m := found[0]; m.Waived != 0 {
			text += " without " + places(m.Waived)
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// What an optional destination refuses, and what the fallback takes, are decisions; where a message is is a fact. The ledger
// tells them apart for each message, and what is quarantined is deleted by its own rules, not sooner.
func TestFactsAndDecisions(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	refusing := func(name, uid string) *delivertest.Memory {
		m := delivertest.NewMemory(name)
		m.OnPublish = func(d deliver.Message) error {
			if d.UID == uid {
				return refuse(deliver.Error{Permanent: true, Vouched: true})
			}
			return nil
		}
		return m
	}
	remote, optional, fallback := refusing("remote", box[1].UID), refusing("archive", box[2].UID), delivertest.NewMemory("quarantine")
	dests := func() []settle.Destination {
		return []settle.Destination{to("remote", spooled{remote.Reopen()}), {Name: "archive", Target: spooled{optional.Reopen()}, Optional: true},
			{Name: "quarantine", Target: fallback.Reopen(), Fallback: true}}
	}
	if rep := r.run(dests()...); rep.New != 3 || rep.Deleted != 2 || rep.Quarantined != 1 {
		t.Errorf("%+v", rep)
	}
	want := "uid00000 at archive+remote, uid00001 at archive+quarantine without remote, uid00002 at remote without archive"
	if got := r.stored(); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	for day := range 8 {
		r.clock = r.clock.Add(24 * time.Hour)
		if rep := r.run(dests()...); rep.New != 0 || rep.Deleted != desk.Count(day == 6) {
			t.Errorf("day %d: %+v", day, rep)
		}
	}
	if got := r.stored(); got != want {
		t.Errorf("later: %s\nwant %s", got, want)
	}
	wantRemote(t, fallback, box[1])
}

// Two relays that are down get each other's names, or one is renamed and its name given to another, with mail staged for both:
// no spool is swept, and each gets what waits for it.
func TestRelaysSwapped(t *testing.T) {
	for name, as := range map[string][2]string{"as they were": {"x", "y"}, "swapped": {"y", "x"}, "moved on": {"y", "z"}, "both new": {"v", "w"}} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(40)
			r := newRig(t, box...)
			first, second := &relay{down: errRelayDown, arrived: map[string]int{}}, &relay{down: errRelayDown, arrived: map[string]int{}}
			r.wants("down", verdict.Temporary, 0, 0, 0, to("x", r.up("x", "one:25", first)), to("y", r.up("y", "two:25", second)))
			r.wants("renamed", verdict.Temporary, 0, 0, 0, to(as[0], r.up(as[0], "one:25", first)), to(as[1], r.up(as[1], "two:25", second)))
			first.down = nil
			r.run(to(as[0], r.up(as[0], "one:25", first)), to(as[1], r.up(as[1], "two:25", second)))
			if len(first.arrived) != 40 || len(second.arrived) != 0 {
				t.Errorf("the first got %d, the second %d", len(first.arrived), len(second.arrived))
			}
			second.down = nil
			rep := r.run(to(as[0], r.up(as[0], "one:25", first)), to(as[1], r.up(as[1], "two:25", second)))
			if rep.Verdict.Class != verdict.OK || rep.New != 40 || rep.Kept != 40 || rep.Deleted > 0 {
				t.Errorf("up: %+v", rep)
			}
			for _, m := range box {
				if first.arrived[m.UID] != 1 || second.arrived[m.UID] != 1 {
					t.Fatalf("%s arrived %d and %d times", m.UID, first.arrived[m.UID], second.arrived[m.UID])
				}
			}
			if r.retrieved() != 40 {
				t.Errorf("%d RETRs", r.retrieved())
			}
		})
	}
}

// A new message under an old unique-id inherits nothing: what a place that is configured no more had, what went without, what
// was not sure, are of the first one.
func TestNothingInherited(t *testing.T) {
	for _, policy := range []plan.Delete{plan.DeleteNever, plan.DeleteAfterDelivery} {
		t.Run(fmt.Sprint("policy ", policy), func(t *testing.T) {
			box := mailbox(2)
			r := newRig(t, box...)
			r.wants("first", verdict.OK, 2, 0, 2, to("one", r.at("one")), to("two", r.at("two")))
			p := r.holding()
			r.must(p.desk.Settler.Change(t.Context(), func(c *uidl.Change) {
				c.Settle = append(c.Settle, uidl.Settled{Key: uidl.Key{UID: box[0].UID}, Destination: "two", As: uidl.Inferred})
			}))
			p.desk.Settler.L.Close()
			if got, want := r.stored(), "uid00000 at one+two+unsure, uid00001 at one+two"; got != want {
				t.Fatalf("%s\nwant %s", got, want)
			}
			others := slices.Clone(box)
			for i := range others {
				others[i].Data = []byte(strings.ReplaceAll(string(box[i].Data), "Message-ID: <", "Message-ID: <x"))
			}
			r.acc.Policy.Delete = policy
			r.server.AddUser("u", "p", others...)
			rep := r.run(to("one", r.at("one")))
			if rep.New != 2 || rep.Deleted != 2*desk.Count(policy == plan.DeleteAfterDelivery) {
				t.Errorf("%+v", rep)
			}
			if got, want := r.stored(), "uid00000 at one, uid00001 at one"; got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
}
