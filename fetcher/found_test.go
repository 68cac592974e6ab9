package fetcher

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl/uidltest"
)

// These tests are what random histories (see TestChaos) found, each cut down to its cause.

// A destination that lacks a message gets it once in a pass of several sessions.
func TestOwedOverSessions(t *testing.T) {
	box := mailbox(9)
	r := newRig(t, box...)
	m := delivertest.NewMemory("remote")
	m.OnTicket = func(deliver.Message) error {
		return &deliver.Error{Op: "close", Scope: deliver.ThisMessage, Err: errors.New("hiccup")}
	}
	r.pair(m)
	m.OnTicket = nil
	r.opt.SessionMessages = 2
	for range 6 {
		r.pair(m)
	}
	r.wantMail(box...)
	wantRemote(t, m, box...)
	if n := r.retrieved(); n != 18 {
		t.Errorf("%d RETRs for 9 messages at two destinations, one of them late", n)
	}
}

// A destination that is down leaves its copies staged; the next session of the same pass does not fetch them again.
func TestStagedOverSessions(t *testing.T) {
	box := mailbox(9)
	r := newRig(t, box...)
	m := delivertest.NewMemory("remote")
	refuse := box[0].UID
	m.OnPublish = func(d deliver.Message) error {
		if d.UID == refuse {
			return &deliver.Error{Op: "send", Scope: deliver.ThisMessage, Err: errors.New("later")}
		}
		return nil
	}
	r.opt.SessionMessages = 3
	r.pair(m)
	r.wantMail(box...)
	m.OnPublish = nil
	r.clock = r.clock.Add(2 * time.Hour)
	r.pair(m)
	r.wantMail(box...)
	wantRemote(t, m, box...)
	if n := r.retrieved(); n != 9 {
		t.Errorf("%d RETRs for 9 messages", n)
	}
}

// A server that confirms deletions and makes none is asked once in a pass, however many sessions it takes.
func TestUndeletedOverSessions(t *testing.T) {
	box := mailbox(7)
	r := newRig(t, box...)
	r.ok()
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.opt.SessionMessages = 3
	r.server.Change(func(o *pop3test.Options) { o.QuitKeeps = true })
	if rep := r.ok(); rep.Deleted != 7 || rep.Reasons[plan.ReasonUndeleted] == 0 {
		t.Errorf("%+v", rep)
	}
	if st := r.server.Stats(); st.Commands["DELE"] != 7 || st.Sessions > 5 {
		t.Errorf("%d DELEs in %d sessions", st.Commands["DELE"], st.Sessions)
	}
	r.server.Change(func(o *pop3test.Options) { o.QuitKeeps = false })
	r.ok()
	if left := len(r.server.Messages("u")); left != 0 {
		t.Errorf("%d left", left)
	}
	r.wantMail(box...)
}

// UIDL that is refused for once is no reason to take all mail for new: under another name everything would be.
func TestUIDLRefusedForOnce(t *testing.T) {
	for _, capa := range []bool{true, false} {
		t.Run(fmt.Sprintf("CAPA=%v", capa), func(t *testing.T) {
			box := mailbox(4)
			r := newRig(t, box...)
			r.server.Change(func(o *pop3test.Options) { o.NoCAPA = !capa })
			if !capa {
				r.ok() // the ledger remembers that there were unique-ids
			}
			r.server.Change(func(o *pop3test.Options) {
				o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
					if verb == "UIDL" {
						return &pop3test.Reply{Raw: []byte("-ERR scanning the mailbox\r\n")}
					}
					return nil
				}
			})
			if rep := r.run(); rep.Verdict.Class != verdict.Temporary || !strings.Contains(rep.Verdict.Message, "UIDL") || rep.New != 0 {
				t.Errorf("%+v", rep)
			}
			r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
			r.ok()
			r.wantMail(box...)
		})
	}
}

