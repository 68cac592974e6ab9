package fetcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
)

// relayRig is a remote destination that answers what take says, and how many messages were offered to it.
type relayRig struct {
	*rig
	m       *delivertest.Memory
	offered int
	setting string
}

func newRelay(r *rig, take func(deliver.Message) error) *relayRig {
	x := &relayRig{rig: r, m: delivertest.NewMemory("relay")}
	x.m.OnPublish = func(m deliver.Message) error {
		x.offered++
		return take(m)
	}
	return x
}

func (x *relayRig) pass() report.Report {
	x.t.Helper()
	return x.run(settle.Destination{Name: "relay", Target: x.m.Reopen(), Setting: x.setting})
}

// day makes passes as the daemon would: by a schedule, and errands when one is due. It ends when all is there, or after so long.
func (x *relayRig) day(every, most time.Duration, want int) (took time.Duration) {
	x.t.Helper()
	began, next := x.clock, x.clock
	var errand time.Time
	for len(x.m.Delivered()) < want {
		x.opt.Errand = !errand.IsZero() && errand.Before(next)
		if x.clock = next; x.opt.Errand {
			x.clock = errand
		} else {
			next = next.Add(every)
		}
		if x.clock.Sub(began) > most {
			break
		}
		errand = x.pass().NextSend
	}
	x.opt.Errand = false
	return x.clock.Sub(began)
}

var (
	later = func() error { return &deliver.Error{Op: "send", Place: "relay:25", Err: errors.New("451 4.7.1 later")} }
	full  = func() error {
		return &deliver.Error{Op: "send", Place: "relay:25", Full: true, Err: errors.New("552 5.2.2 full")}
	}
	spam = func() error {
		return &deliver.Error{Op: "send", Place: "relay:25", Permanent: true, Err: errors.New("554 5.7.1 spam")}
	}
	nobody = func() error {
		return &deliver.Error{Op: "send", Place: "relay:25", Permanent: true, Envelope: true, Err: errors.New("550 5.1.1 nobody")}
	}
	greyed = func() error {
		return &deliver.Error{Op: "send", Place: "relay:25", Envelope: true, Err: errors.New("450 4.2.0 greylisted")}
	}
	crashed = func() error {
		return &deliver.Error{Op: "run", Place: "/bin/x", Uncertain: true, Err: errors.New("ended by signal 11")}
	}
	refuses = func() error {
		return &deliver.Error{Op: "login", Login: true, Place: "relay:25", Scope: deliver.WholeTarget, Permanent: true, Err: errors.New("535 no")}
	}
	missing = func() error {
		return &deliver.Error{Op: "connect", Place: "relay:25", Scope: deliver.WholeTarget, Err: errDown}
	}
)

// 5 messages in each fixed minute: all of 100 arrive in 25 minutes, and few are sent in vain; so they do where one message is
// refused for now each time.
func TestDestinationThatLimits(t *testing.T) {
	for _, bad := range []int{-1, 0, 7, 99} {
		t.Run(fmt.Sprint(bad), func(t *testing.T) {
			box := mailbox(100)
			r := newRig(t, box...)
			r.clock = r.clock.Truncate(time.Minute).Add(17 * time.Second)
			r.opt.Backoff = doubling
			var minute time.Time
			took := 0
			x := newRelay(r, func(m deliver.Message) error {
				if now := r.clock.Truncate(time.Minute); !now.Equal(minute) {
					minute, took = now, 0
				}
				if bad >= 0 && m.UID == box[bad].UID {
					return later()
				}
				if took++; took > 5 {
					return later()
				}
				return nil
			})
			want := 100 - desk.Count(bad >= 0)
			if d := x.day(10*time.Minute, time.Hour, want); d > 25*time.Minute || x.offered > 130 || len(x.m.Delivered()) != want {
				t.Errorf("%d arrived in %v, %d were sent", len(x.m.Delivered()), d, x.offered)
			}
			if n := r.retrieved(); n != 100 {
				t.Errorf("%d RETRs", n)
			}
			if rep := x.pass(); bad >= 0 && rep.Verdict.Class != verdict.Temporary || bad < 0 && rep.Verdict.Class != verdict.OK {
				t.Errorf("%+v", rep.Verdict)
			}
		})
	}
}

