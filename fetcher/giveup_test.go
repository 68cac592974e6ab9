package fetcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/deliver/spool"
	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/server"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// picky is a relay that refuses one message for good.
type picky struct {
	mu      sync.Mutex
	refuses string         // unique-id; "": none
	arrived map[string]int // by unique-id
}

func (p *picky) Send(_ context.Context, m deliver.Outgoing) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.UID == p.refuses {
		return &deliver.Error{Op: "send", Permanent: true, Err: errors.New("554 no")}
	}
	p.arrived[m.UID]++
	return nil
}

func (p *picky) Place() string { return "relay:25" }
func (p *picky) Lanes() int    { return 1 }
func (p *picky) Close() error  { return nil }

// station is a rig with a Maildir and a relay that refuses the message uid00001 of four.
type station struct {
	*rig
	box   []pop3test.Message
	relay *picky
	key   uidl.Key
}

func newStation(t *testing.T) *station {
	box := mailbox(4)
	s := &station{rig: newRig(t, box...), box: box, relay: &picky{refuses: box[1].UID, arrived: map[string]int{}}, key: uidl.Key{UID: box[1].UID}}
	s.server.Change(func(o *pop3test.Options) {
		o.OnDelete = func(_, uid string) {
			if uid == s.key.UID && s.relay.refuses != "" {
				t.Errorf("DELE of %s", uid)
			}
		}
	})
	s.acc.Spool = func(id string) (settle.Leftover, error) { return spool.OpenFolder(s.path("spool"), id) }
	s.acc.Policy.Delete = plan.DeleteAfterDelivery
	return s
}

func (s *station) dests() []settle.Destination {
	relay := spool.New(spool.Options{Root: s.path("spool"), Where: "relay", Account: "a", Destination: "relay", Sender: s.relay})
	return []settle.Destination{to("maildir", s.maildir()), to("relay", relay)}
}

// fail makes a pass after which one message is stuck at the relay.
func (s *station) fail() {
	s.t.Helper()
	s.run(s.dests()...)
	if left := s.server.Messages("u"); len(left) != 1 || len(s.relay.arrived) != 3 || len(s.stuck()) != 1 {
		s.t.Fatalf("%d on the server, %d at the relay, stuck: %+v", len(left), len(s.relay.arrived), s.stuck())
	}
}

func (r *rig) stuck() []uidl.Stuck {
	r.t.Helper()
	all, err := r.ledger.Stuck(r.t.Context(), "a")
	r.must(err)
	return all
}

func pickAll(all []uidl.Stuck) ([]uidl.Stuck, error) { return all, nil }

// giving gives up all that is stuck, as far as change does not say otherwise.
func (r *rig) giving(change func(*GivingUp)) ([]GaveUp, error) {
	g := GivingUp{Pick: pickAll, Copy: func(id string, t deliver.Ticket) (io.ReadCloser, error) {
		if spool.IsTicket(t) {
			return spool.OpenCopy(r.path("spool"), id, t)
		}
		return maildir.OpenCopy(t)
	}}
	if change != nil {
		change(&g)
	}
	return GiveUp(r.t.Context(), r.ledger, r.acc, r.opt, g)
}

func (r *rig) takingBack() ([]GaveUp, error) {
	return TakeBack(r.t.Context(), r.ledger, r.acc, r.opt, pickAll)
}

func (r *rig) spooled() (n int) {
	r.t.Helper()
	dirs, err := os.ReadDir(r.path("spool"))
	r.must(err)
	for _, d := range dirs {
		files, err := os.ReadDir(r.path("spool") + "/" + d.Name())
		r.must(err)
		n += len(files)
	}
	return n
}

