package fetcher

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/deliver/spool"
	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// at is a Maildir beside the rig's own.
func (r *rig) at(name string) *maildir.Target {
	return maildir.New(maildir.Options{Path: r.path(name), Host: "h", Now: r.opt.Now})
}

func (r *rig) path(name string) string { return filepath.Join(filepath.Dir(r.dir), name) }

// to is a required destination.
func to(name string, t deliver.Target) settle.Destination {
	return settle.Destination{Name: name, Target: t}
}

// wants makes a pass that must be of a class, with so many new, deleted and kept.
func (r *rig) wants(what string, class verdict.Class, fresh, deleted, kept int, dests ...settle.Destination) report.Report {
	r.t.Helper()
	rep := r.run(dests...)
	if rep.Verdict.Class != class || rep.New != fresh || rep.Deleted != deleted || rep.Kept != kept {
		r.t.Errorf("%s: %s (%s), %d new, %d deleted, %d kept, instead of %s, %d, %d, %d; %v", what, rep.Verdict.Class, rep.Verdict.Message,
			rep.New, rep.Deleted, rep.Kept, class, fresh, deleted, kept, rep.Reasons)
	}
	return rep
}

func (r *rig) holds(name string, n int) {
	r.t.Helper()
	if got := count(mailIn(r.t, r.path(name))); got != n {
		r.t.Errorf("%s has %d messages, want %d", name, got, n)
	}
}

func (r *rig) adopt() { r.t.Helper(); r.must(operator.Adopt(r.t.Context(), r.ledger, "a")) }

var errRelayDown = &deliver.Error{Op: "connect", Scope: deliver.WholeTarget, Err: errors.New("connection refused")}

// down is a spool whose relay takes nothing.
func (r *rig) down(name, where string) *spool.Target {
	return spool.New(spool.Options{Root: r.path("spool"), Where: where, Account: "a", Destination: name,
		Sender: &relay{down: errRelayDown, arrived: map[string]int{}}})
}

func (r *rig) up(name, where string, to *relay) *spool.Target {
	return spool.New(spool.Options{Root: r.path("spool"), Where: where, Account: "a", Destination: name, Sender: to})
}

// A relay that is down is replaced by a Maildir. What was staged for it goes on being open, and the Maildir gets the mail,
// from the server as long as it is there. Released, it goes on from the spool. It is deleted only then.
func TestRelayReplaced(t *testing.T) {
	for name, c := range map[string]struct {
		listed bool   // the server has it still when the Maildir comes
		as     string // name of the Maildir
	}{"same name": {true, "mail"}, "other name": {true, "box"}, "gone from the server": {false, "mail"}} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(3)
			r := newRig(t, box...)
			r.server.Change(func(o *pop3test.Options) { o.OnDelete = nil })
			r.acc.Policy.Delete = plan.DeleteAfterDelivery
			r.acc.Spool = func(id string) (settle.Leftover, error) { return spool.OpenFolder(r.path("spool"), id) }
			r.wants("relay down", verdict.Temporary, 0, 0, 0, to("mail", r.down("mail", "relay")))
			if !c.listed {
				r.server.AddUser("u", "p")
			}
			fresh := 3 * desk.Count(c.listed)
			rep := r.run(to(c.as, r.maildir()))
			if rep.Deleted != 0 {
				t.Errorf("deleted although the relay's deliveries are open: %+v", rep)
			}
			r.holds("mail", fresh)
			r.adopt()
			rep = r.run(to(c.as, r.maildir()))
			r.holds("mail", 3)
			if rep.Verdict.Class != verdict.OK || c.listed && rep.Deleted != 3 {
				t.Errorf("released: %+v", rep)
			}
			if n := sizeOf(t, r.path("spool")); n != 0 {
				t.Errorf("%d octets are left in the spool", n)
			}
		})
	}
}

