package fetcher

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/uidl"
)

// holding is a pass that has the account's lease and has done nothing yet.
func (r *rig) holding() *pass {
	r.t.Helper()
	l, err := r.ledger.Acquire(r.t.Context(), "a")
	r.must(err)
	r.t.Cleanup(func() { l.Close() })
	a := r.acc
	a.Destinations = nil
	p := newPass(a, r.opt.WithDefaults())
	p.desk.Settler.L, p.ledger = l, r.ledger
	p.desk.Health.Facts = health.Decode(l.Info().Facts)
	return p
}

// An account goes back and forth between mailboxes: what was on its way gets a key once, and another one each time the
// same unique-id is met.
func TestMovedAsideEachTime(t *testing.T) {
	r := newRig(t, message("1", "x"))
	r.acc.Mailbox = "first"
	to1 := &relay{down: errRelayDown, arrived: map[string]int{}}
	var asides []uidl.Key
	for i, box := range []string{"first", "second", "first", "second"} {
		r.acc.Mailbox = box
		m := message("1", "x")
		m.Data = []byte(strings.ReplaceAll(string(m.Data), "Message-ID: <1", fmt.Sprintf("Message-ID: <%d", i)))
		r.server.AddUser("u", "p", m)
		r.run(to("r", r.up("r", "x", to1)))
		if n := r.deliveries(); n != i+1 {
			t.Fatalf("pass %d: %d deliveries are open, want one of each mailbox", i, n)
		}
		p := r.holding()
		if found, err := p.desk.Settler.L.Find(t.Context(), asides); err != nil || len(found) != len(asides) {
			t.Errorf("pass %d: %d of %d keep the key that they got, %v", i, len(found), len(asides), err)
		}
		for row, err := range p.desk.Settler.L.Messages(t.Context()) {
			if r.must(err); strings.HasPrefix(row.UID, plan.FormerName) && !slices.Contains(asides, row.Key) {
				asides = append(asides, row.Key)
			}
		}
		p.desk.Settler.L.Close()
	}
	r.server.AddUser("u", "p")
	to1.down = nil
	r.run(to("r", r.up("r", "x", to1)))
	if to1.arrived["1"] != 4 {
		t.Errorf("arrived: %v, want four", to1.arrived)
	}
}