// What was given up goes nowhere any more and stays on the server, whatever is configured, said or asked later. Taken back, it goes
// where it lacks, and policy counts again.
func TestGiveUp(t *testing.T) {
	s := newStation(t)
	s.fail()
	gave, err := s.giving(nil)
	s.must(err)
	if len(gave) != 1 || gave[0].Key != s.key || !gave[0].Listed || gave[0].Saved || !slices.Equal(gave[0].Places, []string{"relay"}) {
		t.Fatalf("%+v", gave)
	}
	if n := s.spooled(); n != 0 || s.deliveries() != 0 {
		t.Errorf("%d copies and %d deliveries are left", n, s.deliveries())
	}
	if sum := s.info(); sum.Verdict != "" || sum.Failures != 0 || sum.SucceededAt != s.clock.Unix() || !sum.Last.OK || sum.Last.Ended != s.clock.Unix() {
		t.Errorf("the pass failed in nothing else: %+v, %+v", sum.Info, sum.Last)
	}
	stays := func(what string, dests ...settle.Destination) {
		t.Helper()
		if len(dests) == 0 {
			dests = s.dests()
		}
		for range 2 {
			s.clock = s.clock.Add(50 * time.Hour)
			rep := s.run(dests...)
			if rep.Verdict.Class != verdict.OK || rep.New != 0 || rep.Deleted != 0 || len(s.server.Messages("u")) != 1 || s.relay.arrived[s.key.UID] != 0 {
				t.Fatalf("%s: %+v", what, rep)
			}
			if sum := s.info(); sum.GivenUp != 1 || sum.Unsure != 0 || sum.Kept != 1 {
				t.Fatalf("%s: %d given up, %d unsure, %d kept", what, sum.GivenUp, sum.Unsure, sum.Kept)
			}
			dests = s.dests()
		}
	}
	stays("after delivery")
	s.acc.Policy = plan.Policy{Delete: plan.DeleteAfterAge, Age: time.Hour}
	stays("by age")
	s.acc.Policy = plan.Policy{Delete: plan.DeleteAfterDelivery}
	s.must(operator.Vouch(t.Context(), s.ledger, "a"))
	stays("vouched")
	s.baseline()
	stays("a baseline")
	if _, err := operator.UndoBaseline(t.Context(), s.ledger, "a", s.clock); err == nil {
		t.Error("a baseline that marked nothing was taken back")
	}
	r, err := Refetch(t.Context(), s.ledger, s.acc, nil, s.clock)
	if err != nil || r.Messages != 0 || r.Left[leftGivenUp] != 1 {
		t.Errorf("all again: %+v, %v", r, err)
	}
	if _, err := Refetch(t.Context(), s.ledger, s.acc, []string{s.key.UID}, s.clock); err == nil {
		t.Error("it is fetched again")
	}
	stays("asked for again")
	stays("one destination less", to("maildir", s.maildir()))
	third := append(s.dests(), to("third", s.at("third")))
	stays("one more", third...)
	s.run(append(s.dests(), to("third", s.at("third")))...)
	for _, name := range []string{"relay", "third"} { // the relay had left, and came back
		s.must(operator.Backfill(t.Context(), s.ledger, "a", name, uidl.Fetch))
	}
	for range 2 {
		if rep := s.run(append(s.dests(), to("third", s.at("third")))...); rep.New != 0 || rep.Deleted != 0 {
			t.Errorf("backfill: %+v", rep)
		}
	}
	s.holds("third", 0)

	s.relay.refuses = ""
	back, err := s.takingBack()
	s.must(err)
	if len(back) != 1 || !back[0].Listed || !slices.Contains(back[0].Places, "relay") {
		t.Errorf("%+v", back)
	}
	if sum := s.info(); sum.GivenUp+sum.Unsure != 0 || sum.Wanted != 1 {
		t.Errorf("%+v", sum)
	}
	for range 2 {
		s.run(append(s.dests(), to("third", s.at("third")))...)
	}
	if s.relay.arrived[s.key.UID] != 1 || len(s.server.Messages("u")) != 0 {
		t.Errorf("%d at the relay, %d on the server", s.relay.arrived[s.key.UID], len(s.server.Messages("u")))
	}
	s.holds("third", 1)
	s.holds("mail", 4)
	if _, err := s.takingBack(); err != nil || len(s.stuck()) != 0 {
		t.Errorf("again: %v, %+v", err, s.stuck())
	}
}

