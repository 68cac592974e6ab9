package fetcher

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3/pop3test"
)

// Two messages came one after the other under one unique-id, so that the files of both have the same tag. The ledger is lost:
// the one that is listed is known by its own header and content, not by those of the other, whichever comes first, so that
// it is the same when it is looked at again, and another one under that unique-id is new.
func TestLostLedgerSharedTag(t *testing.T) {
	of := func(n int) pop3test.Message {
		return pop3test.Message{UID: "x", Data: fmt.Appendf(nil, "Message-ID: <%d>\r\n\r\nmessage %d\r\n", n, n)}
	}
	for listed := range 3 {
		t.Run(fmt.Sprint("the ", []string{"first", "second", "third"}[listed], " is listed"), func(t *testing.T) {
			all := []pop3test.Message{of(0), of(1), of(2)}
			r := newRig(t)
			r.acc.Policy.Delete = plan.DeleteAfterDelivery
			for _, m := range all {
				r.server.AddUser("u", "p", m)
				r.ok()
			}
			r.wantMail(all...)
			r.acc.Policy.Delete = plan.DeleteNever
			r.server.AddUser("u", "p", all[listed])
			r.lose()
			if rep := r.ok(); rep.Rebuilt != 1 || rep.New != 0 {
				t.Fatalf("%+v", rep)
			}
			// It goes and comes back: it is looked at, by header and by content.
			for _, top := range []bool{true, false} {
				r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
				r.server.AddUser("u", "p")
				r.ok()
				r.server.AddUser("u", "p", all[listed])
				if rep := r.ok(); rep.New != 0 || rep.Questioned != 1 || rep.Kept != 1 {
					t.Errorf("TOP %v, back: %+v", top, rep)
				}
			}
			r.server.Change(func(o *pop3test.Options) { o.NoTOP = false })
			r.acc.Policy.Delete = plan.DeleteAfterDelivery
			r.server.AddUser("u", "p", of(3))
			if rep := r.ok(); rep.New != 1 || rep.Deleted != 1 {
				t.Errorf("another: %+v", rep)
			}
			r.wantMail(append(all, of(3))...)
		})
	}
}

// The same, where nothing can be compared when the ledger is lost (no TOP), and the mailbox then rewrites the message. What the
// Maildir shows tells when it is read; what its reader took is held back, not delivered again.
func TestLostLedgerSharedTagUnseen(t *testing.T) {
	of := func(n int) pop3test.Message {
		return pop3test.Message{UID: "x", Data: fmt.Appendf(nil, "Subject: %d\r\n\r\nmessage %d\r\n", n, n)}
	}
	for _, taken := range []bool{false, true} {
		for listed := range 2 {
			r := newRig(t)
			r.server.Change(func(o *pop3test.Options) { o.NoTOP = true })
			r.acc.Policy.Delete = plan.DeleteAfterDelivery
			for n := range 2 {
				r.server.AddUser("u", "p", of(n))
				r.ok()
			}
			files, err := filepath.Glob(filepath.Join(r.dir, "new", "*"))
			if err != nil || len(files) != 2 {
				t.Fatal(files, err)
			}
			for _, f := range files {
				text, err := os.ReadFile(f)
				r.must(err)
				if taken && strings.Contains(string(text), fmt.Sprintf("message %d\n", listed)) {
					r.must(os.Remove(f))
				}
			}
			r.acc.Policy.Delete = plan.DeleteNever
			r.server.AddUser("u", "p", of(listed))
			r.lose()
			if rep := r.ok(); rep.Rebuilt != 1 || rep.New != 0 {
				t.Fatalf("%+v", rep)
			}
			m := of(listed)
			m.Data = append([]byte("Status: RO\r\n"), m.Data...)
			r.server.AddUser("u", "p", m)
			rep := r.run()
			if rep.New != 0 || taken != (rep.Unfetched == 1) {
				t.Errorf("taken %v, message %d is listed: %+v", taken, listed, rep)
			}
		}
	}
}