// A relay is commented out for a while, with mail staged for it: it is sent when it comes back, under whatever name.
func TestRelayComesBack(t *testing.T) {
	for _, as := range []string{"relay", "renamed"} {
		r := newRig(t, mailbox(4)...)
		r.wants("down", verdict.Temporary, 0, 0, 0, to("maildir", r.maildir()), to("relay", r.down("relay", "x:25")))
		r.server.Deliver("u", message("meanwhile", "x"))
		if rep := r.run(to("maildir", r.maildir())); rep.Verdict.Class != verdict.Config || rep.New != 1 {
			t.Errorf("%+v", rep)
		}
		back := &relay{arrived: map[string]int{}}
		rep := r.run(to("maildir", r.maildir()), to(as, r.up(as, "x:25", back)))
		if rep.Verdict.Class != verdict.OK || len(back.arrived) != 4 {
			t.Errorf("%s: %d arrived, want those that waited for it: %+v", as, len(back.arrived), rep)
		}
	}
}

// Years of keeping into one place; it is removed, another added, and policy begins to delete: what only the first has stays.
func TestOnlyFormerHasIt(t *testing.T) {
	r := newRig(t, mailbox(5)...)
	r.wants("first", verdict.OK, 5, 0, 5, to("one", r.at("one")))
	r.server.Deliver("u", message("new", "x"))
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	if rep := r.wants("second", verdict.OK, 1, 1, 5, to("two", r.at("two"))); rep.Withheld != 5 {
		t.Errorf("%+v", rep)
	}
	r.holds("two", 1)
	r.wants("both", verdict.OK, 0, 0, 5, to("two", r.at("two")), to("one", r.at("one")))
	r.must(operator.Backfill(t.Context(), r.ledger, "a", "two", uidl.Fetch))
	r.wants("the rest wanted", verdict.OK, 5, 5, 0, to("two", r.at("two")))
	r.holds("two", 6)
}

// A destination that is added gets mail from then on; old mail is deleted only if a person lets it go without.
func TestAddedLater(t *testing.T) {
	r := newRig(t, mailbox(5)...)
	r.wants("first", verdict.OK, 5, 0, 5, to("one", r.at("one")))
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	both := func() []settle.Destination {
		return []settle.Destination{to("one", r.at("one")), to("two", r.at("two"))}
	}
	r.wants("added", verdict.OK, 0, 0, 5, both()...)
	r.holds("two", 0)
	r.must(operator.Backfill(t.Context(), r.ledger, "a", "two", uidl.Without))
	r.wants("without", verdict.OK, 0, 5, 0, both()...)
	r.holds("one", 5)
}

// What a person asks for a destination is not fetched where the Maildir shows it: a copy whose popsync.id is gone is another
// place for the ledger, and holds the same files. What its reader removed comes again.
func TestBackfillOfCopy(t *testing.T) {
	for _, lacks := range []int{0, 1} {
		r := newRig(t, mailbox(5)...)
		r.wants("first", verdict.OK, 5, 0, 5, to("one", r.at("one")))
		r.must(os.CopyFS(r.path("two"), os.DirFS(r.path("one"))))
		r.must(os.Remove(filepath.Join(r.path("two"), "popsync.id")))
		files, err := os.ReadDir(filepath.Join(r.path("two"), "new"))
		r.must(err)
		for _, f := range files[:lacks] {
			r.must(os.Remove(filepath.Join(r.path("two"), "new", f.Name())))
		}
		both := func() []settle.Destination {
			return []settle.Destination{to("one", r.at("one")), to("two", r.at("two"))}
		}
		r.wants("added", verdict.OK, 0, 0, 5, both()...)
		r.must(operator.Backfill(t.Context(), r.ledger, "a", "two", uidl.Fetch))
		r.wants("backfill", verdict.OK, lacks, 0, 5, both()...)
		r.holds("two", 5)
		r.wants("and again", verdict.OK, 0, 0, 5, both()...)
	}
}