// It stays given up under other unique-ids. What its row said of before is lost with its first one, so taken back it stays unsure.
func TestGiveUpRenumbered(t *testing.T) {
	s := newStation(t)
	s.fail()
	_, err := s.giving(nil)
	s.must(err)
	for _, uid := range []string{"x", ""} {
		m := renamed(uid, s.box[1:2])[0]
		if uid == "" {
			m = s.box[1]
		}
		s.server.AddUser("u", "p", m)
		for range 3 {
			s.clock = s.clock.Add(50 * time.Hour)
			if rep := s.run(s.dests()...); rep.New != 0 || rep.Deleted != 0 || s.info().GivenUp != 1 {
				t.Fatalf("%s: %+v, %d given up", m.UID, rep, s.info().GivenUp)
			}
		}
	}
	s.relay.refuses = ""
	_, err = TakeBack(t.Context(), s.ledger, s.acc, s.opt, func(all []uidl.Stuck) ([]uidl.Stuck, error) {
		return slices.DeleteFunc(all, func(one uidl.Stuck) bool { return one.Key != s.key }), nil // what it was called meanwhile is gone
	})
	s.must(err)
	for range 2 {
		s.run(s.dests()...)
	}
	if sum := s.info(); s.relay.arrived[s.key.UID] != 1 || len(s.server.Messages("u")) != 1 || sum.Unsure != 1 || sum.GivenUp != 0 {
		t.Errorf("%d at the relay, %d on the server, %+v", s.relay.arrived[s.key.UID], len(s.server.Messages("u")), sum)
	}
	s.holds("mail", 4)
}

// Where the server does not list it, its copy must be saved first, whole; until that is durable nothing changes.
func TestGiveUpTheLastCopy(t *testing.T) {
	s := newStation(t)
	s.fail()
	s.server.AddUser("u", "p")
	before := s.stuck()
	same := func(what string) {
		t.Helper()
		if now := s.stuck(); len(now) != 1 || now[0].Message != before[0].Message || !slices.Equal(now[0].Open, before[0].Open) || s.spooled() != 1 {
			t.Fatalf("%s: %+v\nwas %+v", what, now, before)
		}
	}
	for _, lost := range []bool{false, true} { // there is a copy: it is not lost
		_, err := s.giving(func(g *GivingUp) { g.Lost = lost })
		var last *LastCopyError
		if !errors.As(err, &last) || len(last.All) != 1 || last.All[0] != (LastCopy{Key: s.key, Copy: true}) {
			t.Fatalf("lost %v: %v", lost, err)
		}
		same("refused")
	}
	full := errors.New("no space left")
	if _, err := s.giving(func(g *GivingUp) { g.Save = func(io.Reader) error { return full } }); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	same("not saved")

	ledger := s.ledger
	s.ledger = uidltest.NewFaulty(ledger, uidltest.Fault{Commit: 1, Err: uidl.ErrLocked})
	if _, err := s.giving(func(g *GivingUp) { g.Save = func(r io.Reader) error { return nil } }); !errors.Is(err, uidl.ErrLocked) {
		t.Errorf("%v", err)
	}
	s.ledger = ledger
	same("saved, and not written down")

	var saved string
	gave, err := s.giving(func(g *GivingUp) {
		g.Saved = "/home/me/lost.eml"
		g.Save = func(r io.Reader) error {
			b, err := io.ReadAll(r)
			saved = string(b)
			same("before it is durable")
			return err
		}
	})
	s.must(err)
	if want := string(s.box[1].Data); saved != want || len(gave) != 1 || !gave[0].Saved || s.spooled() != 0 {
		t.Errorf("%q, want %q; %+v", saved, want, gave)
	}
	_, err = s.takingBack()
	var none *NotListedError
	if !errors.As(err, &none) || none.Saved != "/home/me/lost.eml" || none.Unknown != "" {
		t.Errorf("%#v", err)
	}
	if rep := s.run(s.dests()...); rep.Verdict.Class != verdict.OK || s.info().GivenUp != 0 {
		t.Errorf("%+v", rep)
	}
	s.server.AddUser("u", "p", s.box[1]) // it comes back
	s.run(s.dests()...)
	if rep := s.run(s.dests()...); rep.New != 0 || s.info().GivenUp != 1 {
		t.Errorf("listed again: %+v", rep)
	}
	_, err = s.takingBack()
	s.must(err)
}

