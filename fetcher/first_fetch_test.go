package fetcher

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
)

var (
	onlyNew  = plan.First{Only: true}
	lastTwo  = plan.First{Only: true, Last: 2}
	aMonth   = plan.First{Only: true, Age: 30 * 24 * time.Hour}
	allFirst = []plan.First{onlyNew, lastTwo, aMonth}
)

// received is a message that the server got so long ago, by the clock of the test.
func (r *rig) received(uid string, ago time.Duration) pop3test.Message {
	m := message(uid, "x")
	m.Data = fmt.Appendf(nil, "Received: from a by b;\r\n\t%s\r\nReceived: by a; Mon, 1 Jan 2001 00:00:00 +0000\r\n%s", r.clock.Add(-ago).Format(time.RFC1123Z), m.Data)
	return m
}

// dated is a mailbox of six messages, of which the last two are young, and one says nothing.
func (r *rig) dated() []pop3test.Message {
	const d = 24 * time.Hour
	return []pop3test.Message{r.received("a", 900*d), r.received("b", 31*d), message("c", "no date"), r.received("d", 31*d), r.received("e", 29*d), r.received("f", 0)}
}

// wanted is what each policy wants of it.
func wanted(first plan.First, box []pop3test.Message) []pop3test.Message {
	switch first {
	case onlyNew:
		return nil
	case lastTwo:
		return box[4:]
	}
	return []pop3test.Message{box[2], box[4], box[5]}
}

// What was there before is left out, for good; what comes later is not. It is neither deleted nor fetched again, and can be taken back.
func TestFirstFetch(t *testing.T) {
	for _, first := range allFirst {
		for _, pipelining := range []bool{true, false} {
			t.Run(fmt.Sprintf("%+v %v", first, pipelining), func(t *testing.T) {
				r := newRig(t)
				box := r.dated()
				r.server.AddUser("u", "p", box...)
				r.server.Change(func(o *pop3test.Options) { o.NoPipelining = !pipelining })
				r.acc.Policy = plan.Policy{First: first, Delete: plan.DeleteAfterDelivery}
				want := wanted(first, box)
				out := len(box) - len(want)

				r.opt.DryRun = true
				before := r.server.Stats().Commands["RETR"]
				rep := r.ok()
				skipped, fetched := 0, 0
				for s := range rep.Steps.All() {
					skipped += desk.Count(s.Action == "skip" && s.Reason == plan.ReasonFirst)
					fetched += desk.Count(s.Action == "fetch")
				}
				if skipped != out || fetched != len(want) || rep.LeftOut != out || rep.Kept != 0 || r.server.Stats().Commands["RETR"] != before || !saysNote(rep, "would leave out") {
					t.Errorf("a dry run: %+v, %d skipped, %d fetched", rep, skipped, fetched)
				}
				r.opt.DryRun = false

				rep = r.ok()
				if rep.New != len(want) || rep.LeftOut != out || rep.Kept != out || rep.Deleted != len(want) || !saysNote(rep, "popsync baseline --undo a") {
					t.Errorf("%+v", rep)
				}
				if tops := r.server.Stats().Commands["TOP"]; first == aMonth && tops > 2*len(box)+len(want) { // with those of the dry run, and those that prove whose a message is
					t.Errorf("%d TOPs", tops)
				}
				if n := health.Standing(r.info()).LeftOut(r.clock); n != out {
					t.Errorf("%d are told, %d were left out", n, out)
				}
				more := r.received("g", 99*24*time.Hour) // which is old, and comes now
				r.server.Deliver("u", more)
				for range 3 {
					r.clock = r.clock.Add(50 * time.Hour)
					if rep = r.ok(); rep.LeftOut != 0 || rep.Kept != out {
						t.Errorf("later: %+v", rep)
					}
				}
				r.wantMail(append(want, more)...)
				if left := r.server.Messages("u"); len(left) != out {
					t.Errorf("%d are left on the server, %d were left out", len(left), out)
				}
				// They stay left out under other unique-ids, which their headers tell.
				r.server.AddUser("u", "p", renamed("x", r.server.Messages("u"))...)
				for range 2 {
					if rep := r.ok(); rep.New != 0 {
						t.Errorf("under other unique-ids: %+v", rep)
					}
				}
				// And come when that is taken back, although mail was fetched since.
				r.clock = r.clock.Add(time.Hour)
				u, err := r.undo()
				if err != nil || u.New < out || u.Held != 0 || u.Doubt || u.Flood != nil {
					t.Fatalf("undo: %+v, %v", u, err)
				}
				for range 2 {
					r.ok()
				}
				r.wantMail(append(box, more)...)
				r.mayNotUndo("twice")
			})
		}
	}
}

func sum8(m pop3test.Message) [32]byte { return sha256.Sum256(stored8(m.Data)) }

func saysNote(rep report.Report, text string) bool {
	return slices.ContainsFunc(rep.Notes, func(n string) bool { return strings.Contains(n, text) })
}

