package fetcher

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

// lose deletes the ledger.
func (r *rig) lose() {
	r.t.Helper()
	err := r.ledger.Close()
	for _, name := range []string{"ledger.db", "ledger.db-wal", "ledger.db-shm"} {
		if e := os.Remove(filepath.Join(r.state, name)); e != nil && !os.IsNotExist(e) {
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.open()
}

// 1,000 were delivered, the ledger is deleted: nothing is delivered again, and the next pass is as ever. A reader may
// have moved the mail to cur and to folders meanwhile.
func TestLostLedger(t *testing.T) {
	t.Parallel()
	for _, top := range []bool{true, false} {
		box := mailbox(1000)
		r := newRig(t, box...)
		r.server.Change(func(o *pop3test.Options) { o.NoTOP, o.OnDelete = !top, nil })
		r.ok()
		files, err := os.ReadDir(filepath.Join(r.dir, "new"))
		if err != nil {
			t.Fatal(err)
		}
		for _, sub := range []string{"new", "cur", "tmp"} {
			if err := os.MkdirAll(filepath.Join(r.dir, ".Archive", sub), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		for i, f := range files {
			to := []string{"cur/" + f.Name() + ":2,S", ".Archive/cur/" + f.Name() + ":2,", "new/" + f.Name()}[i%3]
			if err := os.Rename(filepath.Join(r.dir, "new", f.Name()), filepath.Join(r.dir, to)); err != nil {
				t.Fatal(err)
			}
		}
		held := count(mailIn(t, r.dir)) + count(mailIn(t, filepath.Join(r.dir, ".Archive")))
		r.lose()
		rep := r.ok()
		if rep.New != 0 || rep.Rebuilt != 1000 || rep.Unfetched != 0 || len(rep.Notes) != 2 || !strings.Contains(rep.Notes[0], "did not know 1000 of the listed") {
			t.Errorf("TOP %v: %+v", top, rep)
		}
		if got := count(mailIn(t, r.dir)) + count(mailIn(t, filepath.Join(r.dir, ".Archive"))); got != held || got != 1000 {
			t.Errorf("TOP %v: %d messages", top, got)
		}
		// Where the server's header is that of the stored message, it was delivered beyond doubt; elsewhere it stays.
		r.acc.Policy.Delete = plan.DeleteAfterDelivery
		want := 1000
		if !top {
			want = 0
		}
		if rep := r.ok(); rep.New != 0 || rep.Rebuilt != 0 || rep.Deleted != want {
			t.Errorf("TOP %v, then: %+v", top, rep)
		}
	}
}

// Only what is still in the Maildir is recognised; a unique-id that was given to another message since is not.
func TestLostLedgerInPart(t *testing.T) {
	box := mailbox(20)
	twins := []pop3test.Message{message("twin", "one"), message("twin", "two")}
	twins[1].Data = bytes.Replace(twins[1].Data, []byte("<twin>"), []byte("<other>"), 1)
	r := newRig(t, append(box, twins...)...)
	r.ok()
	files, err := os.ReadDir(filepath.Join(r.dir, "new"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files { // the person deleted one
		b, _ := os.ReadFile(filepath.Join(r.dir, "new", f.Name()))
		if bytes.Contains(b, []byte("<uid00007>")) {
			os.Remove(filepath.Join(r.dir, "new", f.Name()))
		}
	}
	reused := message(box[3].UID, "another")
	reused.Data = bytes.Replace(reused.Data, []byte("<uid00003>"), []byte("<another>"), 1)
	now := append(append([]pop3test.Message{}, box...), twins...)
	now[3] = reused
	r.server.AddUser("u", "p", append(now, message("new", "x"))...)
	r.lose()
	// The one that was removed, the one under a unique-id that was given away, and a new one are held back: nobody can tell
	// which of them were delivered before. What comes later is fetched.
	rep := r.run()
	if rep.Rebuilt != 20 || rep.Unfetched != 3 || rep.New != 0 || rep.Verdict.Class != verdict.Config {
		t.Errorf("%+v", rep)
	}
	r.server.Deliver("u", message("later", "y"))
	if rep := r.run(); rep.New != 1 || rep.Rebuilt != 0 || rep.Held != 3 || rep.Verdict.Class != verdict.Config {
		t.Errorf("then: %+v", rep)
	}
	if _, held, err := operator.Accept(t.Context(), r.ledger, "a", r.clock); held != 3 || err != nil {
		t.Errorf("%d accepted, %v", held, err)
	}
	if rep := r.ok(); rep.New != 3 || rep.Held != 0 {
		t.Errorf("accepted: %+v", rep)
	}
	r.wantMail(append(append(box, twins...), reused, message("new", "x"), message("later", "y"))...)
}

// Another account's mail in the same Maildir, and mail of other programs, mean nothing.
func TestLostLedgerOfAnother(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box...)
	r.ok()
	if err := os.WriteFile(filepath.Join(r.dir, "cur", "1.2.host:2,S"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.acc.Name = "b"
	if rep := r.ok(); rep.New != 5 || rep.Rebuilt != 0 {
		t.Errorf("%+v", rep)
	}
}

// One of two destinations does not show a message: its reader may have taken it, so it gets it again only if a person says so.
func TestLostLedgerTwoDestinations(t *testing.T) {
	box := mailbox(4)
	r := newRig(t, box...)
	first, second := r.dir, filepath.Join(filepath.Dir(r.dir), "second")
	run := func() report.Report {
		r.dir = second
		other := r.maildir()
		r.dir = first
		return r.run(settle.Destination{Name: "one", Target: r.maildir()}, settle.Destination{Name: "two", Target: other})
	}
	run()
	files, err := os.ReadDir(filepath.Join(second, "new"))
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	os.Remove(filepath.Join(second, "new", files[0].Name()))
	r.lose()
	if rep := run(); rep.Rebuilt != 4 || rep.New != 0 {
		t.Errorf("%+v", rep)
	}
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	if rep := run(); rep.New != 0 || rep.Deleted != 3 || rep.Withheld != 1 {
		t.Errorf("%+v", rep)
	}
	if err := operator.Backfill(t.Context(), r.ledger, "a", "two", uidl.Fetch); err != nil {
		t.Fatal(err)
	}
	if rep := run(); rep.New != 1 {
		t.Errorf("wanted by a person: %+v", rep)
	}
	if n := count(mailIn(t, second)); n != 4 {
		t.Errorf("%d in the second", n)
	}
}

// What a destination without tags has nobody can tell: nothing is delivered again, and nothing is ever deleted.
func TestLostLedgerRemoteDestination(t *testing.T) {
	box := mailbox(4)
	r := newRig(t, box...)
	m := delivertest.NewMemory("remote")
	r.pair(m)
	r.lose()
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	for range 2 {
		if rep := r.pair(m.Reopen()); rep.Verdict.Class != verdict.OK || rep.New != 0 || rep.Deleted != 0 || rep.Kept != 4 {
			t.Errorf("%+v", rep)
		}
	}
	wantRemote(t, m, box...)
}
