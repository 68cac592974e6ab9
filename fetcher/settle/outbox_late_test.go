package settle

import (
	"errors"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// An envelope is refused in one lane while another one's message is accepted, which brings the refused one back. It
// must not come back before its refusal is in the ledger: written over what came of the second try, the refusal would
// leave a delivery open whose message is there and whose bytes are discarded.
func TestRefusedEnvelopeComesBackLate(t *testing.T) {
	key := uidl.Key{UID: "a"}
	row := uidl.Delivery{Key: key, Destination: "remote", State: uidl.Publishing, Ticket: "1", Seq: 1}
	relay := uidl.Destination{Name: "remote", Role: uidl.Required}
	l, err := uidltest.NewMemory().Open().Acquire(t.Context(), "a")
	if err == nil {
		err = l.Commit(t.Context(), uidl.Change{Destinations: []uidl.Destination{relay}, Put: []uidl.Message{{Row: uidl.Row{Key: key, State: uidl.Wanted}}}, Stage: []uidl.Delivery{row}})
	}
	if err != nil {
		t.Fatal(err)
	}
	d := &Place{Destination: Destination{Name: "remote", Target: delivertest.NewMemory("remote")}}
	p := bare(l, d, map[uidl.Key]*OpenMessage{key: {n: 1}}, facts.NewSet([]uidl.Destination{relay}, 0))
	o := newOutbox(t.Context(), t.Context(), p, d)
	s := &sending{row: row}
	var result error = &deliver.Error{Op: "send", Scope: deliver.ThisMessage, Envelope: true, Err: errors.New("refused")}
	if err := (refusals{o}).learn(s, &result); err != nil {
		t.Fatal(err)
	}
	refusals{o}.accepted(&sending{}) // by another lane
	if o.take(false, nil) != nil {
		t.Error("it is tried again, and its refusal is not written down yet")
	}
	s.err = result
	if err := o.turn([]*sending{s}, nil); err != nil {
		t.Fatal(err)
	}
	if again := o.take(false, nil); len(again) != 1 || !again[0].again {
		t.Errorf("it is not tried again: %+v", again)
	}
}
