package fetcher

import (
	"bytes"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
)

// A destination that becomes the fallback is owed nothing: what it lacked is not fetched for it and keeps nothing on the
// server, and what is staged for it goes all the same. Where messages have no unique-id nothing else would say that one which
// only it lacked is delivered.
func TestFallbackIsOwedNothing(t *testing.T) {
	for name, nameless := range map[string]bool{"by unique-id": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(4)
			r := newRig(t, box...)
			r.acc.Policy.Delete = plan.DeleteAfterDelivery
			r.server.Change(func(o *pop3test.Options) { o.NoUIDL, o.NoTOP = nameless, nameless })
			if nameless {
				r.server.Change(func(o *pop3test.Options) { o.OnDelete = nil }) // it looks for unique-ids
			}
			m := delivertest.NewMemory("remote")
			m.OnWrite = func(_ deliver.Message, b []byte) error {
				if bytes.Contains(b, []byte("<uid00001>")) || bytes.Contains(b, []byte("<uid00002>")) {
					return refuse(deliver.Error{Scope: deliver.ThisMessage})
				}
				return nil
			}
			m.OnPublish = func(deliver.Message) error { return refuse(deliver.Error{Scope: deliver.WholeTarget}) }
			r.pair(m)
			if n := r.deliveries(); n != 4 {
				t.Fatalf("%d deliveries are open, want two that are owed and two that wait", n)
			}
			m.OnWrite, m.OnPublish = nil, nil
			before := r.retrieved()
			rep := r.with(settle.Destination{Name: "remote", Target: m.Reopen(), Fallback: true})
			if rep.Verdict.Class != verdict.OK || rep.Deleted != 4 || rep.New != 2 {
				t.Errorf("%+v", rep)
			}
			if n := r.deliveries(); n != 0 {
				t.Errorf("%d deliveries are open still", n)
			}
			if got := m.Delivered(); len(got) != 2 {
				t.Errorf("it got %d, want the two that waited for it", len(got))
			}
			if got := r.retrieved() - before; !nameless && got != 0 {
				t.Errorf("%d were fetched again", got)
			}
			r.wantMail(box...)
		})
	}
}

// What a fallback lacks of a message that no other place has does not make that message delivered.
func TestFallbackThatNobodyElseHas(t *testing.T) {
	box := mailbox(1)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	m := delivertest.NewMemory("remote")
	m.OnPublish = func(deliver.Message) error { return deliver.ErrUnknown } // its copy is lost
	r.run(to("remote", m))
	m.OnPublish = nil
	m.OnCreate = func(deliver.Message) error { t.Error("it was fetched for the fallback"); return nil }
	if rep := r.run(to("maildir", r.maildir()), settle.Destination{Name: "remote", Target: m.Reopen(), Fallback: true}); rep.New != 1 || rep.Deleted != 1 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
}
