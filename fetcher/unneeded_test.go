package fetcher

import (
	"os"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/spool"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

// spools are the folders that there are for copies.
func (r *rig) spools() (names []string) {
	entries, err := os.ReadDir(r.path("spool"))
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A destination that is down and has mail waiting is removed from the configuration. One that was not required leaves nothing
// open, and no copies; one that was required stays open until a person releases it, and each run says so.
func TestRemovedWithOpenMail(t *testing.T) {
	for name, c := range map[string]struct {
		optional bool
		policy   plan.Delete
	}{"required": {}, "not required": {optional: true}, "not required, after delivery": {true, plan.DeleteAfterDelivery}} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(3)
			r := newRig(t, box...)
			r.server.Change(func(o *pop3test.Options) { o.OnDelete = nil })
			r.acc.Spool = func(id string) (settle.Leftover, error) { return spool.OpenFolder(r.path("spool"), id) }
			gone := settle.Destination{Name: "relay", Target: r.down("relay", "x:25"), Optional: c.optional}
			r.run(to("maildir", r.maildir()), gone)
			r.acc.Policy.Delete = c.policy
			if r.deliveries() != 3 || len(r.spools()) != 1 {
				t.Fatalf("%d open, %d spools", r.deliveries(), len(r.spools()))
			}
			alone := func() report.Report { return r.run(to("maildir", r.maildir())) }
			if !c.optional {
				for range 2 {
					rep := alone()
					if rep.Verdict.Class != verdict.Config || rep.Verdict.Message != "3 deliveries are open for destination relay, which is not configured any more" ||
						!strings.Contains(rep.Verdict.Hint, "popsync check --adopt a;") || r.deliveries() != 3 {
						t.Errorf("%d open: %+v", r.deliveries(), rep)
					}
				}
				r.adopt()
			}
			rep := alone()
			if rep.Verdict.Class != verdict.OK || r.deliveries() != 0 || len(r.spools()) != 0 {
				t.Errorf("%d open, %d spools: %+v", r.deliveries(), len(r.spools()), rep)
			}
			if told := strings.Contains(strings.Join(rep.Notes, "\n"), "3 deliveries to it are dropped"); told != c.optional {
				t.Errorf("notes: %v", rep.Notes)
			}
			if rep = alone(); rep.Verdict.Class != verdict.OK || len(rep.Notes) > 0 {
				t.Errorf("once more: %+v", rep)
			}
			if left := len(r.server.Messages("u")); (left == 0) != (c.policy == plan.DeleteAfterDelivery) {
				t.Errorf("%d left on the server", left)
			}
			r.wantMail(box...)
			// It comes back, at the same address.
			back := &relay{arrived: map[string]int{}}
			r.server.Deliver("u", message("new", "x"))
			if rep := r.run(to("maildir", r.maildir()), to("relay", r.up("relay", "x:25", back))); rep.Verdict.Class != verdict.OK || len(back.arrived) != 1 {
				t.Errorf("%d arrived: %+v", len(back.arrived), rep)
			}
		})
	}
}

// What no required destination has yet is not dropped with the copies of one that is not required.
func TestRemovedWithTheOnlyCopy(t *testing.T) {
	box := mailbox(2)
	r := newRig(t, box...)
	r.acc.Spool = func(id string) (settle.Leftover, error) { return spool.OpenFolder(r.path("spool"), id) }
	r.run(to("main", r.down("main", "m:25")), settle.Destination{Name: "relay", Target: r.down("relay", "x:25"), Optional: true})
	if r.deliveries() != 4 {
		t.Fatalf("%d open", r.deliveries())
	}
	r.run(to("main", r.down("main", "m:25")))
	if r.deliveries() != 4 {
		t.Errorf("%d open", r.deliveries())
	}
	main := &relay{arrived: map[string]int{}}
	r.run(to("main", r.up("main", "m:25", main)))
	r.run(to("main", r.up("main", "m:25", main)))
	if r.deliveries() != 0 || len(main.arrived) != 2 || len(r.spools()) != 1 {
		t.Errorf("%d open, %d arrived, %d spools", r.deliveries(), len(main.arrived), len(r.spools()))
	}
}

// A destination that lacks a message becomes one that is not required: nothing is fetched for it any more, and nothing stays open.
func TestOwedNoMore(t *testing.T) {
	box := mailbox(2)
	r := newRig(t, box...)
	full := delivertest.NewMemory("full")
	full.OnCreate = func(deliver.Message) error { return refuse(deliver.Error{Scope: deliver.ThisMessage}) }
	r.run(to("maildir", r.maildir()), to("full", full))
	if r.deliveries() != 2 {
		t.Fatalf("%d open", r.deliveries())
	}
	rep := r.run(to("maildir", r.maildir()), settle.Destination{Name: "full", Target: full.Reopen(), Optional: true})
	if r.deliveries() != 0 || rep.Pending != 0 || rep.Verdict.Class != verdict.OK {
		t.Errorf("%d open: %+v", r.deliveries(), rep)
	}
	r.wantMail(box...)
}

// A destination is required no more while the last delivery to it is open, and the messages are not listed any more. They are
// delivered then, and nothing waits for it.
func TestNotRequiredAnyMore(t *testing.T) {
	r := newRig(t, mailbox(3)...)
	r.run(to("maildir", r.maildir()), to("relay", r.down("relay", "x:25")))
	r.server.AddUser("u", "p") // all of it is gone
	if rep := r.run(to("maildir", r.maildir()), settle.Destination{Name: "relay", Target: r.down("relay", "x:25"), Optional: true}); rep.New != 0 {
		t.Errorf("%+v", rep)
	}
	db := r.sql()
	defer db.Close()
	var delivered, all int
	if err := db.QueryRow(`SELECT count(*) FILTER (WHERE state = ?), count(*) FROM message`, int(uidl.Delivered)).Scan(&delivered, &all); err != nil {
		t.Fatal(err)
	}
	if delivered != 3 || all != 3 {
		t.Errorf("%d of %d messages count as delivered", delivered, all)
	}
}
