package fetcher

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/sqlite"
)

// rig is a server in memory, a ledger and a Maildir on disk, and an account between them.
type rig struct {
	t      *testing.T
	server *pop3test.Server
	ledger uidl.Ledger
	dir    string // of the Maildir
	state  string
	acc    Account
	opt    Options
	clock  time.Time

	reading func(uid string) // called before each body, as the ledger is; "": no message, or one without unique-id
}

func newRig(t *testing.T, messages ...pop3test.Message) *rig {
	t.Helper()
	root := inMemory(t) // what a disk does is proved elsewhere
	r := &rig{t: t, dir: filepath.Join(root, "mail"), state: filepath.Join(root, "state"), clock: time.Now()}
	r.server = pop3test.NewServer(pop3test.Options{})
	t.Cleanup(r.server.Close)
	r.server.AddUser("u", "p", messages...)
	r.open()
	t.Cleanup(func() { r.ledger.Close() })
	r.acc = Account{
		Name:   "a",
		Server: pop3.Options{Host: "test", TLS: pop3.NoTLS, Dial: r.server.Dial},
		Login:  pop3.Login{Username: "u", Password: func(context.Context) (string, error) { return "p", nil }},
	}
	r.opt = Options{Now: func() time.Time { return r.clock }, FreeFloor: 1}
	// I3: at every DELE the ledger has the message as delivered.
	r.server.Change(func(o *pop3test.Options) { o.OnDelete = r.mustBeDelivered })
	return r
}

func (r *rig) open() {
	l, err := sqlite.Open(context.Background(), sqlite.Options{Dir: r.state, Restored: health.VerifyMode})
	if err != nil {
		r.t.Fatal(err)
	}
	r.ledger = l
}

// mustBeDelivered looks through a connection of its own, as another process would. The archive is not required.
func (r *rig) mustBeDelivered(_, uid string) {
	db := r.sql()
	defer db.Close()
	var delivered, open int
	err := db.QueryRow(`SELECT count(*) FROM message WHERE state IN (2, 3) AND (uid = ?1 OR CAST(uid AS TEXT) LIKE 'popsync-header:%')`,
		[]byte(uid)).Scan(&delivered)
	if err == nil {
		err = db.QueryRow(`SELECT count(*) FROM delivery AS d JOIN destination AS t ON t.id = d.destination
			WHERE d.uid = ?1 AND t.name <> 'archive'`, []byte(uid)).Scan(&open)
	}
	if err != nil || delivered == 0 || open != 0 {
		r.t.Errorf("DELE of %q: the ledger has %d rows delivered and %d deliveries open (%v)", uid, delivered, open, err)
	}
}

func (r *rig) sql() *sql.DB {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.state, "ledger.db")+"?mode=ro")
	if err != nil {
		r.t.Fatal(err)
	}
	return db
}

// run makes a pass into the rig's Maildir, or the given destinations.
func (r *rig) run(dests ...settle.Destination) report.Report {
	r.t.Helper()
	a := r.acc
	a.Destinations = dests
	if len(dests) == 0 {
		a.Destinations = []settle.Destination{{Name: "maildir", Target: r.maildir()}}
	}
	return Run(context.Background(), r.told(), a, r.opt)
}

func (r *rig) maildir() *maildir.Target {
	return maildir.New(maildir.Options{Path: r.dir, Host: "h", Now: r.opt.Now})
}

// ok makes a pass that must succeed.
func (r *rig) ok() report.Report {
	r.t.Helper()
	rep := r.run()
	if rep.Verdict.Class != verdict.OK {
		r.t.Fatalf("pass: %+v, err %v", rep.Verdict, rep.Err)
	}
	return rep
}

// mail returns the Maildir's contents as a multiset of hashes.
func mailIn(t *testing.T, dir string) map[[32]byte]int {
	t.Helper()
	got := map[[32]byte]int{}
	for _, sub := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(dir, sub, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			got[sha256.Sum256(b)]++
		}
	}
	return got
}

