package fetcher

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/recognise"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
)

// renamed gives the messages of a mailbox new unique-ids, as a provider that moved does.
func renamed(prefix string, box []pop3test.Message) []pop3test.Message {
	out := slices.Clone(box)
	for i := range out {
		out[i].UID = fmt.Sprintf("%s%05d", prefix, len(box)-i)
	}
	return out
}

func fresh(prefix string, n int) (out []pop3test.Message) {
	for i := range n {
		out = append(out, message(fmt.Sprintf("%s%d", prefix, i), "new mail"))
	}
	return out
}

// All unique-ids of 2,000 kept messages change and 5 new messages come: 5 are delivered, nothing is deleted in that
// pass, whatever the policy, and the next one is as ever. Then it happens once more.
func TestEpochChange(t *testing.T) {
	for _, top := range []bool{true, false} {
		t.Run(fmt.Sprintf("TOP=%v", top), func(t *testing.T) {
			t.Parallel()
			kept := 2000
			if testing.Short() || raceDetector {
				kept = 300
			}
			box := mailbox(kept)
			r := newRig(t, box...)
			r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
			r.ok()
			for i, prefix := range []string{"second", "third"} {
				r.clock = r.clock.Add(26 * time.Hour)
				r.acc.Policy = plan.Policy{Delete: plan.DeleteAfterDelivery}
				more := fresh(prefix, 5)
				known := len(box)
				box = append(box, more...)
				r.server.AddUser("u", "p", append(renamed(prefix+"-", box[:known]), more...)...)
				before := r.server.Stats()
				rep := r.ok()
				if rep.New != 5 || rep.Adopted != known || rep.Kept != known+5 || rep.Deleted != 0 || len(rep.Notes) != 1 {
					t.Fatalf("change %d: %+v", i, rep)
				}
				r.wantMail(box...)
				st := r.server.Stats()
				if st.Commands["DELE"] != 0 || top && st.Commands["RETR"]-before.Commands["RETR"] != 5 {
					t.Errorf("change %d: commands %v", i, st.Commands)
				}
				r.acc.Policy = plan.Policy{}
				if rep := r.ok(); rep.New != 0 || rep.Adopted != 0 || rep.Kept != len(box) || len(rep.Notes) != 0 {
					t.Errorf("after change %d: %+v", i, rep)
				}
			}
			// What was adopted is deleted like any other, by the guard's rules.
			r.acc.Policy = plan.Policy{Delete: plan.DeleteAfterDelivery}
			r.server.Change(func(o *pop3test.Options) { o.OnDelete = nil }) // it takes its time
			if rep := r.ok(); rep.New != 0 || rep.Deleted != len(box) {
				t.Errorf("deleting at last: %+v", rep)
			}
			r.wantMail(box...)
		})
	}
}

// A provider that goes back to the old unique-ids brings nothing twice either.
func TestEpochChangeAndBack(t *testing.T) {
	box := mailbox(40)
	r := newRig(t, box...)
	r.ok()
	r.server.AddUser("u", "p", renamed("x", box)...)
	if rep := r.ok(); rep.Adopted != 40 {
		t.Errorf("%+v", rep)
	}
	r.server.AddUser("u", "p", box...)
	if rep := r.ok(); rep.New != 0 || rep.Questioned != 40 {
		t.Errorf("back: %+v", rep)
	}
	r.wantMail(box...)
}

