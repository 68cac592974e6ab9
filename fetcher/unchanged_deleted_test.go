package fetcher

import (
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3/pop3test"
)

// What was told to be deleted is not part of the listing that the next pass compares with: where the server did so, the rows
// need not be read, and where it did not, they are, so that it is told again.
func TestUnchangedWithoutDeleted(t *testing.T) {
	age := plan.Policy{Delete: plan.DeleteAfterAge, Age: 30 * 24 * time.Hour}
	for name, c := range map[string]struct {
		policy     plan.Policy
		keeps      bool   // the server answers DELE with +OK and deletes nothing
		refuses    string // it refuses DELE of this one
		deleted    int    // in the pass
		read       bool   // the pass after it reads the rows
		askedAgain int    // and deletes, what it did not claim to have deleted
	}{
		"after delivery":                 {policy: plan.Policy{Delete: plan.DeleteAfterDelivery}, deleted: 6},
		"after delivery, and kept":       {policy: plan.Policy{Delete: plan.DeleteAfterDelivery}, keeps: true, deleted: 6, read: true},
		"after delivery, one is refused": {policy: plan.Policy{Delete: plan.DeleteAfterDelivery}, refuses: "3", deleted: 5, read: true, askedAgain: 1},
		"after delivery, a new one is":   {policy: plan.Policy{Delete: plan.DeleteAfterDelivery}, refuses: "5", deleted: 5, read: true, askedAgain: 1},
		"by age":                         {policy: age, deleted: 4},
		"by age, and kept":               {policy: age, keeps: true, deleted: 4, read: true},
		"by age, one is refused":         {policy: age, refuses: "3", deleted: 3, read: true, askedAgain: 1},
	} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(6)
			r := newRig(t, box[:4]...)
			count := &reads{Ledger: r.ledger}
			r.ledger = count
			r.ok()
			for range 31 {
				r.clock = r.clock.Add(24 * time.Hour)
				r.ok()
			}
			r.acc.Policy = c.policy
			r.server.Deliver("u", box[4:]...)
			r.server.Change(func(o *pop3test.Options) {
				o.QuitKeeps = c.keeps
				o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
					if verb == "DELE" && arg == c.refuses {
						return &pop3test.Reply{Raw: []byte("-ERR no\r\n")}
					}
					return nil
				}
			})
			if rep := r.run(); rep.New != 2 || rep.Deleted != c.deleted {
				t.Fatalf("%+v", rep)
			}
			r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
			before := count.n
			more := message("more", "x")
			r.server.Deliver("u", more)
			rep := r.ok()
			if read := count.n > before; read != c.read {
				t.Errorf("rows were read: %v", read)
			}
			again := c.askedAgain + desk.Count(c.policy.Delete == plan.DeleteAfterDelivery) // the one that came
			if rep.New != 1 || rep.Deleted != again {
				t.Errorf("%d new and %d deleted, want 1 and %d: %+v", rep.New, rep.Deleted, again, rep)
			}
			r.wantMail(append(box, more)...)
		})
	}
}

// An earlier session of the pass has told the server to delete messages, and the last one lists them still: they count as
// kept in that pass, and the next must not take them for messages that policy keeps.
func TestUnchangedAsked(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	r.ok()
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.opt.SessionMessages = 2 // so that there are two sessions
	r.server.Change(func(o *pop3test.Options) { o.QuitKeeps = true })
	count := &reads{Ledger: r.ledger}
	r.ledger = count
	for pass := 1; pass <= 3; pass++ {
		before, read := r.server.Stats().Commands["DELE"], count.n
		r.run()
		if n := r.server.Stats().Commands["DELE"] - before; n != 3 {
			t.Errorf("pass %d: %d DELE, want each once", pass, n)
		}
		if count.n == read || r.remembered().Unchanged != nil {
			t.Errorf("pass %d: rows read: %v, remembered: %+v", pass, count.n > read, r.remembered().Unchanged)
		}
	}
	r.server.Change(func(o *pop3test.Options) { o.QuitKeeps = false })
	r.ok()
	if left := len(r.server.Messages("u")); left != 0 {
		t.Errorf("%d left", left)
	}
}
