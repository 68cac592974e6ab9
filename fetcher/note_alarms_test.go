package fetcher

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

// unnoted is a Maildir in which no note can be written: the disk is full at that moment.
type unnoted struct{ *maildir.Target }

func (unnoted) WriteNote(deliver.Note) error { return errors.New("no space left on device") }

// calm makes sure that a pass did not doubt the ledger.
func (r *rig) calm(what string, rep report.Report, fresh int) {
	r.t.Helper()
	if rep.Verdict.Class != verdict.OK || rep.New != fresh || rep.Rebuilt != 0 || rep.Unfetched != 0 || health.Decode(r.facts()).Verify {
		r.t.Errorf("%s: %+v", what, rep)
	}
	for _, note := range rep.Notes {
		if strings.Contains(note, "ledger") {
			r.t.Errorf("%s: false alarm: %s", what, note)
		}
	}
}

// A note that could not be written where the mail is, now and then or ever, makes no alarm later and nothing come twice.
func TestNoteNotWritten(t *testing.T) {
	for name, written := range map[string][]bool{
		"never":         {false, false, false, false},
		"not at first":  {false, true, true, true},
		"once":          {true, false, true, true},
		"not the last":  {true, true, true, false},
		"every another": {true, false, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(8)
			r := newRig(t)
			for i, ok := range written {
				r.server.AddUser("u", "p", box[:2*i+2]...)
				d := to("maildir", unnoted{r.maildir()})
				if ok {
					d = to("maildir", r.maildir())
				}
				r.calm("pass", r.run(d), 2)
			}
			r.acc.Policy.Delete = plan.DeleteAfterDelivery
			if rep := r.run(); rep.Deleted != 8 {
				t.Errorf("%+v", rep)
			}
			r.wantMail(box...)
		})
	}
}

// A restored state directory whose Maildir went back with it is as it was then: no alarm, and what came since comes again.
func TestRestoredWithItsMaildir(t *testing.T) {
	box := mailbox(6)
	r := newRig(t, box[:3]...)
	r.ok()
	r.must(r.ledger.Close())
	for _, dir := range []string{r.state, r.dir} {
		r.must(exec.Command("cp", "-a", dir, dir+"-then").Run())
	}
	r.open()
	r.server.AddUser("u", "p", box...)
	r.ok()
	r.must(r.ledger.Close())
	for _, dir := range []string{r.state, r.dir} {
		r.must(exec.Command("rm", "-r", dir).Run())
		r.must(exec.Command("mv", dir+"-then", dir).Run())
	}
	r.open()
	r.calm("restored", r.run(), 3)
	r.wantMail(box...)
}

// An account is renamed, and its old name given to another mailbox that delivers into the same Maildir: neither is alarmed by
// the other's notes, nothing comes twice, and when the ledger is lost each finds its own mail.
func TestNotesOfRenamedAccounts(t *testing.T) {
	first, second := mailbox(4), renamed("other", mailbox(4))
	for i := range second {
		second[i].UID = first[i].UID // as servers do that number their messages
		second[i].Data = []byte(strings.ReplaceAll(string(second[i].Data), "Message-ID: <", "Message-ID: <x"))
	}
	r := newRig(t, first...)
	r.acc.Mailbox = "one"
	r.calm("before", r.run(), 4)
	r.must(r.ledger.Rename(t.Context(), []uidl.Renaming{{From: "a", To: "b"}}))
	pass := func(name, box string, mail []pop3test.Message, fresh int) {
		t.Helper()
		r.acc.Name, r.acc.Mailbox = name, box
		r.server.AddUser("u", "p", mail...)
		r.calm(name, r.run(), fresh)
	}
	pass("b", "one", first, 0)
	pass("a", "two", second, 4)
	pass("b", "one", append(first, message("later", "x")), 1)
	pass("a", "two", append(second, message("later", "y")), 1)
	all := append(append(append(first, second...), message("later", "x")), message("later", "y"))
	r.wantMail(all...)

	r.lose()
	for _, c := range []struct {
		name, box string
		mail      []pop3test.Message
	}{{"a", "two", append(second, message("later", "y"))}, {"b", "one", append(first, message("later", "x"))}} {
		r.acc.Name, r.acc.Mailbox = c.name, c.box
		r.server.AddUser("u", "p", c.mail...)
		if rep := r.run(); rep.Rebuilt != 5 || rep.New != 0 || rep.Unfetched != 0 {
			t.Errorf("%s, lost: %+v", c.name, rep)
		}
	}
	r.wantMail(all...)
}