// The last commit of a pass that had failed already is in doubt: that is told all the same.
func TestLastCommitInDoubt(t *testing.T) {
	box := mailbox(1)
	r := newRig(t, box...)
	r.ok()
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(*pop3test.Session, string, string) *pop3test.Reply { return &pop3test.Reply{Close: true} }
	})
	w := uidltest.NewFaulty(r.ledger, uidltest.Fault{Commit: 1, Applied: true})
	r.ledger = w
	if rep := r.run(); !w.Hit() || rep.Verdict.Stop || rep.Verdict.Class != verdict.Temporary || !strings.Contains(rep.Verdict.Message, "in doubt") {
		t.Errorf("%+v", rep.Verdict)
	}
	// And where nobody can vouch for the ledger, the process must stop.
	w = uidltest.NewFaulty(w.Ledger, uidltest.Fault{Commit: 1, Err: errors.New("a fault of ours")})
	r.ledger = w
	if rep := r.run(); !w.Hit() || !rep.Verdict.Stop || !strings.Contains(rep.Verdict.Message, "in doubt") {
		t.Errorf("%+v", rep.Verdict)
	}
}

// As many messages as a session may retrieve are listed smaller than max_size and are not: they are tried again day by
// day, but not before a parked one whose time has come.
func TestReadInVainComesLast(t *testing.T) {
	box := mailbox(3)
	for i := range box[:2] {
		box[i].ListSize, box[i].Data = 100, append(box[i].Data, bytes.Repeat([]byte("a long line\r\n"), 1000)...)
	}
	r := newRig(t, box...)
	r.acc.Policy.MaxSize = 5000
	r.opt.SessionMessages = 2
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb == "RETR" && arg == "3" {
				return &pop3test.Reply{Raw: []byte("-ERR no\r\n")}
			}
			return nil
		}
	})
	for range 8 { // it is parked then
		r.run()
	}
	r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	r.clock = r.clock.Add(25 * time.Hour)
	if rep := r.run(); rep.New != 1 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box[2])
}

// A message that LIST makes smaller than max_size is read in vain once a day, not in every pass, until the limit goes.
func TestTooLongInTruth(t *testing.T) {
	liar := message("z", strings.Repeat("long line\r\n", 1000))
	liar.ListSize = 10
	r := newRig(t, liar)
	r.acc.Policy.MaxSize = 5000
	for range 3 {
		if rep := r.ok(); rep.Skipped != 1 || rep.Reasons[plan.ReasonTooLarge] != 1 {
			t.Errorf("%+v", rep)
		}
	}
	if n := r.retrieved(); n != 1 {
		t.Errorf("read %d times in three passes", n)
	}
	r.clock = r.clock.Add(25 * time.Hour)
	r.ok()
	if n := r.retrieved(); n != 2 {
		t.Errorf("read %d times after a day", n)
	}
	r.acc.Policy.MaxSize = 0
	if rep := r.ok(); rep.New != 1 {
		t.Errorf("limit lifted: %+v", rep)
	}
	r.wantMail(liar)
}

// Of two messages with one UID the first leaves the server: the other moves to its place and is still known.
func TestEqualUIDsMoveUp(t *testing.T) {
	for _, top := range []bool{true, false} {
		t.Run(fmt.Sprintf("TOP=%v", top), func(t *testing.T) {
			a, b := message("x", "one"), message("x", "another one")
			b.Data = bytes.ReplaceAll(b.Data, []byte("<x>"), []byte("<2>"))
			r := newRig(t, a, b)
			r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
			r.ok()
			r.server.AddUser("u", "p", b)
			if rep := r.ok(); rep.New != 0 || rep.Reasons[plan.ReasonNotSame] != 0 {
				t.Errorf("%+v", rep)
			}
			r.wantMail(a, b)
			if rep := r.ok(); rep.New != 0 || rep.Questioned != 0 {
				t.Errorf("known for good: %+v", rep)
			}
		})
	}
}

// Of two messages with one UID one cannot be had: the other is delivered, and stays until both can go.
func TestEqualUIDsGoTogether(t *testing.T) {
	a, b := message("x", "one"), message("x", "two")
	b.Data = bytes.ReplaceAll(b.Data, []byte("<x>"), []byte("<2>"))
	r := newRig(t, a, b)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb == "RETR" && arg == "2" {
				return &pop3test.Reply{Raw: []byte("-ERR not this one\r\n")}
			}
			return nil
		}
	})
	if rep := r.run(); rep.New != 1 || rep.Deleted != 0 || rep.Reasons[plan.ReasonDuplicate] != 1 {
		t.Errorf("%+v", rep)
	}
	r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	r.ok()
	r.ok()
	r.wantMail(a, b)
	if left := len(r.server.Messages("u")); left != 0 {
		t.Errorf("%d left", left)
	}
}