// A copy that is damaged is none.
func TestGiveUpDamagedCopy(t *testing.T) {
	s := newStation(t)
	s.fail()
	_, err := s.giving(func(g *GivingUp) {
		g.Save = func(r io.Reader) error { return fmt.Errorf("copy: %w", deliver.ErrDamaged) }
	})
	var none *NoCopyError
	if !errors.As(err, &none) || len(s.stuck()) != 1 {
		t.Errorf("%v", err)
	}
}

// Where it is not known what the server lists, that counts as if it did not; and it is not asked when it wants to be left alone.
func TestGiveUpUnknown(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*station)
		asked  bool
		why    string
	}{
		"paused": {func(s *station) { s.must(health.Pause(s.t.Context(), s.ledger, "a", true)) }, false, "paused since"},
		"login refused": {func(s *station) {
			s.refuse("-ERR [AUTH] no")
			s.run(s.dests()...)
			s.run(s.dests()...)
		}, false, "not tried again"},
		"server wants time": {func(s *station) {
			s.refuse("-ERR [LOGIN-DELAY] wait")
			s.run(s.dests()...)
		}, false, "wants more time"},
		"down":       {func(s *station) { s.refuse("-ERR [SYS/TEMP] no disk") }, true, "no disk"},
		"other size": {func(s *station) { m := s.box[1]; m.ListSize = 7; s.server.AddUser("u", "p", m) }, true, "another size"},
		"given away": {func(s *station) {
			m := s.box[1]
			m.Data = bytes.ReplaceAll(m.Data, []byte("uid00001"), []byte("uid0000x"))
			s.server.AddUser("u", "p", m)
		}, true, "another message has its unique-id"},
		"twins": {func(s *station) { s.server.AddUser("u", "p", s.box[1], s.box[1]) }, true, "share its unique-id"},
		"other mailbox": {func(s *station) {
			s.acc.Mailbox = "one"
			s.run(s.dests()...)
			s.acc.Mailbox = "two"
		}, false, "another mailbox"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStation(t)
			s.fail()
			c.before(s)
			n := s.connections()
			_, err := s.giving(nil)
			var last *LastCopyError
			if !errors.As(err, &last) || !strings.Contains(last.All[0].Unknown, c.why) || (*n > 0) != c.asked {
				t.Errorf("%d connections: %v %+v", *n, err, last)
			}
			if len(s.stuck()) != 1 || s.spooled() != 1 {
				t.Errorf("%+v", s.stuck())
			}
		})
	}
}

// What the server does not give has no copy: listed, it may be given up; else only by who says that it is lost.
func TestGiveUpWhatCannotBeFetched(t *testing.T) {
	box := mailbox(2)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	bad := true
	r.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
			if verb == "RETR" && bad {
				return &pop3test.Reply{Raw: []byte("-ERR it is damaged\r\n")}
			}
			return nil
		}
	})
	for range 3 {
		r.run()
	}
	if st := r.stuck(); len(st) != 2 || st[0].State != uidl.Parked {
		t.Fatalf("%+v", st)
	}
	one := func(all []uidl.Stuck) ([]uidl.Stuck, error) { return all[:1], nil }
	gave, err := r.giving(func(g *GivingUp) { g.Pick = one })
	if err != nil || len(gave) != 1 || !gave[0].Listed || !slices.Equal(gave[0].Places, []string{"maildir"}) {
		t.Fatalf("%+v, %v", gave, err)
	}
	r.server.AddUser("u", "p", box[0])
	rest := func(all []uidl.Stuck) ([]uidl.Stuck, error) { return all, nil }
	_, err = r.giving(func(g *GivingUp) { g.Pick = rest })
	var last *LastCopyError
	if !errors.As(err, &last) || last.All[0].Copy || last.All[0].Unknown != "" {
		t.Fatalf("%v", err)
	}
	if _, err = r.giving(func(g *GivingUp) { g.Pick, g.Save = rest, func(io.Reader) error { return nil } }); err == nil {
		t.Error("there was nothing to save")
	}
	gave, err = r.giving(func(g *GivingUp) { g.Pick, g.Lost = rest, true })
	if err != nil || len(gave) != 1 || gave[0].Listed {
		t.Fatalf("%+v, %v", gave, err)
	}
	bad = false
	r.clock = r.clock.Add(48 * time.Hour)
	if rep := r.ok(); rep.New != 0 || rep.Deleted != 0 || len(r.stuck()) != 2 {
		t.Errorf("%+v", rep)
	}
	_, err = TakeBack(t.Context(), r.ledger, r.acc, r.opt, one)
	r.must(err)
	if rep := r.ok(); rep.New != 1 || rep.Deleted != 1 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box[0])
}