// The disk dies, and an empty Maildir takes its path: refused, and once it is adopted, the dead one's mail does not vouch for it.
func TestReplacedMaildir(t *testing.T) {
	r := newRig(t, mailbox(5)...)
	r.wants("first", verdict.OK, 5, 0, 5)
	r.must(os.Rename(r.dir, r.path("dead")))
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	for _, name := range []string{"maildir", "other"} {
		r.must(os.MkdirAll(r.dir, 0o700))
		r.wants("not mounted, as "+name, verdict.Config, 0, 0, 0, to(name, r.maildir()))
	}
	r.adopt()
	r.server.Deliver("u", message("new", "x"))
	r.wants("adopted", verdict.OK, 1, 1, 5)
	r.holds("mail", 1)
	r.must(os.Rename(r.dir, r.path("empty")))
	r.must(os.Rename(r.path("dead"), r.dir))
	r.wants("the first one again, in place of the second", verdict.Config, 0, 0, 0)
	r.adopt()
	r.wants("and adopted", verdict.OK, 0, 5, 0)
}

// The rename fails for certain, and somebody empties tmp: nothing counts as delivered, all is fetched again.
func TestCertainFailure(t *testing.T) {
	r := newRig(t, mailbox(3)...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	fails := func() settle.Destination {
		return to("maildir", unpublished{r.maildir(), &deliver.Error{Op: "publish", Scope: deliver.WholeTarget, Untouched: true, Err: os.ErrPermission}})
	}
	r.wants("it fails", verdict.Temporary, 0, 0, 0, fails())
	entries, err := os.ReadDir(filepath.Join(r.dir, "tmp"))
	if err != nil || len(entries) != 3 {
		t.Fatal(entries, err)
	}
	for _, e := range entries {
		r.must(os.Remove(filepath.Join(r.dir, "tmp", e.Name())))
	}
	r.wants("tmp was emptied", verdict.OK, 3, 3, 0)
	r.holds("mail", 3)
}

// unpublished is a Maildir that cannot publish.
type unpublished struct {
	*maildir.Target
	err error
}

func (u unpublished) Publish(_ context.Context, tickets []deliver.Ticket) []error {
	errs := make([]error, len(tickets))
	for i := range errs {
		errs[i] = u.err
	}
	return errs
}

// What is concluded is not deleted: a message that was being published, and of which no trace is left.
func TestInferredStays(t *testing.T) {
	r := newRig(t)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.ok()
	r.server.AddUser("u", "p", mailbox(3)...)
	r.interruptAfterPublish()
	files, err := os.ReadDir(filepath.Join(r.dir, "new"))
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	r.must(os.Remove(filepath.Join(r.dir, "new", files[0].Name()))) // its reader took it
	if rep := r.wants("then", verdict.OK, 3, 2, 1); rep.Withheld != 1 {
		t.Errorf("%+v", rep)
	}
	r.must(operator.Vouch(t.Context(), r.ledger, "a"))
	r.wants("vouched for", verdict.OK, 0, 1, 0)
}

// Twelve messages without Message-ID, Date and Received are deleted elsewhere, and twelve others with the same headers come.
func TestSameWeakHeaders(t *testing.T) {
	weak := func(uid, body string) pop3test.Message {
		return pop3test.Message{UID: uid, Data: []byte("From: a\r\nTo: b\r\nSubject: report\r\n\r\n" + body + "\r\n")}
	}
	for _, n := range []int{1, 12} {
		var first, second []pop3test.Message
		for i := range n {
			first = append(first, weak(string(rune('a'+i)), "first "+string(rune('a'+i))))
			second = append(second, weak(string(rune('A'+i)), "other "+string(rune('a'+i))))
		}
		r := newRig(t, first...)
		r.ok()
		r.server.AddUser("u", "p", second...)
		if rep := r.ok(); rep.New != n || rep.Adopted != 0 {
			t.Errorf("%d: %+v", n, rep)
		}
		// The same content under new unique-ids is the same mail.
		for i := range second {
			second[i].UID = "again" + second[i].UID
		}
		r.server.AddUser("u", "p", second...)
		if rep := r.ok(); rep.New != 0 || rep.Adopted != n {
			t.Errorf("%d, moved: %+v", n, rep)
		}
	}
}

// The account gets another mailbox while deliveries are open; its messages have the same unique-ids and sizes.
func TestOtherMailboxWithOpenDeliveries(t *testing.T) {
	other := func(uid string) pop3test.Message {
		m := message(uid, "x")
		m.Data = []byte(strings.ReplaceAll(string(m.Data), "Message-ID: <1", "Message-ID: <9"))
		return m
	}
	r := newRig(t, message("1", "x"), message("2", "x"))
	r.acc.Mailbox = "first"
	to1 := &relay{down: errRelayDown, arrived: map[string]int{}}
	r.wants("down", verdict.Temporary, 0, 0, 0, to("r", r.up("r", "x", to1)))
	r.acc.Mailbox = "second"
	r.server.AddUser("u", "p", other("1"), message("3", "y"))
	to1.down = nil
	if rep := r.run(to("r", r.up("r", "x", to1))); rep.Verdict.Class != verdict.OK || rep.New != 4 {
		t.Errorf("%+v", rep)
	}
	if a := to1.arrived; a["1"] != 2 || a["2"] != 1 || a["3"] != 1 {
		t.Errorf("of the two mailboxes arrived %v", a)
	}
}

// Several messages share a unique-id; one leaves and another comes, with the same size.
func TestTwins(t *testing.T) {
	twin := func(id, body string) pop3test.Message {
		return pop3test.Message{UID: "same", Data: []byte("Message-ID: <" + id + ">\r\n\r\n" + body + "\r\n")}
	}
	a, b, c, d := twin("a", "one"), twin("b", "two"), twin("c", "six"), twin("d", "ten")
	for name, then := range map[string][]pop3test.Message{
		"the first leaves":                {b},
		"the last leaves":                 {a},
		"one comes":                       {a, b, c},
		"one comes first":                 {c, a, b},
		"the first is another":            {c, b},
		"the last is another":             {a, c},
		"the first leaves, one comes":     {b, c},
		"other order":                     {b, a},
		"both are others":                 {c, d},
		"one leaves, two come in between": {c, b, d},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, a, b)
			r.ok()
			r.server.AddUser("u", "p", then...)
			r.ok()
			r.ok()
			want := map[string]pop3test.Message{}
			for _, m := range append([]pop3test.Message{a, b}, then...) {
				want[string(m.Data)] = m
			}
			var all []pop3test.Message
			for _, m := range want {
				all = append(all, m)
			}
			r.wantMail(all...)
		})
	}
}