// wantMail checks that the Maildir holds exactly these messages.
func (r *rig) wantMail(messages ...pop3test.Message) {
	r.t.Helper()
	want := map[[32]byte]int{}
	for _, m := range messages {
		want[sha256.Sum256(stored8(m.Data))]++
	}
	if got := mailIn(r.t, r.dir); !maps.Equal(got, want) {
		r.t.Fatalf("Maildir has %d messages, want %d, or others than these", count(got), count(want))
	}
	left, err := os.ReadDir(filepath.Join(r.dir, "tmp"))
	if err == nil && len(left) > 0 {
		r.t.Errorf("%d files left in tmp", len(left))
	}
}

func count(m map[[32]byte]int) (n int) {
	for _, k := range m {
		n += k
	}
	return n
}

// stored8 is what a Maildir has of a message: the server ends it with CRLF, the Maildir makes CRLF a LF.
func stored8(data []byte) []byte {
	if len(data) > 0 && !bytes.HasSuffix(data, []byte("\r\n")) {
		data = append(slices.Clone(data), "\r\n"...)
	}
	return bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
}

func message(uid string, body string) pop3test.Message {
	return pop3test.Message{UID: uid, Data: fmt.Appendf(nil, "Message-ID: <%s>\r\nSubject: %s\r\n\r\n%s\r\n", uid, uid, body)}
}

func mailbox(n int) []pop3test.Message {
	var out []pop3test.Message
	for i := range n {
		out = append(out, message(fmt.Sprintf("uid%05d", i), strings.Repeat("line\r\n", i%50)))
	}
	return out
}

func TestKeep(t *testing.T) {
	box := mailbox(30)
	r := newRig(t, box...)
	r.opt.BatchMessages = 7
	if rep := r.ok(); rep.New != 30 || rep.Kept != 30 || rep.Listed != 30 || rep.Deleted != 0 {
		t.Errorf("first pass: %+v", rep)
	}
	r.wantMail(box...)
	if rep := r.ok(); rep.New != 0 || rep.Kept != 30 {
		t.Errorf("second pass: %+v", rep)
	}
	more := message("more", "x")
	r.server.Deliver("u", more)
	if rep := r.ok(); rep.New != 1 {
		t.Errorf("third pass: %+v", rep)
	}
	r.wantMail(append(box, more)...)
	if st := r.server.Stats(); st.Commands["RETR"] != 31 || st.Commands["DELE"] != 0 {
		t.Errorf("commands: %v", st.Commands)
	}
}

func TestDeleteAfterDelivery(t *testing.T) {
	box := mailbox(30)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.opt.SessionMessages = 8 // several sessions in one pass
	if rep := r.ok(); rep.New != 30 || rep.Deleted != 30 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
	if left := r.server.Messages("u"); len(left) != 0 {
		t.Errorf("%d left on the server", len(left))
	}
	if st := r.server.Stats(); st.Sessions != 4 {
		t.Errorf("%d sessions, want 4", st.Sessions)
	}
	if rep := r.ok(); rep.New != 0 || rep.Listed != 0 {
		t.Errorf("after: %+v", rep)
	}
}

// A server that answers +OK to QUIT and deletes nothing gets DELE again, and nothing is fetched again.
func TestDeletionsThatDoNotHappen(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.server.Change(func(o *pop3test.Options) { o.QuitKeeps = true })
	for range 3 {
		r.ok()
	}
	r.wantMail(box...)
	st := r.server.Stats()
	if st.Commands["RETR"] != 3 || st.Commands["DELE"] != 9 {
		t.Errorf("commands: %v", st.Commands)
	}
}

// The same without TOP: what was deleted and is still listed is retrieved once more to be recognised.
func TestDeletionsThatDoNotHappenWithoutTOP(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.server.Change(func(o *pop3test.Options) { o.QuitKeeps, o.NoTOP = true, true })
	for range 2 {
		r.ok()
	}
	r.wantMail(box...)
	if st := r.server.Stats(); st.Commands["RETR"] != 6 || st.Commands["DELE"] != 6 {
		t.Errorf("commands: %v", st.Commands)
	}
}