// A one-shot run to a destination that takes 5 of 40 sends about 6, each time with another message first.
func TestLimitedRuns(t *testing.T) {
	box := mailbox(40)
	r := newRig(t, box...)
	took := 0
	var refused []string
	x := newRelay(r, func(m deliver.Message) error {
		if took++; took > 5 {
			refused = append(refused, m.UID)
			return later()
		}
		return nil
	})
	for i := range 3 {
		took = 0
		before := x.offered
		if rep := x.pass(); rep.Verdict.Class != verdict.Temporary || !strings.Contains(rep.Verdict.Message, "451 4.7.1 later") {
			t.Errorf("%+v", rep.Verdict)
		}
		if n := x.offered - before; n > 7 || len(x.m.Delivered()) != 5*(i+1) {
			t.Errorf("run %d sent %d, %d are there", i, n, len(x.m.Delivered()))
		}
		r.clock = r.clock.Add(10 * time.Minute)
	}
	slices.Sort(refused)
	if n := len(slices.Compact(slices.Clone(refused))); n != len(refused) {
		t.Errorf("%d refusals of %d messages", len(refused), n)
	}
}

// One message that is always refused for now holds up nobody in a run, and is parked in the end.
func TestOneAlwaysLater(t *testing.T) {
	for _, at := range []int{0, 20, 39} {
		for name, say := range map[string]func() error{"later": later, "greyed": greyed, "crashed": crashed} {
			t.Run(fmt.Sprint(name, at), func(t *testing.T) {
				box := mailbox(40)
				r := newRig(t, box...)
				vouched := false
				x := newRelay(r, func(m deliver.Message) error {
					if m.UID != box[at].UID {
						vouched = true
						return nil
					}
					err := say().(*deliver.Error)
					err.Vouched = err.Envelope && vouched
					return err
				})
				if rep := x.pass(); rep.Verdict.Class != verdict.Temporary || len(x.m.Delivered()) < 39 {
					t.Errorf("first run: %d there, %+v", len(x.m.Delivered()), rep.Verdict)
				}
				parked := false
				for i := range 8 { // with new mail now and then
					r.clock = r.clock.Add(5 * time.Minute)
					r.server.Deliver("u", message(fmt.Sprint("more", i), "x"))
					rep := x.pass()
					if parked && (rep.Verdict.Class != verdict.OK || rep.Parked != 1) {
						t.Errorf("run %d: %+v", i, rep)
					}
					parked = parked || rep.Parked == 1
				}
				if !parked || x.offered > 40+8+5 {
					t.Errorf("parked %v, %d were sent", parked, x.offered)
				}
			})
		}
	}
}

// Half an hour of outage that looks like messages that are put off: all of it goes as soon as a person asks.
func TestAskedAfterTrouble(t *testing.T) {
	for name, say := range map[string]func() error{"later": later, "full": full, "crashed": crashed, "spam": spam, "nobody": nobody} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(3)
			r := newRig(t, box...)
			r.opt.Backoff = doubling
			broken := true
			x := newRelay(r, func(deliver.Message) error {
				if broken {
					return say()
				}
				return nil
			})
			for range 3 {
				if rep := x.pass(); rep.Verdict.Class == verdict.OK && rep.Parked == 0 {
					t.Errorf("%+v", rep)
				}
				r.clock = r.clock.Add(10 * time.Minute)
			}
			broken = false
			r.opt.Asked = true
			if rep := x.pass(); rep.Verdict.Class != verdict.OK || len(x.m.Delivered()) != 3 || rep.Parked != 0 || rep.PutOff != 0 {
				t.Errorf("%d there: %+v", len(x.m.Delivered()), rep)
			}
		})
	}
}

// What one message that was never taken means for the pass, in this run and the next ones.
func TestVerdictOfOpenMail(t *testing.T) {
	for _, tt := range []struct {
		name   string
		say    func() error
		class  []verdict.Class // of four runs in a row
		parked int             // after them
	}{
		{"put off", later, []verdict.Class{verdict.Temporary, verdict.Temporary, verdict.Temporary, verdict.Temporary}, 0},
		{"full", full, []verdict.Class{verdict.Temporary, verdict.Temporary, verdict.Temporary, verdict.Temporary}, 0},
		{"crashes", crashed, []verdict.Class{verdict.Temporary, verdict.Temporary, verdict.Temporary, verdict.OK}, 1},
		{"spam", spam, []verdict.Class{verdict.Temporary, verdict.OK, verdict.OK, verdict.OK}, 1},
		{"nobody", nobody, []verdict.Class{verdict.Config, verdict.Config, verdict.Config, verdict.Config}, 0},
		{"greylisted", greyed, []verdict.Class{verdict.Temporary, verdict.Temporary, verdict.Temporary, verdict.Temporary}, 0},
		{"login", refuses, []verdict.Class{verdict.Login, verdict.Login, verdict.Login, verdict.Login}, 0},
		{"down", missing, []verdict.Class{verdict.Temporary, verdict.Temporary, verdict.Temporary, verdict.Temporary}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, mailbox(1)...)
			x := newRelay(r, func(deliver.Message) error { return tt.say() })
			for i, want := range tt.class {
				rep := x.pass()
				if rep.Verdict.Class != want {
					t.Errorf("run %d: %+v", i, rep.Verdict)
				}
				if want != verdict.OK && rep.Verdict.Message == "" {
					t.Errorf("run %d says nothing: %+v", i, rep.Verdict)
				}
				if i == 3 && (rep.Parked != tt.parked || rep.PutOff != 1-tt.parked) {
					t.Errorf("%d parked, %d put off: %+v", rep.Parked, rep.PutOff, rep)
				}
				r.clock = r.clock.Add(10 * time.Minute)
			}
			sums, err := r.ledger.Summaries(t.Context())
			if err != nil || sums[0].Parked != tt.parked {
				t.Errorf("the ledger has %d parked, want %d (%v)", sums[0].Parked, tt.parked, err)
			}
		})
	}
}