// An account that has seen its mailbox has no first fetch any more, whatever was in it then.
func TestFirstFetchIsOnce(t *testing.T) {
	for name, first := range map[string]func(r *rig){
		"an empty one":       func(*rig) {},
		"another policy":     func(r *rig) { r.server.Deliver("u", message("old", "")); r.acc.Policy.First = plan.First{} },
		"a dead pass":        func(r *rig) { r.server.Deliver("u", message("old", "")); r.acc.Policy.First = lastTwo },
		"by a baseline":      func(r *rig) { r.baseline() },
		"its last were less": func(r *rig) { r.acc.Policy.First = lastTwo },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.acc.Policy.First = onlyNew
			first(r)
			if name == "a dead pass" {
				left := 2 // the destination, and how the first fetch stands
				a := r.acc
				a.Destinations = []settle.Destination{{Name: "maildir", Target: r.maildir()}}
				Run(context.Background(), killed{r.ledger, &left}, a, r.opt)
			} else {
				r.ok()
			}
			r.acc.Policy.First = onlyNew
			box := append(r.server.Messages("u"), mailbox(5)...)
			r.server.AddUser("u", "p", box...)
			if rep := r.ok(); rep.LeftOut != 0 {
				t.Errorf("%+v", rep)
			}
			r.cameOnce(box...)
		})
	}
}

// cameOnce checks that the Maildir holds exactly these messages, whatever a death has left in tmp.
func (r *rig) cameOnce(messages ...pop3test.Message) {
	r.t.Helper()
	want := map[[32]byte]int{}
	for _, m := range messages {
		want[sum8(m)]++
	}
	if got := mailIn(r.t, r.dir); !maps.Equal(got, want) {
		r.t.Fatalf("Maildir has %d messages, want %d, or others than these", count(got), count(want))
	}
}

// Whenever a pass is killed: nothing comes that should not, and nothing is lost that came meanwhile. From the first commit about it on
// what was listed then counts.
func TestFirstFetchKilled(t *testing.T) {
	for _, first := range allFirst {
		t.Run(fmt.Sprintf("%+v", first), func(t *testing.T) {
			t.Parallel()
			for at := 2; ; at++ {
				r := newRig(t)
				box := r.dated()
				for i := range 40 { // old ones
					box = slices.Insert(box, 0, r.received(fmt.Sprint("old", i), 99*24*time.Hour))
				}
				r.server.AddUser("u", "p", box...)
				r.acc.Policy = plan.Policy{First: first, Delete: plan.DeleteAfterDelivery}
				r.opt.BatchMessages = 1
				want := wanted(first, box[40:])
				left := at
				for range 2 { // and once more
					a := r.acc
					a.Destinations = []settle.Destination{{Name: "maildir", Target: r.maildir()}}
					Run(context.Background(), killed{r.ledger, &left}, a, r.opt)
					if left >= 0 {
						break
					}
					left = 1
					more := r.received(fmt.Sprint("more", len(want)), 99*24*time.Hour)
					r.server.Deliver("u", more)
					want = append(want, more)
				}
				died := left < 0
				if !died {
					r.ok()
					r.wantMail(want...)
					return
				}
				r.clock = r.clock.Add(time.Hour)
				r.ok()
				r.cameOnce(want...)
				if at > 60 {
					t.Fatal("it never ends")
				}
			}
		})
	}
}

// A connection that breaks in the midst of the headers ends the session, and the next one goes on with those that are left.
func TestFirstFetchCut(t *testing.T) {
	r := newRig(t)
	var box, want []pop3test.Message
	for i := range 60 {
		m := r.received(fmt.Sprintf("uid%02d", i), time.Duration(i%2*60)*24*time.Hour)
		if box = append(box, m); i%2 == 0 {
			want = append(want, m)
		}
	}
	r.server.AddUser("u", "p", box...)
	r.acc.Policy.First = aMonth
	n := 0
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
			if verb == "TOP" {
				if n++; n == 37 || n == 90 {
					return &pop3test.Reply{Close: true}
				}
			}
			return nil
		}
	})
	more := message("more", "")
	for i := range 6 {
		if rep := r.run(); rep.Verdict.Class == verdict.OK {
			break
		}
		r.clock = r.clock.Add(6 * time.Hour)
		if i == 0 {
			r.server.Deliver("u", more)
			want = append(want, more)
		}
	}
	if len(want) == 30 {
		r.server.Deliver("u", more)
		want = append(want, more)
	}
	r.ok()
	got := mailIn(t, r.dir)
	if len(got) < len(want) || len(got) > len(want)+6 { // at which it broke cannot be dated
		t.Errorf("%d came, of %d", len(got), len(want))
	}
	for _, m := range want {
		if got[sum8(m)] != 1 {
			t.Errorf("%s came %d times", m.UID, got[sum8(m)])
		}
	}
}