func TestDeleteAfterAge(t *testing.T) {
	box := mailbox(2)
	r := newRig(t, box...)
	r.acc.Policy = plan.Policy{Delete: plan.DeleteAfterAge, Age: 48 * time.Hour}
	r.ok()
	r.clock = r.clock.Add(47 * time.Hour)
	if rep := r.ok(); rep.Deleted != 0 {
		t.Errorf("too early: %+v", rep)
	}
	r.clock = r.clock.Add(2 * time.Hour)
	if rep := r.ok(); rep.Deleted != 0 {
		t.Errorf("at the first listing of that age: %+v", rep)
	}
	r.clock = r.clock.Add(24 * time.Hour)
	if rep := r.ok(); rep.Deleted != 2 {
		t.Errorf("in time: %+v", rep)
	}
	r.wantMail(box...)
}

// The clock jumps ahead, once or for good, or says 1970: nothing is deleted before a listing on another day confirms it.
func TestAgeAndClocks(t *testing.T) {
	begin := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	day := func(n int) time.Time { return begin.Add(time.Duration(n) * 24 * time.Hour) }
	for name, c := range map[string]struct {
		clocks []time.Time // of one pass after another
		at     int         // index of the pass that deletes
	}{
		"daily":                 {[]time.Time{day(0), day(1), day(29), day(30), day(31)}, 4},
		"jumps 40 days":         {[]time.Time{day(0), day(0), day(40), day(40).Add(time.Hour), day(41)}, 4},
		"ten years ahead, once": {[]time.Time{day(0), day(3650), day(1), day(2), day(3), day(30), day(30).Add(time.Hour), day(31)}, 7},
		"1970 at first":         {[]time.Time{time.Unix(60, 0), time.Unix(120, 0), day(0), day(0).Add(time.Hour), day(1), day(2), day(31), day(32), day(33)}, 7},
		"1970 in between":       {[]time.Time{day(0), time.Unix(60, 0), day(1), day(2), day(30), day(31)}, 5},
		"weekly":                {[]time.Time{day(0), day(7), day(14), day(21), day(28), day(35), day(42)}, 6},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, mailbox(2)...)
			r.opt.Built = begin.Add(-240 * time.Hour).Unix()
			r.acc.Policy = plan.Policy{Delete: plan.DeleteAfterAge, Age: 30 * 24 * time.Hour}
			for i, clock := range c.clocks {
				r.clock = clock
				if deleted := r.run().Deleted; deleted != 2*desk.Count(i == c.at) {
					t.Errorf("pass %d, %s: %d deleted", i, clock, deleted)
				}
			}
		})
	}
}

// A clock that jumps must not empty a mailbox: the second listing is on the second day only in its own eyes.
func TestAgeNeedsTwoDays(t *testing.T) {
	r := newRig(t, mailbox(2)...)
	r.acc.Policy = plan.Policy{Delete: plan.DeleteAfterAge, Age: time.Minute}
	r.clock = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	r.ok()
	r.clock = r.clock.Add(time.Hour)
	if rep := r.ok(); rep.Deleted != 0 {
		t.Errorf("deleted on the first day: %+v", rep)
	}
}

// A mailbox under a reused UID: new mail of the same size is delivered and not deleted unseen.
func TestReusedUID(t *testing.T) {
	first := message("x", "first message")
	r := newRig(t, first)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.ok()
	second := pop3test.Message{UID: "x", Data: bytes.ReplaceAll(first.Data, []byte("<x>"), []byte("<y>"))}
	r.server.Deliver("u", second)
	if rep := r.ok(); rep.New != 1 || rep.Deleted != 1 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(first, second)
}

