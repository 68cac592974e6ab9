package fetcher

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
)

// Another mailbox under the same name may have the same unique-ids and sizes for other messages: none is taken for
// delivered unseen. The same mailbox at another host costs a look, once, and nothing comes twice.
func TestMailboxChanged(t *testing.T) {
	for _, top := range []bool{true, false} {
		for _, policy := range []plan.Delete{plan.DeleteNever, plan.DeleteAfterDelivery} {
			t.Run(fmt.Sprintf("TOP=%v/policy %d", top, policy), func(t *testing.T) {
				a, b := message("1", "first"), message("2", "second")
				r := newRig(t, a, b)
				r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
				r.acc.Mailbox = "old"
				r.ok()
				r.acc.Mailbox, r.acc.Policy.Delete = "new", policy
				other := pop3test.Message{UID: "2", Data: bytes.ReplaceAll(b.Data, []byte("<2>"), []byte("<3>"))}
				r.server.AddUser("u", "p", a, other)
				want := 2
				if policy == plan.DeleteAfterDelivery {
					want = 1 // deleted in the same pass: the second session is in the mailbox it knows
				}
				rep := r.ok()
				if rep.New != 1 || rep.Questioned < want {
					t.Errorf("%+v", rep)
				}
				r.wantMail(a, b, other)
				if rep := r.ok(); rep.New != 0 || rep.Questioned != 0 || health.MailboxOf(r.facts()) != "new" {
					t.Errorf("settled for good: %+v, mailbox %q", rep, health.MailboxOf(r.facts()))
				}
				r.wantMail(a, b, other)
			})
		}
	}
}

// What comes shorter than listed under a known unique-id stays in question until it counts, though the pass went through the
// listing: sizes are the same, and nothing else would tell.
func TestMailboxChangedAndShort(t *testing.T) {
	for _, top := range []bool{true, false} {
		t.Run(fmt.Sprintf("TOP=%v", top), func(t *testing.T) {
			a, b := message("1", "first"), message("2", "second and some more words")
			r := newRig(t, a, b)
			r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
			r.acc.Mailbox = "old"
			r.ok()
			r.acc.Mailbox = "new"
			other := message("3", "another")
			other.UID, other.ListSize = "2", int64(len(b.Data))
			r.server.AddUser("u", "p", a, other)
			for range 6 {
				r.run()
				r.clock = r.clock.Add(25 * time.Hour)
			}
			r.wantMail(a, b, other)
			if rep := r.ok(); rep.Kept != 2 || len(health.Decode(r.facts()).Wire.Short) != 0 {
				t.Errorf("%+v", rep)
			}
		})
	}
}

// A pass that did not get through with the listing does not count.
func TestMailboxChangedAndCut(t *testing.T) {
	a, b := message("1", "first"), message("2", "second")
	r := newRig(t, a, b)
	r.acc.Mailbox = "old"
	r.ok()
	r.acc.Mailbox = "new"
	other := pop3test.Message{UID: "2", Data: bytes.ReplaceAll(b.Data, []byte("<2>"), []byte("<3>"))}
	r.server.AddUser("u", "p", a, other)
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
			if verb == "TOP" || verb == "RETR" {
				return &pop3test.Reply{Raw: []byte("+OK\r\nSubj"), Close: true}
			}
			return nil
		}
	})
	if rep := r.run(); rep.Verdict.Class == verdict.OK || health.MailboxOf(r.facts()) != "old" {
		t.Fatalf("%+v, mailbox %q", rep, health.MailboxOf(r.facts()))
	}
	r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	r.ok()
	r.wantMail(a, b, other)
}