// A server without TOP marks what was read: that makes no other message of it.
func TestStatusLine(t *testing.T) {
	for _, header := range []string{"Message-ID: <1>\r\nSubject: x\r\n", "From: a\r\nSubject: x\r\n"} {
		m := pop3test.Message{UID: "u1", Data: []byte(header + "\r\nbody\r\n")}
		r := newRig(t, m)
		r.server.Change(func(o *pop3test.Options) { o.NoTOP = true })
		r.ok()
		for _, line := range []string{"Status: RO\r\n", "X-Status: A\r\nStatus: O\r\n", ""} {
			r.server.AddUser("u", "p", pop3test.Message{UID: "u1", Data: []byte(header + line + "\r\nbody\r\n")})
			if rep := r.ok(); rep.New != 0 || rep.Kept != 1 {
				t.Errorf("%q: %+v", line, rep)
			}
		}
		r.server.AddUser("u", "p", pop3test.Message{UID: "u1", Data: []byte("Message-ID: <2>\r\nSubject: x\r\n\r\nother\r\n")})
		if rep := r.ok(); rep.New != 1 {
			t.Errorf("another: %+v", rep)
		}
	}
}

// Kept mailboxes of one, two, three messages whose unique-ids change, and change back.
func TestRenumberedSmall(t *testing.T) {
	for n := 1; n <= 4; n++ {
		box := mailbox(n)
		under := func(prefix string, all []pop3test.Message) (out []pop3test.Message) {
			for _, m := range all {
				m.UID = prefix + m.UID
				out = append(out, m)
			}
			return out
		}
		r := newRig(t, box...)
		r.ok()
		r.server.AddUser("u", "p", under("B", box)...)
		if rep := r.ok(); rep.New != 0 || rep.Adopted != n {
			t.Errorf("%d changed: %+v", n, rep)
		}
		box = append(box, message("later", "x"))
		r.server.AddUser("u", "p", under("B", box)...)
		if rep := r.ok(); rep.New != 1 {
			t.Errorf("%d, one came: %+v", n, rep)
		}
		r.server.AddUser("u", "p", box...)
		if rep := r.ok(); rep.New != 0 {
			t.Errorf("%d, changed back: %+v", n, rep)
		}
		r.wantMail(box...)
	}
}