// The same when the policy has become to keep meanwhile: the message that is listed need not be the deleted one.
func TestReusedUIDAfterPolicyChange(t *testing.T) {
	for _, top := range []bool{true, false} {
		first := message("x", "first message")
		r := newRig(t, first)
		r.acc.Policy.Delete = plan.DeleteAfterDelivery
		r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
		r.ok()
		r.acc.Policy.Delete = plan.DeleteNever
		second := pop3test.Message{UID: "x", Data: bytes.ReplaceAll(first.Data, []byte("<x>"), []byte("<y>"))}
		r.server.Deliver("u", second) // no listing lacked the unique-id
		if rep := r.ok(); rep.New != 1 || rep.Kept != 1 {
			t.Errorf("TOP=%v: %+v", top, rep)
		}
		r.wantMail(first, second)
		before := r.server.Stats().Commands
		if rep := r.ok(); rep.Kept != 1 || rep.Questioned != 0 {
			t.Errorf("TOP=%v, settled for good: %+v", top, rep)
		}
		if after := r.server.Stats().Commands; after["TOP"] != before["TOP"] || after["RETR"] != before["RETR"] {
			t.Errorf("TOP=%v: it was looked at again", top)
		}
	}
}

// What was told to be deleted and is not, under a policy that is to keep by now, is recognised once and then kept.
func TestUndeletedAfterPolicyChange(t *testing.T) {
	for _, top := range []bool{true, false} {
		box := mailbox(3)
		r := newRig(t, box...)
		r.acc.Policy.Delete = plan.DeleteAfterDelivery
		r.server.Change(func(o *pop3test.Options) { o.NoTOP, o.QuitKeeps = !top, true })
		r.ok()
		r.acc.Policy.Delete = plan.DeleteNever
		if rep := r.ok(); rep.New != 0 || rep.Kept != 3 || rep.Questioned != 3 {
			t.Errorf("TOP=%v: %+v", top, rep)
		}
		if rep := r.ok(); rep.Kept != 3 || rep.Questioned != 0 {
			t.Errorf("TOP=%v, settled for good: %+v", top, rep)
		}
		r.wantMail(box...)
	}
}

func TestReusedUIDWithoutTOP(t *testing.T) {
	first := message("x", "first message")
	r := newRig(t, first)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.server.Change(func(o *pop3test.Options) { o.NoTOP = true })
	r.ok()
	second := pop3test.Message{UID: "x", Data: bytes.ReplaceAll(first.Data, []byte("<x>"), []byte("<y>"))}
	r.server.Deliver("u", second)
	if rep := r.ok(); rep.New != 1 || rep.Deleted != 1 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(first, second)
}

// A known UID with another size is looked at: the same header is the same message, another one is new mail.
func TestChangedSize(t *testing.T) {
	for _, top := range []bool{true, false} {
		t.Run(fmt.Sprintf("TOP=%v", top), func(t *testing.T) {
			a, b := message("a", "one"), message("b", "two")
			r := newRig(t, a, b)
			r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
			r.ok()
			other := message("b", "another message with another size")
			other.Data = bytes.ReplaceAll(other.Data, []byte("<b>"), []byte("<c>"))
			lied := a
			lied.ListSize = 9999
			r.server.AddUser("u", "p", lied, other)
			if rep := r.ok(); rep.New != 1 || rep.Questioned != 2 {
				t.Errorf("%+v", rep)
			}
			r.wantMail(a, b, other)
			if rep := r.ok(); rep.New != 0 || rep.Questioned != 0 {
				t.Errorf("settled for good: %+v", rep)
			}
		})
	}
}

// A partial listing and its return bring no duplicates, and delete nothing that is not recognised.
func TestGoneAndBack(t *testing.T) {
	box := mailbox(4)
	r := newRig(t, box...)
	r.ok()
	r.server.AddUser("u", "p", box[:2]...)
	r.ok()
	r.server.AddUser("u", "p", box...)
	if rep := r.ok(); rep.New != 0 || rep.Questioned != 2 {
		t.Errorf("%+v", rep)
	}
	if rep := r.ok(); rep.Questioned != 0 || rep.Kept != 4 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
}

func TestEqualUIDs(t *testing.T) {
	a, b, c := message("x", "one"), message("x", "two"), message("y", "three")
	b.Data = bytes.ReplaceAll(b.Data, []byte("<x>"), []byte("<x2>"))
	r := newRig(t, a, b, c)
	r.ok()
	r.wantMail(a, b, c)
	if rep := r.ok(); rep.New != 0 || rep.Kept != 3 {
		t.Errorf("%+v", rep)
	}
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	if rep := r.ok(); rep.Deleted != 3 {
		t.Errorf("all copies go together: %+v", rep)
	}
	r.wantMail(a, b, c)
}