// Nor does one that goes back when a destination had lacked the messages under the old unique-ids, and got them, or is to get
// them, under the others.
func TestEpochChangeAndBackOwed(t *testing.T) {
	for _, top := range []bool{true, false} {
		t.Run(fmt.Sprintf("Maildir, TOP %v", top), func(t *testing.T) {
			box := mailbox(5)
			r := newRig(t, box...)
			r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
			both := func() []settle.Destination {
				return []settle.Destination{to("one", r.at("one")), to("two", r.at("two"))}
			}
			r.wants("first", verdict.OK, 5, 0, 5, to("one", r.at("one")))
			r.wants("added", verdict.OK, 0, 0, 5, both()...)
			r.must(operator.Backfill(t.Context(), r.ledger, "a", "two", uidl.Fetch))
			r.server.AddUser("u", "p", renamed("x", box)...)
			for range 3 {
				r.run(both()...)
			}
			r.holds("two", 5)
			r.server.AddUser("u", "p", box...)
			for range 3 {
				r.run(both()...)
			}
			r.wants("back", verdict.OK, 0, 0, 5, both()...)
			r.holds("one", 5)
			r.holds("two", 5)
			r.acc.Policy.Delete = plan.DeleteAfterDelivery
			r.wants("deleted", verdict.OK, 0, 5, 0, both()...)
		})
		t.Run(fmt.Sprintf("relay, TOP %v", top), func(t *testing.T) {
			box := mailbox(5)
			r := newRig(t, box...)
			read := 0
			r.server.Change(func(o *pop3test.Options) {
				o.NoTOP = !top
				o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
					read += desk.Count(verb == "RETR")
					return nil
				}
			})
			both := func(relay deliver.Target) []settle.Destination {
				return []settle.Destination{to("one", r.at("one")), to("two", relay)}
			}
			r.wants("first", verdict.OK, 5, 0, 5, to("one", r.at("one")))
			r.run(both(r.down("two", "relay"))...)
			r.must(operator.Backfill(t.Context(), r.ledger, "a", "two", uidl.Fetch))
			for _, listed := range [][]pop3test.Message{renamed("x", box), box, renamed("y", box), box} {
				r.server.AddUser("u", "p", listed...)
				for range 3 {
					read = 0
					r.run(both(r.down("two", "relay"))...)
				}
				if read > 0 {
					t.Errorf("%s: read in every pass as long as the relay is down", listed[0].UID)
				}
			}
			at := &relay{arrived: map[string]int{}}
			for range 3 {
				r.run(both(r.up("two", "relay", at))...)
			}
			once := 0
			for _, n := range at.arrived {
				once += desk.Count(n == 1)
			}
			if once != 5 || len(at.arrived) != 5 {
				t.Errorf("the relay got %v", at.arrived)
			}
			r.holds("one", 5)
			r.acc.Policy.Delete = plan.DeleteAfterDelivery
			if rep := r.run(both(r.up("two", "relay", at))...); rep.Deleted != 5 {
				t.Errorf("%+v", rep)
			}
		})
	}
}

// Nor does one that goes back when a message had failed under the old unique-id, and came under the other one: it is looked at
// at once, not when its time comes, by which nobody may know any more that it came.
func TestEpochChangeAndBackParked(t *testing.T) {
	for _, top := range []bool{true, false} {
		box := mailbox(5)
		r := newRig(t, box...)
		r.server.Change(func(o *pop3test.Options) {
			o.NoTOP = !top
			o.OnCommand = func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
				if verb == "RETR" && arg == "3" {
					return &pop3test.Reply{Raw: []byte("-ERR not now\r\n")}
				}
				return nil
			}
		})
		for range 3 {
			r.run()
		}
		r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
		r.server.AddUser("u", "p", renamed("x", box)...)
		if rep := r.ok(); rep.New != 1 || rep.Adopted != 4 {
			t.Errorf("TOP %v: %+v", top, rep)
		}
		r.server.AddUser("u", "p", box...)
		if rep := r.ok(); rep.New != 0 || rep.Adopted != 1 || rep.Questioned != 4 {
			t.Errorf("TOP %v, back: %+v", top, rep)
		}
		r.clock = r.clock.Add(60 * 24 * time.Hour)
		if rep := r.ok(); rep.New != 0 {
			t.Errorf("TOP %v, later: %+v", top, rep)
		}
		r.wantMail(box...)
	}
}

// While it is moved, a mailbox may be empty for a while.
func TestEpochChangeByWayOfEmpty(t *testing.T) {
	for _, top := range []bool{true, false} {
		box := mailbox(40)
		r := newRig(t, box...)
		r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
		r.ok()
		r.server.AddUser("u", "p")
		r.ok()
		r.server.AddUser("u", "p", renamed("x", box)...)
		if rep := r.ok(); rep.New != 0 || rep.Adopted != 40 {
			t.Errorf("TOP %v: %+v", top, rep)
		}
		r.wantMail(box...)
	}
}

// Pages that have nothing in common are new mail: nothing is adopted, and looking costs some headers only.
func TestDisjointPages(t *testing.T) {
	t.Parallel()
	for _, top := range []bool{true, false} {
		all := mailbox(400)
		r := newRig(t, all[:100]...)
		r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
		for i := 100; i <= 400; i += 100 {
			if rep := r.ok(); rep.New != 100 || rep.Adopted != 0 {
				t.Errorf("TOP %v, page %d: %+v", top, i/100, rep)
			}
			if i < 400 {
				r.server.AddUser("u", "p", all[i:i+100]...)
			}
		}
		r.wantMail(all...)
		if st := r.server.Stats(); st.Commands["RETR"] != 400 || st.Commands["TOP"] > 3*recognise.SampleSize {
			t.Errorf("TOP %v: commands %v", top, st.Commands)
		}
	}
}