// What was never retrieved is known by its header once it is given up, and is not read again to see what it is.
func TestGiveUpUnread(t *testing.T) {
	for _, top := range []bool{true, false} {
		box := mailbox(2)
		r := newRig(t, box...)
		bad := box[1].UID
		r.server.Change(func(o *pop3test.Options) {
			o.NoTOP = !top
			o.OnCommand = func(s *pop3test.Session, verb, arg string) *pop3test.Reply {
				n, _ := strconv.Atoi(arg)
				if verb == "RETR" && strings.HasSuffix(s.UID(n), bad) && bad != "" {
					return &pop3test.Reply{Raw: []byte("-ERR it is damaged\r\n")}
				}
				return nil
			}
		})
		for range 3 {
			r.run()
		}
		l, err := r.ledger.Acquire(t.Context(), "a")
		r.must(err)
		st := l.Info().Status
		f := health.Decode(st.Facts)
		f.Wire.Short = []health.ShortReading{{UID: []byte(bad), Next: 1 << 40}, {UID: []byte("other"), Next: 1 << 40}}
		st.Facts = f.Encode()
		r.must(errors.Join(l.Commit(t.Context(), uidl.Change{At: 1, Status: &st}), l.Close()))
		_, err = r.giving(nil)
		r.must(err)
		if short := r.remembered().Wire.Short; len(short) != 1 || string(short[0].UID) != "other" {
			t.Errorf("watched: %+v", short)
		}
		if known := r.stuck()[0].Fingerprint != (uidl.Fingerprint{}); known != top {
			t.Errorf("TOP %v: its header is known: %v", top, known)
		}
		bad = ""
		r.clock = r.clock.Add(48 * time.Hour)
		if rep := r.ok(); rep.New != 0 {
			t.Errorf("%+v", rep)
		}
		if !top {
			continue
		}
		r.server.AddUser("u", "p", renamed("x", box)...)
		for range 2 {
			r.clock = r.clock.Add(48 * time.Hour)
			if rep := r.ok(); rep.New != 0 || r.info().GivenUp != 1 {
				t.Errorf("renumbered: %+v", rep)
			}
		}
	}
}