// Without headers nothing can be dated: the pass says so and fetches nothing. Another policy goes on with what was there at first.
func TestFirstFetchWithoutTOP(t *testing.T) {
	for _, announced := range []bool{true, false} {
		r := newRig(t)
		box := r.dated()
		r.server.AddUser("u", "p", box...)
		r.server.Change(func(o *pop3test.Options) { o.NoTOP, o.NoCAPA = true, !announced })
		r.acc.Policy.First = aMonth
		for range 2 {
			rep := r.run()
			if rep.Verdict.Class != verdict.Config || !strings.Contains(rep.Verdict.Message, "no TOP") || !strings.Contains(rep.Verdict.Hint, "last 100") || rep.New != 0 || !rep.NextTry.IsZero() {
				t.Errorf("%+v", rep)
			}
		}
		more := message("more", "")
		r.server.Deliver("u", more)
		r.acc.Policy.First = lastTwo
		if rep := r.ok(); rep.New != 3 || rep.LeftOut != 4 {
			t.Errorf("%+v", rep)
		}
		r.wantMail(box[4], box[5], more)
	}
}

// Messages without unique-id are known by their headers. Where there are none either, nothing can be left out.
func TestFirstFetchWithoutUIDL(t *testing.T) {
	r := newRig(t)
	box := r.dated()
	r.server.AddUser("u", "p", box...)
	r.server.Change(func(o *pop3test.Options) { o.NoUIDL = true })
	r.acc.Policy = plan.Policy{First: aMonth, Delete: plan.DeleteAfterDelivery}
	if rep := r.ok(); rep.New != 3 || rep.LeftOut != 3 {
		t.Errorf("%+v", rep)
	}
	r.ok()
	r.wantMail(wanted(aMonth, box)...)

	r = newRig(t, mailbox(3)...)
	r.server.Change(func(o *pop3test.Options) { o.NoUIDL, o.NoTOP, o.OnDelete = true, true, nil })
	r.acc.Policy = plan.Policy{First: onlyNew, Delete: plan.DeleteAfterDelivery}
	if rep := r.run(); rep.Verdict.Class != verdict.Config || !strings.Contains(rep.Verdict.Message, "nothing can be remembered") || rep.New != 0 {
		t.Errorf("%+v", rep)
	}
	r.acc.Policy.First = plan.First{}
	r.ok()
	r.wantMail(mailbox(3)...)
}

// A lost ledger is not new, and neither is another mailbox; but one that was never seen is, whatever the account was before.
func TestFirstFetchOfWhatIsNotNew(t *testing.T) {
	box := mailbox(8)
	r := newRig(t, box[:5]...)
	r.acc.Policy.First = onlyNew
	r.acc.Mailbox = "one"
	r.server.Change(func(o *pop3test.Options) { o.OnDelete = nil })
	r.ok()
	r.server.Deliver("u", box[5])
	r.ok()
	r.lose()
	r.server.Deliver("u", box[6])
	if rep := r.run(); rep.LeftOut != 0 || rep.Held == 0 {
		t.Errorf("a lost ledger: %+v", rep)
	}
	if got, _, err := operator.Accept(context.Background(), r.ledger, "a", r.clock); err != nil || got != nil {
		t.Errorf("%+v, %v", got, err)
	}

	r = newRig(t, box[:2]...)
	r.acc.Policy.First, r.acc.Mailbox = onlyNew, "one"
	r.ok()
	r.acc.Mailbox = "two"
	r.server.AddUser("u", "p", box[3:]...)
	if rep := r.ok(); rep.LeftOut != 0 || rep.New != 5 {
		t.Errorf("another mailbox: %+v", rep)
	}

	r = newRig(t, box...)
	r.acc.Policy.First, r.acc.Mailbox = onlyNew, "mistyped"
	password := r.acc.Login.Password
	r.acc.Login.Password = func(context.Context) (string, error) { return "wrong", nil }
	r.run()
	r.acc.Mailbox, r.acc.Login.Password, r.opt.Asked = "right", password, true
	if rep := r.ok(); rep.LeftOut != 8 || rep.New != 0 || r.server.Stats().Commands["RETR"] != 0 {
		t.Errorf("after a mistyped one: %+v", rep)
	}
}

// More than one commit takes are all dealt with, wherever the pass is killed.
func TestFirstFetchOfMany(t *testing.T) {
	for at := 2; at < 6; at++ {
		box := mailbox(5200)
		r := newRig(t, box...)
		r.server.Change(func(o *pop3test.Options) { o.NoTOP = true })
		r.acc.Policy.First = plan.First{Only: true, Last: 100}
		left := at
		a := r.acc
		a.Destinations = []settle.Destination{{Name: "maildir", Target: r.maildir()}}
		Run(context.Background(), killed{r.ledger, &left}, a, r.opt)
		more := message("more", "")
		r.server.Deliver("u", more)
		r.ok()
		r.cameOnce(append(slices.Clone(box[5100:]), more)...)
	}
}