// The ledger is lost, and the account has a second place that lacks the mail: nothing comes twice, and the second is not flooded.
func TestLostLedgerSecondPlace(t *testing.T) {
	for name, second := range map[string]settle.Destination{"added later": {}, "optional": {Optional: true}, "fallback": {Fallback: true}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, mailbox(5)...)
			r.wants("before", verdict.OK, 5, 0, 5, to("one", r.at("one")))
			r.lose()
			r.server.Deliver("u", message("new", "x")) // nobody can tell that it is
			second.Name, second.Target = "two", r.at("two")
			rep := r.run(to("one", r.at("one")), second)
			if rep.Rebuilt != 5 || rep.New != 0 || rep.Unfetched != 1 {
				t.Errorf("%+v", rep)
			}
			r.holds("one", 5)
			r.holds("two", 0)
		})
	}
}

// An older copy of the ledger is restored, alone or with all that lies beside it, when mail has been delivered, and partly
// moved away, since.
func TestOlderLedger(t *testing.T) {
	for _, whole := range []bool{false, true} {
		box := mailbox(9)
		r := newRig(t, box[:3]...)
		r.ok()
		r.must(r.ledger.Close())
		old := r.path("old")
		r.must(exec.Command("cp", "-a", r.state, old).Run())
		r.open()
		r.server.AddUser("u", "p", box[:6]...)
		r.ok()
		r.server.AddUser("u", "p", box[:8]...)
		r.ok()
		r.must(r.ledger.Close())
		if whole {
			r.must(os.RemoveAll(r.state))
			r.must(os.Rename(old, r.state))
		} else {
			for _, name := range []string{"ledger.db", "ledger.db-wal"} {
				r.must(exec.Command("cp", "-a", filepath.Join(old, name), r.state).Run())
			}
		}
		r.open()
		files, err := os.ReadDir(filepath.Join(r.dir, "new"))
		if err != nil || len(files) != 8 {
			t.Fatal(files, err)
		}
		took := r.take(box[7])
		r.server.AddUser("u", "p", box...)
		r.acc.Policy.Delete = plan.DeleteAfterDelivery
		rep := r.run()
		if rep.Verdict.Class != verdict.Config || rep.New != 0 || rep.Deleted != 0 || rep.Rebuilt != 4 || rep.Unfetched != 2 || took != 1 {
			t.Errorf("whole %v: %+v", whole, rep)
		}
		r.holds("mail", 7)
		r.server.Deliver("u", message("later", "x"))
		if rep := r.run(); rep.New != 1 || rep.Held != 2 || rep.Deleted != 8 {
			t.Errorf("whole %v, then: %+v", whole, rep)
		}
		_, held, err := operator.Accept(t.Context(), r.ledger, "a", r.clock)
		if held != 2 || err != nil {
			t.Error(held, err)
		}
		r.wants("accepted", verdict.OK, 2, 2, 0)
	}
}

// The same where a person had asked for the rest for one of two Maildirs, and its reader took what was delivered to both
// since the copy: it does not come to that one again unless a person says so.
func TestOlderLedgerAfterBackfill(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box[:2]...)
	both := func() []settle.Destination {
		return []settle.Destination{to("mail", r.at("mail")), to("two", r.at("two"))}
	}
	r.wants("first", verdict.OK, 2, 0, 2, both()...)
	r.must(operator.Backfill(t.Context(), r.ledger, "a", "mail", uidl.Fetch))
	r.must(r.ledger.Close())
	old := r.path("old")
	r.must(exec.Command("cp", "-a", r.state, old).Run())
	r.open()
	r.server.Deliver("u", box[2])
	r.wants("since the copy", verdict.OK, 1, 0, 3, both()...)
	r.must(r.ledger.Close())
	r.must(os.RemoveAll(r.state))
	r.must(os.Rename(old, r.state))
	r.open()
	r.take(box[2])
	for range 2 {
		if rep := r.wants("restored", verdict.Config, 0, 0, 2, both()...); rep.Held != 1 {
			t.Errorf("%+v", rep)
		}
		r.holds("mail", 2)
	}
	if _, held, err := operator.Accept(t.Context(), r.ledger, "a", r.clock); held != 1 || err != nil {
		t.Error(held, err)
	}
	r.wants("accepted", verdict.OK, 1, 0, 3, both()...)
	r.holds("mail", 3)
	r.holds("two", 3)
}