// What may be at its destination by now is not given up, and nothing is while a pass runs.
func TestGiveUpHalfWay(t *testing.T) {
	s := newStation(t)
	s.fail()
	l, err := s.ledger.Acquire(t.Context(), "a")
	s.must(err)
	for name, try := range map[string]func() error{
		"give up":   func() error { _, err := s.giving(nil); return err },
		"take back": func() error { _, err := s.takingBack(); return err },
		"retry":     func() error { _, err := operator.Retry(t.Context(), s.ledger, "a", pickAll); return err },
	} {
		if err := try(); !errors.Is(err, uidl.ErrBusy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := s.stuck()[0].Open[0]
	d.State = uidl.Publishing
	s.must(l.Commit(t.Context(), uidl.Change{At: 1, Stage: []uidl.Delivery{d}}))
	s.must(l.Close())
	var half *HalfWayError
	if _, err := s.giving(nil); !errors.As(err, &half) || half.Destination != "relay" || len(s.stuck()) != 1 {
		t.Errorf("%v", err)
	}
}

// A person who names what there is not changes nothing.
func TestGiveUpRefused(t *testing.T) {
	s := newStation(t)
	s.fail()
	no := errors.New("no")
	refuse := func([]uidl.Stuck) ([]uidl.Stuck, error) { return nil, no }
	n := s.connections()
	if _, err := s.giving(func(g *GivingUp) { g.Pick = refuse }); err != no || *n != 0 {
		t.Errorf("%v, %d connections", err, *n)
	}
	before := s.stuck()[0]
	if _, err := operator.Retry(t.Context(), s.ledger, "a", refuse); err != no || s.stuck()[0].Open[0] != before.Open[0] {
		t.Errorf("%v", err)
	}
}

// The look goes through the whole listing, also where a pass would not read the rows.
func TestTakeBackUnread(t *testing.T) {
	s := newStation(t)
	s.fail()
	_, err := s.giving(nil)
	s.must(err)
	s.acc.Policy.Delete = plan.DeleteNever
	for range 2 {
		s.run(s.dests()...)
	}
	if s.remembered().Unchanged == nil {
		t.Fatal("the next pass would read the rows")
	}
	back, err := s.takingBack()
	if err != nil || len(back) != 1 || !back[0].Listed {
		t.Errorf("%+v, %v", back, err)
	}
}

// What a row says of before it was given up counts when it is taken back; where it says nothing, it stays unsure.
func TestTakeBack(t *testing.T) {
	a, b, f := uidl.PlaceOf(0), uidl.PlaceOf(1), uidl.PlaceOf(2)
	p := newPass(Account{}, Options{}.WithDefaults())
	p.desk.Settler.Set = facts.NewSet([]uidl.Destination{{Ordinal: 0, Role: uidl.Required}, {Ordinal: 1, Role: uidl.Required}, {Ordinal: 2, Role: uidl.Fallback}}, 1)
	const both = uidl.Seen | uidl.Unsure
	for _, c := range []struct {
		name         string
		have, waived uidl.Places
		reason       string
		wantHave     uidl.Places
		wantWaived   uidl.Places
	}{
		{"nobody has it", both, 0, "", 0, 0},
		{"one has it", both | a, 0, rowGivenUp, a, 0},
		{"one has it, and it was saved", both | a, 0, rowGivenUp + rowSaved + "/x", a, 0},
		{"one was unsure", both | a, 0, rowGivenUp + rowUnsure, a | uidl.Unsure, 0},
		{"nobody knows", both | a, 0, "something else", a | uidl.Unsure, 0},
		{"the fallback was to take it", both | a, b, rowGivenUp, a, 0},
		{"the fallback has it", both | f, b, rowGivenUp, f | uidl.Unsure, b},
	} {
		m := uidl.Message{Reason: c.reason, Row: uidl.Row{State: uidl.Delivered, Facts: uidl.Facts{Have: c.have, Waived: c.waived}}}
		if p.takeBack(&m); m.Have != c.wantHave || m.Waived != c.wantWaived || m.State != uidl.Wanted || m.Reason != "" {
			t.Errorf("%s: %+v", c.name, m)
		}
	}
}

// Whoever stops it while the server is asked has changed nothing.
func TestGiveUpStopped(t *testing.T) {
	s := newStation(t)
	s.fail()
	ctx, stop := context.WithCancel(t.Context())
	s.server.Change(func(o *pop3test.Options) {
		o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
			if verb == "UIDL" {
				stop()
			}
			return nil
		}
	})
	if _, err := GiveUp(ctx, s.ledger, s.acc, s.opt, GivingUp{Pick: pickAll, Copy: func(string, deliver.Ticket) (io.ReadCloser, error) {
		return nil, deliver.ErrUnknown
	}, Lost: true}); !errors.Is(err, context.Canceled) || len(s.stuck()) != 1 {
		t.Errorf("%v", err)
	}
}

// What is made due is tried by a pass that nobody asked for; what is not stays as it is.
func TestRetry(t *testing.T) {
	s := newStation(t)
	s.fail()
	tries := func() int { return s.stuck()[0].Open[0].Attempts }
	before := tries()
	if s.run(s.dests()...); tries() != before {
		t.Fatal("it was tried although it waits")
	}
	none := func([]uidl.Stuck) ([]uidl.Stuck, error) { return nil, nil }
	if picked, err := operator.Retry(t.Context(), s.ledger, "a", none); err != nil || len(picked) != 0 {
		t.Errorf("%v, %v", picked, err)
	}
	if s.run(s.dests()...); tries() != before {
		t.Error("it was tried although nobody named it")
	}
	picked, err := operator.Retry(t.Context(), s.ledger, "a", pickAll)
	if err != nil || len(picked) != 1 || tries() != before || s.stuck()[0].Open[0].NextTry != 0 {
		t.Errorf("%v, %v", picked, err)
	}
	if s.run(s.dests()...); tries() != before+1 {
		t.Errorf("%d attempts, want %d", tries(), before+1)
	}
	s.relay.refuses = ""
	_, err = operator.Retry(t.Context(), s.ledger, "a", pickAll)
	s.must(err)
	if s.run(s.dests()...); s.relay.arrived[s.key.UID] != 1 {
		t.Error("it did not come")
	}
	if picked, err := operator.Retry(t.Context(), s.ledger, "nobody", pickAll); err != nil || len(picked) != 0 {
		t.Errorf("%v, %v", picked, err)
	}
}

// Headers come by TOP, as far as the server gives them, and nothing else is asked.
func TestHeaders(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, append(box, box[4])...)
	var got []string
	keys := []uidl.Key{{UID: box[3].UID}, {UID: box[1].UID}, {UID: "gone"}, {UID: box[4].UID, Dup: 1}}
	n, err := server.Headers(t.Context(), r.acc, keys, func(k uidl.Key, body io.Reader) error {
		b, err := io.ReadAll(body)
		got = append(got, fmt.Sprintf("%s/%d %d", k.UID, k.Dup, strings.Count(string(b), "\n")))
		return err
	})
	if want := []string{"uid00001/0 3", "uid00003/0 3", "uid00004/1 3"}; err != nil || n != 3 || !slices.Equal(got, want) {
		t.Errorf("%d: %q, want %q, %v", n, got, want, err)
	}
	if c := r.server.Stats().Commands; c["RETR"]+c["DELE"] != 0 || c["TOP"] != 3 {
		t.Errorf("%v", c)
	}
	r.server.Change(func(o *pop3test.Options) { o.NoTOP = true })
	if n, err := server.Headers(t.Context(), r.acc, keys, nil); err == nil || n != 0 {
		t.Errorf("without TOP: %d, %v", n, err)
	}
}