// A destination that took mail yesterday is believed to be set right: one envelope that it refuses is that message's fault.
func TestTrustedDestination(t *testing.T) {
	for _, other := range []bool{false, true} {
		r := newRig(t, mailbox(1)...)
		bad := false
		x := newRelay(r, func(deliver.Message) error {
			if bad {
				return nobody()
			}
			return nil
		})
		if rep := x.pass(); rep.Verdict.Class != verdict.OK {
			t.Fatal(rep.Verdict)
		}
		bad = true
		if other {
			x.setting = "another address"
		}
		r.server.Deliver("u", message("bad", "x"))
		want := []verdict.Class{verdict.Temporary, verdict.Temporary, verdict.Temporary, verdict.OK}
		if other {
			want = []verdict.Class{verdict.Config, verdict.Config, verdict.Config, verdict.Config}
		}
		for i, class := range want {
			r.clock = r.clock.Add(10 * time.Minute)
			if rep := x.pass(); rep.Verdict.Class != class || i == 3 && !other && rep.Parked != 1 {
				t.Errorf("other setting %v, run %d: %+v", other, i, rep)
			}
		}
	}
}

// New mail tells whether a destination that rests takes mail again; it does not wait for the destination's time.
func TestProbeWithNewMail(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	r.opt.Backoff = func(int) time.Duration { return time.Hour }
	bad := box[1].UID
	all := true
	x := newRelay(r, func(m deliver.Message) error {
		if all || m.UID == bad {
			return later()
		}
		return nil
	})
	x.pass()
	if x.offered != settle.MaxVain {
		t.Fatalf("%d were sent", x.offered)
	}
	r.clock = r.clock.Add(10 * time.Minute)
	if rep := x.pass(); x.offered != settle.MaxVain || rep.Verdict.Class != verdict.Temporary {
		t.Errorf("it does not rest: %d, %+v", x.offered, rep.Verdict)
	}
	r.server.Deliver("u", message("new1", "x"))
	x.pass()
	if x.offered != settle.MaxVain+1 {
		t.Errorf("%d were sent: the new one was to be tried", x.offered)
	}
	all = false
	r.server.Deliver("u", message("new2", "x"))
	r.clock = r.clock.Add(10 * time.Minute)
	x.pass()
	if n := len(x.m.Delivered()); n != 4 {
		t.Errorf("%d are there", n)
	}
}

// An errand sends what waits, asks nothing of the server, and ends a failure that was of deliveries alone.
func TestErrand(t *testing.T) {
	r := newRig(t, mailbox(3)...)
	r.opt.Backoff = doubling
	broken := true
	x := newRelay(r, func(deliver.Message) error {
		if broken {
			return missing()
		}
		return nil
	})
	rep := x.pass()
	if rep.Verdict.Class != verdict.Temporary || rep.NextSend.IsZero() || !rep.NextTry.IsZero() {
		t.Fatalf("%+v", rep)
	}
	logins := r.server.Stats().Commands["PASS"]
	r.clock, r.opt.Errand = rep.NextSend, true
	if rep = x.pass(); rep.Verdict.Class != verdict.Temporary || !rep.Errand || rep.Untried || !rep.NextSend.After(r.clock) {
		t.Errorf("%+v", rep)
	}
	if n := r.passes(); n != 1 {
		t.Errorf("an errand left a row: %d", n)
	}
	broken = false
	r.clock = rep.NextSend
	if rep = x.pass(); rep.Verdict.Class != verdict.OK || rep.Untried || len(x.m.Delivered()) != 3 || !rep.NextSend.IsZero() {
		t.Errorf("%+v", rep)
	}
	if sum := r.info(); sum.Verdict != "" || sum.Failures != 0 || sum.SucceededAt != r.clock.Unix() {
		t.Errorf("%+v", sum.Info)
	}
	if n := r.server.Stats().Commands["PASS"]; n != logins {
		t.Errorf("an errand logged in")
	}
	if rep = x.pass(); !rep.Untried {
		t.Errorf("nothing to do: %+v", rep)
	}
}