// One copy of a shared UID was replaced by another message behind our back: it is delivered, nothing is deleted before.
func TestEqualUIDsReplaced(t *testing.T) {
	a, b := message("x", "one"), message("x", "two")
	b.Data = bytes.ReplaceAll(b.Data, []byte("<x>"), []byte("<2>"))
	r := newRig(t, a, b)
	r.ok()
	c := pop3test.Message{UID: "x", Data: bytes.ReplaceAll(b.Data, []byte("<2>"), []byte("<3>"))}
	r.server.AddUser("u", "p", a, c)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.ok()
	r.ok()
	r.wantMail(a, b, c)
	if left := r.server.Messages("u"); len(left) != 0 {
		t.Errorf("%d left", len(left))
	}
}

func TestMaxSizeAndLimit(t *testing.T) {
	small, large := message("s", "x"), message("l", strings.Repeat("long line\r\n", 1000))
	liar := message("z", strings.Repeat("long line\r\n", 1000))
	liar.ListSize = 10
	box := append(mailbox(5), small, large, liar)
	r := newRig(t, box...)
	r.acc.Policy = plan.Policy{MaxSize: 5000, Limit: 4}
	if rep := r.ok(); rep.New != 4 || rep.Skipped != 1 {
		t.Errorf("%+v", rep)
	}
	r.acc.Policy.Limit = 0
	if rep := r.ok(); rep.New != 2 || rep.Skipped != 2 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box[:6]...)
	r.acc.Policy.MaxSize = 0
	if rep := r.ok(); rep.New != 2 {
		t.Errorf("limit lifted: %+v", rep)
	}
	r.wantMail(box...)
}

// A server without UIDL, or with empty UIDs, is served by header fingerprints.
func TestNoUIDL(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box...)
	r.server.Change(func(o *pop3test.Options) { o.NoUIDL = true })
	r.ok()
	r.wantMail(box...)
	if rep := r.ok(); rep.New != 0 || rep.Kept != 5 {
		t.Errorf("%+v", rep)
	}
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	if rep := r.ok(); rep.Deleted != 5 {
		t.Errorf("%+v", rep)
	}
}

// Without UIDL and TOP nothing tells messages apart before they are read: keep is refused with a reason; what is deleted
// after delivery is recognised by its content if it comes again.
func TestNoUIDLNoTOP(t *testing.T) {
	box := mailbox(5)
	box = append(box, box[2], message("", "twin"), message("", "twin"))
	r := newRig(t, box...)
	r.server.Change(func(o *pop3test.Options) { o.NoUIDL, o.NoTOP = true, true })
	if rep := r.run(); rep.Verdict.Class != verdict.Config || rep.New != 0 || rep.Skipped != 8 || rep.Reasons[plan.ReasonNoUID] != 8 {
		t.Errorf("keep: %+v", rep)
	}
	r.acc.Policy = plan.Policy{Delete: plan.DeleteAfterDelivery, MaxSize: 20}
	if rep := r.ok(); rep.Skipped != 8 {
		t.Errorf("too large: %+v", rep)
	}
	r.acc.Policy.MaxSize = 0
	first := true
	r.reading = func(string) {
		if first {
			first = false
			panic("poison")
		}
	}
	if rep := r.run(); rep.Verdict.Class != verdict.Internal || rep.Failed != 1 {
		t.Errorf("poison: %+v", rep)
	}
	r.reading = nil
	r.server.Change(func(o *pop3test.Options) { o.QuitKeeps, o.OnDelete = true, nil })
	if rep := r.ok(); rep.New != 8 || rep.Deleted != 8 {
		t.Errorf("delete: %+v", rep)
	}
	if rep := r.ok(); rep.New != 0 || rep.Deleted != 8 {
		t.Errorf("again: %+v", rep)
	}
	r.server.Change(func(o *pop3test.Options) { o.QuitKeeps = false })
	r.ok()
	r.wantMail(box...)
	if left := len(r.server.Messages("u")); left != 0 {
		t.Errorf("%d left", left)
	}
}

