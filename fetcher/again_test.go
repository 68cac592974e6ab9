package fetcher

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/spool"
)

// What is fetched again after a doubt is not sent as if it had never been tried: an earlier copy may have arrived.
func TestAgainAfterDoubt(t *testing.T) {
	for name, doubtful := range map[string]bool{"in doubt": true, "damaged before it was tried": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, mailbox(1)...)
			var again []bool
			mail := delivertest.NewMemorySender("relay")
			mail.OnSend = func(m deliver.Outgoing) error {
				if again = append(again, m.Again); !doubtful && len(again) == 1 {
					return errRelayDown
				}
				return nil
			}
			mail.OnDoubt = func(deliver.Outgoing) error { return refuse(deliver.Error{Uncertain: true}) }
			pass := func() {
				mail = mail.Reopen()
				r.run(to("maildir", r.maildir()), to("relay", spool.New(spool.Options{Root: r.path("spool"), Where: "relay",
					Account: "a", Destination: "relay", Sender: mail})))
			}
			pass()
			copies, err := filepath.Glob(r.path("spool") + "/*/*")
			if err != nil || len(copies) != 1 {
				t.Fatal(copies, err)
			}
			r.must(os.Truncate(copies[0], 3)) // the disk ate our copy
			mail.OnDoubt = nil
			pass()
			pass()
			if len(again) != 2 || again[0] || again[1] != doubtful || r.deliveries() != 0 {
				t.Errorf("again: %v, %d open", again, r.deliveries())
			}
		})
	}
}

// What an earlier pass only staged is not sent as if it had been tried, and what it tried is.
func TestAgainOnlyWhereTried(t *testing.T) {
	r := newRig(t, mailbox(3)...)
	again := map[string]bool{}
	mail := delivertest.NewMemorySender("relay")
	mail.OnSend = func(m deliver.Outgoing) error {
		again[m.UID] = m.Again
		return nil
	}
	mail.OnDoubt = func(deliver.Outgoing) error {
		return refuse(deliver.Error{Uncertain: true, Scope: deliver.WholeTarget})
	}
	pass := func() {
		mail = mail.Reopen()
		clear(again)
		r.run(to("maildir", r.maildir()), to("relay", spool.New(spool.Options{Root: r.path("spool"), Where: "relay",
			Account: "a", Destination: "relay", Sender: mail})))
	}
	pass()
	if len(again) != 1 {
		t.Fatalf("%d were sent to a relay that does not answer", len(again))
	}
	var tried string
	for tried = range again {
	}
	mail.OnDoubt = nil
	pass()
	if len(again) != 3 || r.deliveries() != 0 {
		t.Fatalf("%d were sent, %d open", len(again), r.deliveries())
	}
	for uid, was := range again {
		if was != (uid == tried) {
			t.Errorf("%q: again is %v, and %q was tried", uid, was, tried)
		}
	}
}