// The last pass is a failure no more once all that failed in it is given up, but only then.
func TestGiveUpPardons(t *testing.T) {
	refuses := func(what string) func(*pop3test.Options) {
		return func(o *pop3test.Options) {
			o.OnCommand = func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
				if verb != what {
					return nil
				}
				return &pop3test.Reply{Raw: []byte("-ERR no\r\n")}
			}
		}
	}
	both := []uidl.Stuck(nil)
	first := func(all []uidl.Stuck) ([]uidl.Stuck, error) { both = all; return all[:1], nil }
	for name, c := range map[string]struct {
		change func(*pop3test.Options)
		pick   func([]uidl.Stuck) ([]uidl.Stuck, error)
		well   bool
	}{
		"not retrieved":        {refuses("RETR"), pickAll, true},
		"one of several":       {refuses("RETR"), first, false},
		"not deleted, as well": {refuses("DELE"), pickAll, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStation(t)
			s.server.Change(c.change)
			s.run(s.dests()...)
			ended := s.clock.Unix()
			if s.info().Verdict == "" || len(s.stuck()) == 0 {
				t.Fatalf("%+v", s.info())
			}
			s.clock = s.clock.Add(50 * time.Hour)
			_, err := s.giving(func(g *GivingUp) { g.Pick = c.pick })
			s.must(err)
			want := int64(0)
			if c.well {
				want = ended
			}
			if sum := s.info(); (sum.Verdict == "") != c.well || (sum.Failures == 0) != c.well || sum.SucceededAt != want {
				t.Errorf("%+v; failed: %d", sum.Info, len(both))
			}
		})
	}
}
