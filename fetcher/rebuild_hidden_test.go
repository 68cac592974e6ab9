package fetcher

import (
	"testing"

	"github.com/popsync/popsync/fetcher/operator"
)

// The ledger is lost while the listing hides some messages. They come up behind those that were listed, and a Maildir has them.
func TestHiddenWhenLost(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	r.ok()
	r.lose()
	r.server.AddUser("u", "p", box[:1]...)
	r.ok()
	r.server.AddUser("u", "p", box...)
	if rep := r.ok(); rep.New != 0 || rep.Rebuilt != 2 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
}

// The ledger is lost, mail goes on by a new one to a place that takes no notes, and an older copy of the first one is restored. What
// the other one delivered is held back.
func TestRestoredOverAnother(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box[:2]...)
	to0 := &relay{arrived: map[string]int{}}
	pass := func() { r.run(to("mail", r.up("mail", "relay", to0))) }
	pass()
	restore := r.backup()
	r.lose()
	pass() // what is listed is held back
	_, _, err := operator.Accept(t.Context(), r.ledger, "a", r.clock)
	r.must(err)
	pass()
	r.server.AddUser("u", "p", box...)
	pass()
	for uid, n := range to0.arrived {
		if n > 2 || n < 1 {
			t.Fatalf("%s came %d times", uid, n)
		}
	}
	before := to0.arrived[box[4].UID]
	restore(true)
	pass()
	pass()
	if got := to0.arrived[box[4].UID]; before != 1 || got != 1 {
		t.Errorf("came %d times, and %d times", before, got)
	}
}