// With after-delivery nothing is left from last time: all that comes is new, even if it is the same once more.
func TestNothingLeft(t *testing.T) {
	box := mailbox(30)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.ok()
	again := renamed("again", box)
	r.server.AddUser("u", "p", again...)
	if rep := r.ok(); rep.New != 30 || rep.Deleted != 30 || rep.Adopted != 0 {
		t.Errorf("%+v", rep)
	}
	if st := r.server.Stats(); st.Commands["TOP"] != 0 {
		t.Errorf("commands %v", st.Commands)
	}
	r.wantMail(append(box, again...)...)
}

// Of equal messages as many are adopted as are missing, the rest is new.
func TestEpochChangeMultiset(t *testing.T) {
	for _, top := range []bool{true, false} {
		box := mailbox(20)
		same := message("same", "the same text")
		twin := same
		twin.UID = "twin"
		r := newRig(t, append(box, same, twin)...)
		r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
		r.ok()
		now := append(slices.Clone(box), same, twin, same)
		r.server.AddUser("u", "p", renamed("x", now)...)
		if rep := r.ok(); rep.New != 1 || rep.Adopted != 22 {
			t.Errorf("TOP %v: %+v", top, rep)
		}
		r.wantMail(append(box, same, same, same)...)
	}
}

// Two messages may share a header. One that is far from the size of the known one is read, and delivered.
func TestEpochChangeSameHeader(t *testing.T) {
	box := mailbox(20)
	short := message("digest", "short")
	r := newRig(t, append(slices.Clone(box), short)...)
	r.ok()
	long := short
	long.Data = append(slices.Clone(short.Data), make([]byte, 9000)...)
	r.server.AddUser("u", "p", renamed("x", append(slices.Clone(box), long))...)
	if rep := r.ok(); rep.New != 1 || rep.Adopted != 20 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(append(box, short, long)...)
	if f := health.Decode(r.facts()); f.RenewedAt != 0 {
		t.Errorf("still looking: %+v", f)
	}
}

func (r *rig) facts() (b []byte) {
	db := r.sql()
	defer db.Close()
	if err := db.QueryRow(`SELECT facts FROM account`).Scan(&b); err != nil {
		r.t.Fatal(err)
	}
	return b
}

// A connection that is lost again and again, at any command, leaves what was adopted, and the next pass goes on: nothing
// is delivered twice, nothing deleted. So does a pass that is killed: its commits stop at any one of them.
func TestEpochChangeInterrupted(t *testing.T) {
	t.Parallel()
	for _, top := range []bool{true, false} {
		for _, every := range []int{3, 25} {
			t.Run(fmt.Sprintf("TOP=%v,%d", top, every), func(t *testing.T) {
				box := mailbox(60)
				r := newRig(t, box...)
				r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
				r.ok()
				r.acc.Policy.Delete = plan.DeleteAfterDelivery
				r.opt.BatchMessages = 3
				more := fresh("new", 3)
				r.server.AddUser("u", "p", append(renamed("x", box), more...)...)
				adopted := 0
				count := map[*pop3test.Session]map[string]int{}
				r.server.Change(func(o *pop3test.Options) {
					o.OnCommand = func(s *pop3test.Session, verb, _ string) *pop3test.Reply {
						if count[s] == nil {
							count[s] = map[string]int{}
						}
						count[s][verb]++
						if top && count[s]["TOP"] > recognise.SampleSize+every || count[s]["RETR"] > every {
							reply := &pop3test.Reply{Close: true}
							if every == 3 { // then the message is charged, and parked at last
								reply.Raw = []byte("-ERR enough\r\n")
							}
							return reply
						}
						return nil
					}
				})
				for range 30 {
					rep := r.run()
					adopted += rep.Adopted
					if rep.Adopted > 0 && rep.Deleted > 0 {
						t.Errorf("deleted in a pass that adopted: %+v", rep)
					}
					if adopted == 60 {
						r.server.Change(func(o *pop3test.Options) { o.OnCommand = nil })
					}
					if rep.Verdict.Class == verdict.OK && len(r.server.Messages("u")) == 0 {
						break
					}
					r.clock = r.clock.Add(24 * time.Hour / 4)
				}
				if adopted != 60 {
					t.Errorf("%d adopted", adopted)
				}
				r.wantMail(append(box, more...)...)
			})
		}
	}
}

