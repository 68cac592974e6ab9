package fetcher

import (
	"errors"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3/pop3test"
)

// A destination lacks a message, and before it can be fetched again for it, the server gives its unique-id to another: that
// one is new everywhere. To deliver it only where the first was lacking would lose it at the other destinations.
func TestSuperseded(t *testing.T) {
	for name, c := range map[string]struct {
		second pop3test.Message
		absent bool // a pass sees the unique-id missing
	}{
		"another":                 {second: pop3test.Message{UID: "b", Data: []byte("Message-ID: <c>\r\n\r\nsecond\r\n")}},
		"after an absence":        {second: pop3test.Message{UID: "b", Data: []byte("Message-ID: <c>\r\n\r\nsecond\r\n")}, absent: true},
		"without a header":        {second: pop3test.Message{UID: "b", Data: []byte("\r\nanother message\r\n")}},
		"the same but for a line": {second: pop3test.Message{UID: "b", Data: append([]byte("X-Seen: 1\r\n"), message("b", "second").Data...)}},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := message("a", "first"), message("b", "second")
			r := newRig(t, a, b)
			r.acc.Policy.Delete = plan.DeleteAfterDelivery
			m := delivertest.NewMemory("remote")
			m.OnTicket = func(d deliver.Message) error {
				if d.UID == "b" {
					return &deliver.Error{Op: "write", Scope: deliver.ThisMessage, Err: errors.New("no room")}
				}
				return nil
			}
			r.pair(m)
			r.wantMail(a, b)
			wantRemote(t, m, a)
			m.OnTicket = nil
			if c.absent {
				r.server.AddUser("u", "p")
				r.pair(m)
			}
			r.server.AddUser("u", "p", c.second)
			for range 3 {
				r.clock = r.clock.Add(25 * time.Hour)
				r.pair(m)
			}
			if name == "the same but for a line" {
				r.wantMail(a, b) // servers add lines: it is known by the header's own
			} else {
				r.wantMail(a, b, c.second)
			}
			bodies := map[string]int{}
			for _, d := range m.Delivered() {
				bodies[d.Body]++
			}
			if bodies[string(c.second.Data)] != 1 || len(bodies) != 2 {
				t.Errorf("the remote has %v", bodies)
			}
			if left := r.server.Messages("u"); len(left) > 0 {
				t.Errorf("%d left on the server", len(left))
			}
		})
	}
}
