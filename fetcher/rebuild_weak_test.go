package fetcher

import (
	"os"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3/pop3test"
)

// A lost ledger, and another message under a unique-id that the Maildir shows, with a header that says too little to tell the two
// apart: it is not deleted on the server, where it is the only one.
func TestLostLedgerWeakHeader(t *testing.T) {
	weak := func(body string) pop3test.Message {
		return pop3test.Message{UID: "a", Data: []byte("Subject: the same\r\n\r\n" + body + "\r\n")}
	}
	r := newRig(t, weak("one"))
	r.ok()
	if err := r.ledger.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(r.state); err != nil {
		t.Fatal(err)
	}
	r.open()
	r.server.AddUser("u", "p", weak("two"))
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	for range 4 {
		r.run()
		r.clock = r.clock.Add(25 * time.Hour)
	}
	if n := len(r.server.Messages("u")); n != 1 {
		t.Errorf("%d messages are left on the server", n)
	}
}
