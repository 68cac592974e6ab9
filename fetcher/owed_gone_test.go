package fetcher

import (
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/report"
)

// What a destination lacks, and the server lists no more, is settled once two complete listings a day apart lacked it. It is told
// once, status tells it for a month, and what is listed again all the same is fetched.
func TestOwedAndGone(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	full := delivertest.NewMemory("full")
	full.OnCreate = func(m deliver.Message) error {
		if m.UID == box[2].UID {
			return nil
		}
		return refuse(deliver.Error{Scope: deliver.ThisMessage})
	}
	pass := func(after time.Duration) report.Report {
		t.Helper()
		r.clock = r.clock.Add(after)
		full = full.Reopen()
		return r.run(to("maildir", r.maildir()), to("full", full))
	}
	missed := func() []health.Missed { return health.Standing(r.info()).Missed(r.clock) }
	pass(0)
	if open := r.deliveries(); open != 2 {
		t.Fatalf("%d open", open)
	}
	r.server.AddUser("u", "p", box[1]) // the first and the last one left
	for _, after := range []time.Duration{time.Hour, 12 * time.Hour, 11 * time.Hour} {
		if rep := pass(after); r.deliveries() != 2 || len(missed()) > 0 {
			t.Fatalf("after %s: %d open: %v", after, r.deliveries(), rep.Notes)
		}
	}
	r.server.AddUser("u", "p")
	if rep := pass(time.Hour); r.deliveries() != 1 || len(rep.Notes) != 1 || !strings.HasPrefix(rep.Notes[0], "1 message left the server before full had it") {
		t.Fatalf("%d open: %v", r.deliveries(), rep.Notes)
	}
	if rep := pass(time.Hour); len(rep.Notes) > 0 {
		t.Errorf("told again: %v", rep.Notes)
	}
	pass(24 * time.Hour)
	if got := missed(); r.deliveries() != 0 || len(got) != 1 || got[0].Messages != 2 || got[0].Destination != "full" || !strings.HasPrefix(got[0].Words(), "2 messages") {
		t.Errorf("%d open, %+v", r.deliveries(), got)
	}
	r.server.AddUser("u", "p", box...)
	full.OnCreate = nil
	if rep := pass(0); rep.New != 2 {
		t.Errorf("listed again: %+v", rep)
	}
	wantRemote(t, full, box...)
	r.wantMail(box...)
	for range 31 {
		r.clock = r.clock.Add(24 * time.Hour)
	}
	if got := missed(); got != nil {
		t.Errorf("told for ever: %+v", got)
	}
}

// One that is listed again at the listing that would settle it is not given up.
func TestOwedAndBack(t *testing.T) {
	box := mailbox(1)
	r := newRig(t, box...)
	full := delivertest.NewMemory("full")
	full.OnCreate = func(deliver.Message) error { return refuse(deliver.Error{Scope: deliver.ThisMessage}) }
	r.run(to("maildir", r.maildir()), to("full", full))
	r.server.AddUser("u", "p")
	r.clock = r.clock.Add(25 * time.Hour)
	r.run(to("maildir", r.maildir()), to("full", full.Reopen()))
	r.server.AddUser("u", "p", box...)
	r.clock = r.clock.Add(25 * time.Hour)
	full.OnCreate = nil
	rep := r.run(to("maildir", r.maildir()), to("full", full.Reopen()))
	if rep.New != 1 || len(rep.Notes) > 0 || health.Standing(r.info()).Missed(r.clock) != nil {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
}