// A failure of the server is not over because what waited was sent.
func TestErrandAfterOtherTrouble(t *testing.T) {
	r := newRig(t, mailbox(3)...)
	r.opt.Backoff = doubling
	broken := true
	x := newRelay(r, func(deliver.Message) error {
		if broken {
			return missing()
		}
		return nil
	})
	x.pass()
	r.refuse("-ERR no")
	r.clock = r.clock.Add(10 * time.Minute)
	rep := x.pass()
	if rep.Verdict.Class == verdict.OK {
		t.Fatal(rep.Verdict)
	}
	broken, r.opt.Errand, r.clock = false, true, rep.NextSend
	if rep = x.pass(); !rep.Untried || len(x.m.Delivered()) != 3 {
		t.Errorf("%+v", rep)
	}
	if sum := r.info(); sum.Verdict == "" {
		t.Errorf("%+v", sum.Info)
	}
}

// What a destination that is not required refuses for good is told, though nothing fails.
func TestOptionalGoesWithout(t *testing.T) {
	r := newRig(t, mailbox(4)...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	m := delivertest.NewMemory("archive")
	m.OnPublish = func(deliver.Message) error { return spam() }
	rep := r.with(settle.Destination{Name: "archive", Target: m.Reopen(), Optional: true})
	if rep.Waived == 0 || len(rep.Notes) == 0 || !strings.Contains(rep.Notes[0], "554 5.7.1 spam") {
		t.Errorf("%+v", rep)
	}
	if w := r.standing().Without(r.clock); len(w) != 1 || w[0].Messages != rep.Waived || w[0].Destination != "archive" {
		t.Errorf("%+v", w)
	}
	if w := r.standing().Without(r.clock.Add(31 * 24 * time.Hour)); w != nil {
		t.Errorf("told for ever: %+v", w)
	}
}

// A destination that was never set right refuses everything after the content: few bodies are sent, and a person is needed.
func TestRefusesAllContent(t *testing.T) {
	for _, before := range []bool{false, true} {
		r := newRig(t, mailbox(1)...)
		good := true
		x := newRelay(r, func(deliver.Message) error {
			if good {
				return nil
			}
			return spam()
		})
		if before {
			x.pass()
		} else {
			r.server.AddUser("u", "p")
		}
		good, x.offered = false, 0
		r.clock = r.clock.Add(24 * time.Hour)
		r.server.Deliver("u", fresh("more", 20)...)
		rep := x.pass()
		if before && (x.offered != 20 || rep.NewlyParked != 20 || rep.Verdict.Class != verdict.Temporary) {
			t.Errorf("of 20 that it refused of late %d were sent: %+v", x.offered, rep)
		}
		if !before && (x.offered != settle.MaxRefused || rep.Verdict.Class != verdict.Config) {
			t.Errorf("of 20 %d were sent: %+v", x.offered, rep)
		}
	}
}

// One message that is refused for now again and again, with no other to compare it with, is not sent in each run for ever; one
// that others got through beside is parked.
func TestLoneRefusedMessage(t *testing.T) {
	for _, others := range []int{0, 3} {
		box := mailbox(1 + others)
		r := newRig(t, box...)
		x := newRelay(r, func(m deliver.Message) error {
			if m.UID == box[0].UID {
				return later()
			}
			return nil
		})
		x.pass()
		x.offered = 0
		var rep report.Report
		for range 24 * 6 {
			r.clock = r.clock.Add(10 * time.Minute)
			rep = x.pass()
		}
		if others > 0 && (rep.Parked != 1 || rep.Verdict.Class != verdict.OK || x.offered > 5) || others == 0 && (rep.Verdict.Class != verdict.Temporary || x.offered > 30) {
			t.Errorf("beside %d others: %d bodies in a day: %+v", others, x.offered, rep)
		}
	}
}

// One of two recipients is refused for good each time: the others get their mail, and a person is told which setting is wrong.
func TestSomeRecipientsRefused(t *testing.T) {
	r := newRig(t, mailbox(5)...)
	m := delivertest.NewMemory("relay")
	var tickets []deliver.Ticket
	rep := r.with(settle.Destination{Name: "relay", Target: halfRefused{partial{m.Reopen(), &tickets}}})
	if rep.Verdict.Class != verdict.Config || !strings.Contains(rep.Verdict.Message, "some of the recipients") || len(tickets) != 5 || rep.NewlyParked != 5 {
		t.Errorf("%d sent: %+v", len(tickets), rep)
	}
}

// halfRefused is accepted for some recipients, and refused for good for the rest.
type halfRefused struct{ partial }

func (h halfRefused) Publish(ctx context.Context, tickets []deliver.Ticket) []error {
	*h.tickets = append(*h.tickets, tickets...)
	return []error{refuse(deliver.Error{Rest: string(tickets[0]) + " rest", Permanent: true, Envelope: true})}
}