func TestRefusedRETR(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box...)
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb == "RETR" && arg == "3" {
				return &pop3test.Reply{Raw: []byte("-ERR cannot get the letter\r\n")}
			}
			return nil
		}
	})
	for i := range 3 {
		rep := r.run()
		if rep.Failed != 1 || rep.Verdict.Class != verdict.Temporary {
			t.Errorf("pass %d: %+v", i, rep)
		}
		if parked := i == 2; (rep.NewlyParked == 1) != parked {
			t.Errorf("pass %d: %+v", i, rep)
		}
	}
	if rep := r.ok(); rep.Parked != 1 || rep.Failed != 0 {
		t.Errorf("parked: %+v", rep)
	}
	r.wantMail(append(slices.Clone(box[:2]), box[3:]...)...)
	r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	r.clock = r.clock.Add(61 * time.Minute)
	if rep := r.ok(); rep.New != 1 {
		t.Errorf("retry: %+v", rep)
	}
	r.wantMail(box...)
}

// One message that makes us panic is parked after three passes; the others are delivered, none is charged.
func TestPanicInOneMessage(t *testing.T) {
	box := mailbox(20)
	r := newRig(t, box...)
	r.reading = func(uid string) {
		if uid == box[7].UID {
			panic("poison")
		}
	}
	for range 3 {
		if rep := r.run(); rep.Verdict.Class != verdict.Internal {
			t.Errorf("%+v", rep)
		}
	}
	if rep := r.ok(); rep.Parked != 1 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(append(slices.Clone(box[:7]), box[8:]...)...)
	r.reading = nil
	r.clock = r.clock.Add(2 * time.Hour)
	r.ok()
	r.wantMail(box...)
}

