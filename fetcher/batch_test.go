package fetcher

import (
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

// A batch that was prepared when the one before could not be published is given up, not committed: there is never a second
// one in doubt. What it held is fetched again once the destination works.
func TestPreparedInVain(t *testing.T) {
	box := mailbox(12)
	r := newRig(t, box...)
	r.opt.BatchMessages = 4
	m := delivertest.NewMemory("memory")
	m.Messages = 500
	m.OnPublish = func(deliver.Message) error { return refuse(deliver.Error{Scope: deliver.WholeTarget}) }
	rep := r.run(settle.Destination{Name: "memory", Target: m})
	if rep.Verdict.Class != verdict.Temporary || rep.New != 0 {
		t.Errorf("%+v", rep)
	}
	// The destination says for certain that it published nothing, so none is 'publishing'.
	var publishing, all int
	db := r.sql()
	defer db.Close()
	if err := db.QueryRow(`SELECT count(*) FILTER (WHERE state = ?), count(*) FROM delivery`, int(uidl.Publishing)).Scan(&publishing, &all); err != nil {
		t.Fatal(err)
	}
	if publishing != 0 || all != 4 || m.Places() != 4 {
		t.Errorf("%d of %d deliveries are 'publishing', %d copies are staged", publishing, all, m.Places())
	}
	m.OnPublish = nil
	again := m.Reopen()
	if rep := r.run(settle.Destination{Name: "memory", Target: again}); rep.Verdict.Class != verdict.OK {
		t.Errorf("%+v", rep)
	}
	wantRemote(t, again, box...)
}

// What may be deleted is in the ledger before DELE leaves, and DELE is not waited for before QUIT. Where the server refuses
// one, the row says 'delivered' again.
func TestDeleteAndQuit(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	states := func() string {
		db := r.sql()
		defer db.Close()
		var text string
		if err := db.QueryRow(`SELECT group_concat(state, ' ') FROM (SELECT state FROM message ORDER BY uid)`).Scan(&text); err != nil {
			t.Error(err)
		}
		return text
	}
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb != "DELE" {
				return nil
			}
			if got := states(); got != "3 3 3" {
				t.Errorf("at DELE %s the rows are %s", arg, got)
			}
			if arg == "2" {
				return &pop3test.Reply{Raw: []byte("-ERR not this one\r\n")}
			}
			return nil
		}
	})
	rep := r.run()
	if rep.New != 3 || rep.Deleted != 2 || rep.Kept != 1 || rep.Failed != 1 {
		t.Errorf("%+v", rep)
	}
	if got := states(); got != "3 2 3" {
		t.Errorf("afterwards the rows are %s", got)
	}
	r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	if rep := r.ok(); rep.Deleted != 1 || rep.New != 0 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
	if st := r.server.Stats(); st.Commands["RETR"] != 3 {
		t.Errorf("commands: %v", st.Commands)
	}
}
