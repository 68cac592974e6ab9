package fetcher

import (
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/spool"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
)

// A relay refuses three messages for good, and the fallback cannot take them now: they wait for it. It is removed,
// or the relay is replaced too, and a person says that this is right: nobody has them, so they go to what is configured now,
// and are deleted only once they are there.
func TestFallbackReplaced(t *testing.T) {
	for name, c := range map[string]struct {
		listed bool // the server has them still
		relay  bool // it stays, and takes them now
	}{"relay replaced": {listed: true}, "relay replaced, gone from the server": {}, "relay stays": {listed: true, relay: true}} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(3)
			r := newRig(t, box...)
			r.server.Change(func(o *pop3test.Options) { o.OnDelete = nil })
			r.acc.Policy.Delete, r.acc.DeleteQuarantined = plan.DeleteAfterDelivery, true
			r.acc.Spool = func(id string) (settle.Leftover, error) { return spool.OpenFolder(r.path("spool"), id) }
			m := spooled{delivertest.NewMemory("remote")}
			m.OnPublish = func(deliver.Message) error { return refuse(deliver.Error{Permanent: true, Vouched: true}) }
			full := &relay{down: refuse(deliver.Error{Scope: deliver.ThisMessage})}
			fallback := settle.Destination{Name: "quarantine", Target: r.up("quarantine", "q:25", full), Fallback: true}
			if rep := r.run(to("remote", spooled{m.Reopen()}), fallback); rep.Quarantined != 3 || rep.Deleted != 0 || r.deliveries() != 3 {
				t.Fatalf("%d are open: %+v", r.deliveries(), rep)
			}
			m.OnPublish = nil
			if !c.listed {
				r.server.AddUser("u", "p")
			}
			now := func() settle.Destination { return to("maildir", r.maildir()) }
			if c.relay {
				now = func() settle.Destination { return to("remote", spooled{m.Reopen()}) }
			}
			if rep := r.run(now()); rep.Deleted != 0 || r.deliveries() != 3 {
				t.Errorf("before a person said so, with %d open: %+v", r.deliveries(), rep)
			}
			r.adopt()
			r.run(now())
			rep := r.run(now())
			if rep.Verdict.Class != verdict.OK || r.deliveries() != 0 {
				t.Errorf("released, with %d open: %+v", r.deliveries(), rep)
			}
			if left := len(r.server.Messages("u")); left != 0 {
				t.Errorf("%d are left on the server", left)
			}
			if c.relay {
				wantRemote(t, m.Memory, box...)
			} else {
				r.wantMail(box...)
			}
			if n := sizeOf(t, r.path("spool")); n != 0 {
				t.Errorf("%d octets are left in the spool", n)
			}
		})
	}
}