// A process that dies while it reads a message charges it, through the lease file; three times, and it is parked.
func TestDiedWhileReading(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	r.acc.Policy.Limit = 1 // the others go first, so that it is not delivered in between
	for range 3 {
		l, err := r.ledger.Acquire(context.Background(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Reading(uidl.Key{UID: box[0].UID}); err != nil {
			t.Fatal(err)
		}
		l.Close()
		r.opt.DryRun = true // looks, and charges nobody
		r.run()
		r.opt.DryRun = false
		r.server.Change(func(o *pop3test.Options) {
			o.OnCommand = func(*pop3test.Session, string, string) *pop3test.Reply { return &pop3test.Reply{Close: true} }
		})
		r.run()
		r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
	}
	r.acc.Policy.Limit = 0
	if rep := r.ok(); rep.New != 2 || rep.Parked != 1 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box[1:]...)
}

// An account whose Maildir is not there any more stops before it connects.
func TestMaildirNotMounted(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	r.ok()
	if err := os.Rename(r.dir, r.dir+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	before := r.server.Stats().Sessions
	rep := r.run()
	if rep.Verdict.Class == verdict.OK || r.server.Stats().Sessions != before {
		t.Errorf("%+v, %d sessions", rep, r.server.Stats().Sessions-before)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "new")); !os.IsNotExist(err) {
		t.Error("a Maildir was made in the empty mount point")
	}
}

func TestBusy(t *testing.T) {
	r := newRig(t, mailbox(1)...)
	l, err := r.ledger.Acquire(context.Background(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// No failure for a timer, whose next run comes; one for a person who wanted this one.
	if rep := r.run(); rep.Verdict.Class != verdict.OK || !rep.Busy || !rep.Untried || !slices.Equal(rep.Notes, []string{"busy: another popsync works on it"}) {
		t.Errorf("%+v", rep)
	}
	r.opt.Named = true
	if rep := r.run(); rep.Verdict.Class != verdict.Temporary || !rep.Busy || !rep.Untried || rep.Verdict.Message != "busy: another popsync works on it" {
		t.Errorf("named: %+v", rep)
	}
}

func TestLoginRefused(t *testing.T) {
	r := newRig(t, mailbox(1)...)
	r.acc.Login.Password = func(context.Context) (string, error) { return "marker-password", nil }
	rep := r.run()
	if rep.Verdict.Class != verdict.Login || strings.Contains(fmt.Sprintf("%+v %v", rep, rep.Err), "marker-password") {
		t.Errorf("%+v", rep)
	}
}

func TestDryRun(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	r.opt.DryRun = true
	rep := r.ok()
	if rep.Steps.Len() != 3 || rep.Steps.At(0).Action != "fetch" {
		t.Errorf("%+v", rep)
	}
	if _, err := os.Stat(r.dir); !os.IsNotExist(err) {
		t.Error("a dry run made the Maildir")
	}
	if st := r.server.Stats(); st.Commands["RETR"] != 0 {
		t.Error("a dry run fetched")
	}
}

func TestRetrHides(t *testing.T) {
	box := mailbox(12)
	r := newRig(t, box...)
	r.acc.RetrHides = true
	r.server.Change(func(o *pop3test.Options) { o.HideRetr = true })
	r.opt.SessionMessages = 5
	if rep := r.ok(); rep.New != 12 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
}

// Where RETR hides, a session whose mail is not safe everywhere ends without QUIT, so that it is offered again.
func TestRetrHidesWithoutQuit(t *testing.T) {
	box := mailbox(6)
	r := newRig(t, box...)
	r.acc.RetrHides = true
	r.server.Change(func(o *pop3test.Options) { o.HideRetr = true })
	broken := &brokenAfter{Target: r.maildir(), left: 3}
	r.run(settle.Destination{Name: "maildir", Target: broken})
	if st := r.server.Stats(); st.Quits != 0 {
		t.Errorf("QUIT was sent")
	}
	r.ok()
	r.wantMail(box...)
}

// A server that announces that it keeps nothing must not see QUIT, either, before all is settled.
func TestExpireAtOnce(t *testing.T) {
	for expire, quits := range map[string]int{"0": 0, "30": 1, "NEVER": 1} {
		box := mailbox(6)
		r := newRig(t, box...)
		r.server.Change(func(o *pop3test.Options) {
			o.HideRetr = expire == "0"
			o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
				if verb == "CAPA" {
					return &pop3test.Reply{Raw: []byte("+OK\r\nTOP\r\nUIDL\r\nUSER\r\nEXPIRE " + expire + "\r\n.\r\n")}
				}
				return nil
			}
		})
		broken := &brokenAfter{Target: r.maildir(), left: 3}
		r.run(settle.Destination{Name: "maildir", Target: broken})
		if st := r.server.Stats(); st.Quits != quits {
			t.Errorf("EXPIRE %s: %d QUITs, want %d", expire, st.Quits, quits)
		}
		r.ok()
		r.wantMail(box...)
	}
}

// brokenAfter fails as a whole after a number of messages.
type brokenAfter struct {
	deliver.Target
	left int
}

func (b *brokenAfter) Create(ctx context.Context, m deliver.Message) (deliver.Staging, error) {
	if b.left--; b.left < 0 {
		return nil, &deliver.Error{Op: "create", Scope: deliver.WholeTarget, Full: true}
	}
	return b.Target.Create(ctx, m)
}

func TestDestinationFails(t *testing.T) {
	box := mailbox(20)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	rep := r.run(settle.Destination{Name: "maildir", Target: &brokenAfter{Target: r.maildir(), left: 8}})
	if rep.New != 8 || rep.Verdict.Class != verdict.Temporary {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box[:8]...)
	r.ok()
	r.wantMail(box...)
	if left := r.server.Messages("u"); len(left) != 0 {
		t.Errorf("%d left", len(left))
	}
}

func TestCancelled(t *testing.T) {
	box := mailbox(50)
	r := newRig(t, box...)
	ctx, cancel := context.WithCancel(context.Background())
	r.reading = func(uid string) {
		if uid == box[30].UID {
			cancel()
		}
	}
	a := r.acc
	a.Destinations = []settle.Destination{{Name: "maildir", Target: r.maildir()}}
	rep := Run(ctx, r.told(), a, r.opt)
	if rep.Verdict.Class != verdict.Temporary || rep.Failed != 0 {
		t.Errorf("%+v", rep)
	}
	r.reading = nil
	r.ok()
	r.wantMail(box...)
}