// killed lets n commits through and fails the others before anything is applied, as a death there would.
type killed struct {
	uidl.Ledger
	left *int
}

type killedAccount struct {
	uidl.Account
	left *int
}

func (k killed) Acquire(ctx context.Context, name string) (uidl.Account, error) {
	a, err := k.Ledger.Acquire(ctx, name)
	if err != nil {
		return nil, err
	}
	return killedAccount{a, k.left}, nil
}

func (k killedAccount) Commit(ctx context.Context, c uidl.Change) error {
	if *k.left--; *k.left < 0 {
		return fmt.Errorf("killed here")
	}
	return k.Account.Commit(ctx, c)
}

func TestEpochChangeKilled(t *testing.T) {
	t.Parallel()
	for _, top := range []bool{true, false} {
		for at := 0; ; at++ {
			box := mailbox(30)
			r := newRig(t, box...)
			r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
			r.ok()
			r.opt.BatchMessages = 2
			r.acc.Policy.Limit = 9 // several passes without TOP
			more := fresh("new", 6)
			// New mail among the old, so that commits come in between.
			now := renamed("x", box)
			for i, m := range more {
				now = slices.Insert(now, i*6, m)
			}
			r.server.AddUser("u", "p", now...)
			left := at
			whole := r.ledger
			r.ledger = killed{whole, &left}
			first := r.run()
			r.ledger = whole
			for range 7 {
				r.clock = r.clock.Add(time.Minute)
				if rep := r.run(); rep.Verdict.Class != verdict.OK {
					t.Fatalf("TOP %v, killed at commit %d: %+v", top, at, rep.Verdict)
				}
			}
			want := map[[32]byte]int{}
			for _, m := range append(box, more...) {
				want[sha256.Sum256(stored8(m.Data))]++
			}
			if got := mailIn(t, r.dir); !maps.Equal(got, want) {
				t.Fatalf("TOP %v, killed at commit %d: %d messages, or others", top, at, len(got))
			}
			if first.Verdict.Class == verdict.OK {
				if at < 3 {
					t.Errorf("only %d commits in the pass", at)
				}
				break
			}
		}
	}
}

func TestSpread(t *testing.T) {
	p := &plan.Plan{}
	for i := range 100 {
		p.Fetch = append(p.Fetch, plan.FetchStep{Entry: plan.Entry{Num: 99 - i}, Row: plan.NoRow})
	}
	from := p.Unknown()
	if got := from.Spread(4); !slices.Equal(got, []int{0, 25, 50, 75}) {
		t.Errorf("%v", got)
	}
	if got := from.Part(0, 3).Spread(20); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("%v", got)
	}
}

// A message that the server does not give while it is looked for is recognised when it does, weeks of retries later.
func TestEpochChangeParked(t *testing.T) {
	box := mailbox(20)
	r := newRig(t, box...)
	refuse := true
	r.server.Change(func(o *pop3test.Options) {
		o.NoTOP = true
		o.OnCommand = func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb == "RETR" && refuse && arg == "7" {
				return &pop3test.Reply{Raw: []byte("-ERR not now\r\n")}
			}
			return nil
		}
	})
	refuse = false
	r.ok()
	refuse = true
	r.server.AddUser("u", "p", renamed("x", box)...)
	for range 4 {
		r.run()
		r.clock = r.clock.Add(5 * time.Minute)
	}
	more := message("more", "while it is parked")
	r.server.Deliver("u", more)
	if rep := r.ok(); rep.New != 1 {
		t.Errorf("%+v", rep)
	}
	refuse = false
	r.clock = r.clock.Add(24 * time.Hour)
	if rep := r.ok(); rep.New != 0 || rep.Adopted != 1 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(append(box, more)...)
	if f := health.Decode(r.facts()); f.RenewedAt != 0 {
		t.Errorf("still looking: %+v", f)
	}
}

// What was adopted is not missing any more: copies that come later are mail of their own.
func TestAdoptedOnce(t *testing.T) {
	for _, top := range []bool{true, false} {
		box := mailbox(20)
		r := newRig(t, box...)
		r.server.Change(func(o *pop3test.Options) { o.NoTOP = !top })
		r.ok()
		r.server.AddUser("u", "p", renamed("x", box)...)
		r.ok()
		r.server.Deliver("u", renamed("copy", box)...)
		if rep := r.ok(); rep.New != 20 || rep.Adopted != 0 {
			t.Errorf("TOP %v: %+v", top, rep)
		}
		r.wantMail(append(box, box...)...)
	}
}
