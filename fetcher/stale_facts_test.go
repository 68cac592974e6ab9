package fetcher

import (
	"context"
	"runtime"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/spool"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
)

// waiting is a relay that takes nothing before something has begun.
type waiting struct {
	*relay
	begun chan struct{}
}

func (w waiting) Send(ctx context.Context, m deliver.Outgoing) error {
	<-w.begun
	return w.relay.Send(ctx, m)
}

// A message is fetched again for a destination that lacks it, with the facts that the session began with. Meanwhile a lane
// hands its copy to a relay: writing the message down does not bring back that the relay lacks it.
func TestStaleFacts(t *testing.T) {
	box := mailbox(1)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	lacks := delivertest.NewMemory("lacks")
	lacks.Messages = 500
	lacks.OnTicket = func(deliver.Message) error { return refuse(deliver.Error{Scope: deliver.ThisMessage}) }
	sent := &relay{down: errRelayDown, arrived: map[string]int{}}
	begun := make(chan struct{})
	late := spool.New(spool.Options{Root: r.path("spool"), Where: "x:25", Account: "a", Destination: "relay", Sender: waiting{sent, begun}})
	dests := func(relay deliver.Target) []settle.Destination {
		return []settle.Destination{to("maildir", r.maildir()), to("lacks", lacks.Reopen()), to("relay", relay)}
	}
	r.run(dests(r.up("relay", "x:25", sent))...)
	if got, want := r.stored(), "uid00000 at maildir"; got != want || r.deliveries() != 2 {
		t.Fatalf("%s, %d open", got, r.deliveries())
	}
	sent.down = nil
	lacks.OnTicket = func(deliver.Message) error {
		close(begun)
		for r.deliveries() == 2 { // until the lane has settled that the relay has it
			runtime.Gosched()
		}
		return nil
	}
	if rep := r.run(dests(late)...); rep.Verdict.Class != verdict.OK || len(r.server.Messages("u")) != 0 {
		t.Errorf("%+v", rep)
	}
	if got, want := r.stored(), "uid00000 at lacks+maildir+relay"; got != want || r.deliveries() != 0 {
		t.Errorf("%s, want %s; %d open", got, want, r.deliveries())
	}
	wantRemote(t, lacks, box...)
	if sent.arrived[box[0].UID] != 1 {
		t.Errorf("the relay got %v", sent.arrived)
	}
}
