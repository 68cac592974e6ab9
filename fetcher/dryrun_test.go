package fetcher

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
)

// foretold makes a dry run, wants nothing changed by it, and returns its report and how many steps of each kind it has.
func (r *rig) foretold() (report.Report, map[string]int) {
	r.t.Helper()
	before, commands := r.rowsOfAll(), r.server.Stats().Commands
	r.opt.DryRun = true
	rep := r.ok()
	r.opt.DryRun = false
	if after := r.rowsOfAll(); after != before {
		r.t.Errorf("a dry run wrote:\n%s\nwas\n%s", after, before)
	}
	if now := r.server.Stats().Commands; now["RETR"] != commands["RETR"] || now["DELE"] != commands["DELE"] {
		r.t.Errorf("a dry run asked for %v", now)
	}
	steps := map[string]int{}
	for st := range rep.Steps.All() {
		steps[st.Action]++
	}
	return rep, steps
}

// rowsOfAll is what the ledger has of the account and its messages, but for the number of its lease.
func (r *rig) rowsOfAll() string {
	r.t.Helper()
	l, err := r.ledger.Acquire(context.Background(), r.acc.Name)
	r.must(err)
	defer l.Close()
	var b strings.Builder
	for row, err := range l.Messages(context.Background()) {
		r.must(err)
		fmt.Fprintln(&b, row)
	}
	info := l.Info()
	fmt.Fprintln(&b, info.Listings, info.Status.Failures, info.Status.Verdict, string(info.Status.Facts))
	return b.String()
}

// A server of 30 messages gives all of them new unique-ids, and one new message comes: the dry run says what the run does.
func TestDryRunRenumbered(t *testing.T) {
	for _, kept := range []int{30, 12} {
		for _, top := range []bool{true, false} {
			t.Run(fmt.Sprint(kept, " TOP ", top), func(t *testing.T) {
				box := mailbox(kept)
				r := newRig(t, box...)
				r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
				r.ok()
				r.clock = r.clock.Add(26 * time.Hour)
				more := fresh("more", 1)
				r.server.AddUser("u", "p", append(renamed("second-", box), more...)...)
				rep, steps := r.foretold()
				if top {
					if steps["fetch"] != 1 || rep.Steps.Len() != 1 || rep.Kept != kept || rep.Listed != kept+1 {
						t.Errorf("%v, %+v", steps, rep)
					}
				} else if steps["compare"] != kept+1 || rep.Steps.Len() != kept+1 || !strings.HasSuffix(rep.Steps.At(0).Reason, ": to be compared when retrieved") {
					t.Errorf("%v, %+v", steps, rep)
				}
				if rep := r.ok(); rep.New != 1 || rep.Kept != kept+1 {
					t.Errorf("the run: %+v", rep)
				}
				r.wantMail(append(box, more...)...)
			})
		}
	}
}

// What is due is looked at as in a run: one that stands under the unique-id of another is fetched, and not deleted.
func TestDryRunLooksAtWhatIsDue(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box...)
	r.ok()
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	box[2].Data = message("other", "another message").Data
	r.server.AddUser("u", "p", box...)
	_, steps := r.foretold()
	if steps["delete"] != 4 || steps["fetch"] != 1 || len(steps) != 2 {
		t.Errorf("%v", steps)
	}
	r.server.Change(func(o *pop3test.Options) { o.OnDelete = nil })
	if rep := r.ok(); rep.New != 1 || rep.Deleted != 5 { // the new one too, in the same pass
		t.Errorf("the run: %+v", rep)
	}
}

// A ledger that was lost is no empty one: what it does not know is held back.
func TestDryRunLostLedger(t *testing.T) {
	box := mailbox(6)
	r := newRig(t, box...)
	r.ok()
	r.must(os.RemoveAll(r.dir + "/new")) // its reader took all of it
	r.must(os.Mkdir(r.dir+"/new", 0o700))
	r.ledger.Close()
	r.must(os.RemoveAll(r.state))
	r.open()
	rep, steps := r.foretold()
	if steps["hold"] != 6 || rep.Held != 6 || len(steps) != 1 {
		t.Errorf("%v, %+v", steps, rep)
	}
	if rep := r.run(); rep.New != 0 || rep.Held != 6 {
		t.Errorf("the run: %+v", rep)
	}
}

// A flood is held back whole.
func TestDryRunFlood(t *testing.T) {
	t.Parallel()
	r, box := used(t, 30, 3)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.server.Deliver("u", fresh("flood", 501)...)
	rep, steps := r.foretold()
	if steps["hold"] != 501+len(*box) || len(steps) != 1 || rep.Held != 501 || len(rep.Notes) == 0 {
		t.Errorf("%v, %d held, %q", steps, rep.Held, rep.Notes)
	}
	if rep := r.run(); rep.New != 0 || rep.Deleted != 0 || rep.Verdict.Class != verdict.Config {
		t.Errorf("the run: %+v", rep)
	}
}

// Headers are shown as they are meant, harmless, and decide nothing.
func TestDryRunHeaders(t *testing.T) {
	r := newRig(t, pop3test.Message{UID: "1", Data: []byte("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n from me\r\nFrom: \"A\x1b[2J\" <a@example.org>\r\n" +
		"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nsubject: not this\r\n\r\nSubject: nor this\r\n")},
		pop3test.Message{UID: "2", Data: []byte("no header at all\r\n")})
	r.opt.Headers = true
	rep, _ := r.foretold()
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC).Local().Format("2006-01-02 15:04")
	if st := rep.Steps.At(0); st.Subject != "Grüße from me" || st.From != `"A\x1b[2J" <a@example.org>` || st.Date != at {
		t.Errorf("%+v", st)
	}
	if st := rep.Steps.At(1); st.Subject != "" || st.From != "" || st.Action != "fetch" {
		t.Errorf("%+v", st)
	}
	r.server.Change(func(o *pop3test.Options) { o.NoTOP = true })
	if rep, _ := r.foretold(); rep.Steps.At(0).Subject != "" || len(rep.Notes) != 1 {
		t.Errorf("without TOP: %+v", rep)
	}
}