// A relay that is down has mail, and the copy for a destination that is added meanwhile is damaged. Once the relay has got it,
// it is old mail for the other one: nothing is open any more, and policy keeps it until a person says more.
func TestOwedToYounger(t *testing.T) {
	r := newRig(t, mailbox(1)...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.wants("relay down", verdict.Temporary, 0, 0, 0, to("relay", r.down("relay", "x:25")))
	bad := func() settle.Destination {
		return to("two", &damaged{Target: r.at("two"), ledger: func() int { return 0 }, t: t})
	}
	r.run(to("relay", r.down("relay", "x:25")), bad())
	if n := r.deliveries(); n != 2 {
		t.Errorf("%d are open, want one for each", n)
	}
	up := &relay{arrived: map[string]int{}}
	r.run(to("relay", r.up("relay", "x:25", up)), bad()) // until it is sent no place has it, and it is wanted at both
	both := func() []settle.Destination {
		return []settle.Destination{to("relay", r.up("relay", "x:25", up)), to("two", r.at("two"))}
	}
	for range 2 {
		if rep := r.run(both()...); rep.Verdict.Class != verdict.OK || rep.Deleted != 0 || r.deliveries() != 0 || len(up.arrived) != 1 {
			t.Errorf("%d are open, %d arrived: %+v", r.deliveries(), len(up.arrived), rep)
		}
	}
	r.holds("two", 0)
	r.must(operator.Backfill(t.Context(), r.ledger, "a", "two", uidl.Fetch))
	r.wants("backfill", verdict.OK, 1, 1, 0, both()...)
	r.holds("two", 1)
}

// deliveries counts those that are open.
func (r *rig) deliveries() (n int) {
	r.t.Helper()
	db := r.sql()
	defer db.Close()
	r.must(db.QueryRow(`SELECT count(*) FROM delivery`).Scan(&n))
	return n
}

// interruptAfterPublish makes a pass whose files become visible and whose commit of that does not come.
func (r *rig) interruptAfterPublish() {
	r.t.Helper()
	w := uidltest.NewFaulty(r.ledger, uidltest.Fault{Commit: 2}) // the first is 'publishing'
	r.ledger = w
	r.run()
	r.must(w.Close())
	r.open()
}

// take is a reader that removes a message; it says how many files had it.
func (r *rig) take(m pop3test.Message) (n int) {
	r.t.Helper()
	files, err := os.ReadDir(filepath.Join(r.dir, "new"))
	r.must(err)
	for _, f := range files {
		path := filepath.Join(r.dir, "new", f.Name())
		b, err := os.ReadFile(path)
		r.must(err)
		if string(b) == string(stored8(m.Data)) {
			r.must(os.Remove(path))
			n++
		}
	}
	return n
}

// A ledger that is lost with nothing but a remote destination: all is held back, because beside the database stands that the
// account had mail.
func TestLostLedgerRemoteOnly(t *testing.T) {
	r := newRig(t, mailbox(6)...)
	m := delivertest.NewMemory("remote")
	if rep := r.run(to("remote", m)); rep.New != 6 {
		t.Errorf("before: %+v", rep)
	}
	r.lose()
	rep := r.wants("lost", verdict.Config, 0, 0, 0, to("remote", m.Reopen()))
	if rep.Unfetched != 6 {
		t.Errorf("%+v", rep)
	}
	wantRemote(t, m, mailbox(6)...)
}
