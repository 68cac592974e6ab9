package fetcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
)

// spooled is a remote destination in memory that gives staged bytes back.
type spooled struct{ *delivertest.Memory }

func (s spooled) Open(t deliver.Ticket) (io.ReadCloser, error) {
	body, ok := s.Staged(t)
	if !ok {
		return nil, deliver.ErrUnknown
	}
	return io.NopCloser(strings.NewReader(body)), nil
}

func refuse(e deliver.Error) *deliver.Error {
	e.Op, e.Err = "send", errors.New("550 no")
	return &e
}

// with runs a pass into the rig's Maildir and others.
func (r *rig) with(others ...settle.Destination) report.Report {
	r.t.Helper()
	return r.run(append([]settle.Destination{{Name: "maildir", Target: r.maildir()}}, others...)...)
}

// With several lanes as many messages are under way at once, and no more; each arrives once.
func TestLanes(t *testing.T) {
	box := mailbox(40)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	m := delivertest.NewMemory("remote")
	m.Senders = 3
	var mu sync.Mutex
	now, most := 0, 0
	all := make(chan struct{})
	m.OnPublish = func(deliver.Message) error {
		mu.Lock()
		now++
		if most = max(most, now); now == 3 && most == 3 {
			select {
			case <-all:
			default:
				close(all)
			}
		}
		mu.Unlock()
		<-all // until three are there
		mu.Lock()
		now--
		mu.Unlock()
		return nil
	}
	if rep := r.pair(m); rep.Verdict.Class != verdict.OK || rep.New != 40 || rep.Deleted != 40 {
		t.Errorf("%+v", rep)
	}
	if most != 3 {
		t.Errorf("%d at once, want 3", most)
	}
	wantRemote(t, m, box...)
	if n := m.Places(); n != 0 {
		t.Errorf("%d copies are left in the staging place", n)
	}
}

// A relay that refuses every envelope: nothing in the fallback, nothing deleted, nothing charged, one clear message.
func TestRelayRefusesAll(t *testing.T) {
	box := mailbox(10)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	m, f := spooled{delivertest.NewMemory("remote")}, delivertest.NewMemory("quarantine")
	m.OnPublish = func(deliver.Message) error { return refuse(deliver.Error{Permanent: true, Envelope: true}) }
	for range 3 {
		m := spooled{m.Reopen()}
		rep := r.with(settle.Destination{Name: "remote", Target: m}, settle.Destination{Name: "quarantine", Target: f.Reopen(), Fallback: true})
		if rep.Verdict.Class != verdict.Config || rep.Deleted != 0 || rep.Quarantined != 0 || rep.NewlyParked != 0 {
			t.Errorf("%+v", rep)
		}
		if !strings.Contains(rep.Verdict.Message, "refused the envelopes of several messages") {
			t.Errorf("%s", rep.Verdict.Message)
		}
		r.clock = r.clock.Add(time.Hour)
	}
	wantRemote(t, f)
	if n := m.Calls("Publish"); n != 9 {
		t.Errorf("asked %d times in 3 passes", n)
	}
	m.OnPublish = nil
	if rep := r.with(settle.Destination{Name: "remote", Target: spooled{m.Reopen()}}); rep.Deleted != 10 {
		t.Errorf("%+v", rep)
	}
	wantRemote(t, m.Memory, box...)
	if r.retrieved() != 10 {
		t.Errorf("%d RETRs", r.retrieved())
	}
}

// One envelope that is refused while the others are accepted is that message's fault, told by a second try in the same
// pass; it goes to the fallback and stays on the server for a week.
func TestFallback(t *testing.T) {
	for _, at := range []int{0, 5, 9} {
		for _, stage := range []string{"envelope", "content"} {
			box := mailbox(10)
			r := newRig(t, box...)
			r.acc.Policy.Delete = plan.DeleteAfterDelivery
			m, f := spooled{delivertest.NewMemory("remote")}, delivertest.NewMemory("quarantine")
			f.Messages = 500 // as a Maildir
			accepted := 0
			m.OnPublish = func(d deliver.Message) error {
				if d.UID != box[at].UID {
					accepted++
					return nil
				}
				return refuse(deliver.Error{Permanent: true, Envelope: stage == "envelope", Vouched: accepted > 0})
			}
			run := func() report.Report {
				return r.with(settle.Destination{Name: "remote", Target: spooled{m.Reopen()}},
					settle.Destination{Name: "quarantine", Target: f.Reopen(), Fallback: true})
			}
			if rep := run(); rep.New != 10 || rep.Deleted != 9 || rep.Quarantined != 1 {
				t.Errorf("%s %d: %+v", stage, at, rep)
			}
			wantRemote(t, f, box[at])
			wantRemote(t, m.Memory, slices.Delete(slices.Clone(box), at, at+1)...)
			r.wantMail(box...)
			r.clock = r.clock.Add(6 * 24 * time.Hour)
			if rep := run(); rep.Deleted != 0 || rep.Kept != 1 {
				t.Errorf("%s %d: %+v", stage, at, rep)
			}
			r.clock = r.clock.Add(25 * time.Hour)
			if rep := run(); rep.Deleted != 1 || rep.New != 0 {
				t.Errorf("%s %d: %+v", stage, at, rep)
			}
			if n := m.Places() + f.Places(); n != 0 {
				t.Errorf("%d copies are left in the staging places", n)
			}
			if r.retrieved() != 10 {
				t.Errorf("%d RETRs", r.retrieved())
			}
		}
	}
}

// What two destinations refuse the fallback gets once, whether they refuse it in one pass or in two.
func TestFallbackForTwo(t *testing.T) {
	for _, later := range []bool{false, true} {
		for _, remote := range []bool{false, true} {
			t.Run(fmt.Sprintf("later=%v remote=%v", later, remote), func(t *testing.T) {
				box := mailbox(4)
				r := newRig(t, box...)
				r.acc.Policy.Delete, r.acc.DeleteQuarantined = plan.DeleteAfterDelivery, true
				a, b, f := spooled{delivertest.NewMemory("a")}, spooled{delivertest.NewMemory("b")}, delivertest.NewMemory("quarantine")
				if !remote {
					f.Messages = 500
				}
				down := later
				no := func(d deliver.Message) error {
					if d.UID != box[1].UID {
						return nil
					}
					return refuse(deliver.Error{Permanent: true})
				}
				a.OnPublish = no
				b.OnPublish = func(d deliver.Message) error {
					if down {
						return &deliver.Error{Op: "send", Scope: deliver.WholeTarget, Err: errors.New("down")}
					}
					return no(d)
				}
				for range 3 {
					r.with(settle.Destination{Name: "a", Target: spooled{a.Reopen()}}, settle.Destination{Name: "b", Target: spooled{b.Reopen()}},
						settle.Destination{Name: "quarantine", Target: f.Reopen(), Fallback: true})
					r.clock = r.clock.Add(25 * time.Hour)
					down = false
				}
				wantRemote(t, f, box[1])
				rest := slices.Delete(slices.Clone(box), 1, 2)
				wantRemote(t, a.Memory, rest...)
				wantRemote(t, b.Memory, rest...)
				r.wantMail(box...)
				if n := a.Places() + b.Places() + f.Places(); n != 0 {
					t.Errorf("%d copies are left in the staging places", n)
				}
				if n := len(r.server.Messages("u")); n != 0 {
					t.Errorf("%d messages are left on the server", n)
				}
			})
		}
	}
}

// A fallback that cannot take the message now takes it later; meanwhile it stays with the destination that refused it.
func TestFallbackFails(t *testing.T) {
	for _, remote := range []bool{false, true} {
		box := mailbox(3)
		r := newRig(t, box...)
		r.acc.Policy.Delete = plan.DeleteAfterDelivery
		r.acc.DeleteQuarantined = true
		m, f := spooled{delivertest.NewMemory("remote")}, delivertest.NewMemory("quarantine")
		if !remote {
			f.Messages = 500
		}
		m.OnPublish = func(d deliver.Message) error {
			if d.UID == box[1].UID {
				return refuse(deliver.Error{Permanent: true})
			}
			return nil
		}
		broken := func(deliver.Message) error { return refuse(deliver.Error{Scope: deliver.WholeTarget}) }
		run := func() report.Report {
			r.clock = r.clock.Add(25 * time.Hour)
			return r.with(settle.Destination{Name: "remote", Target: spooled{m.Reopen()}},
				settle.Destination{Name: "quarantine", Target: f.Reopen(), Fallback: true})
		}
		f.OnCreate = broken
		if rep := run(); rep.New != 2 || rep.Deleted != 2 || rep.Verdict.Class != verdict.Temporary {
			t.Errorf("%+v", rep)
		}
		f.OnCreate, f.OnPublish = nil, broken
		if rep := run(); rep.Deleted != 0 || rep.Quarantined != 1 {
			t.Errorf("%+v", rep)
		}
		wantRemote(t, f)
		f.OnPublish = nil
		if rep := run(); rep.Deleted != 1 || rep.Verdict.Class != verdict.OK {
			t.Errorf("%+v", rep)
		}
		wantRemote(t, f, box[1])
		if r.retrieved() != 3 {
			t.Errorf("%d RETRs", r.retrieved())
		}
	}
}

// A destination that is not required holds nothing up, and gets what it can.
func TestOptional(t *testing.T) {
	box := mailbox(6)
	r := newRig(t, box...)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	m := delivertest.NewMemory("archive")
	run := func() report.Report {
		return r.with(settle.Destination{Name: "archive", Target: m.Reopen(), Optional: true})
	}
	m.OnPublish = func(deliver.Message) error { return refuse(deliver.Error{Scope: deliver.WholeTarget}) }
	m.OnWrite = func(d deliver.Message, _ []byte) error {
		if d.UID == box[2].UID {
			return refuse(deliver.Error{})
		}
		return nil
	}
	if rep := run(); rep.New != 6 || rep.Deleted != 6 || rep.Verdict.Class != verdict.Temporary {
		t.Errorf("%+v", rep)
	}
	m.OnPublish = func(d deliver.Message) error {
		if d.UID == box[4].UID {
			return refuse(deliver.Error{Permanent: true})
		}
		return nil
	}
	if rep := run(); rep.Recovered != 4 || rep.Verdict.Class != verdict.OK {
		t.Errorf("%+v", rep)
	}
	wantRemote(t, m, box[0], box[1], box[3], box[5])
	if n := m.Places(); n != 0 {
		t.Errorf("%d copies are left in the staging place", n)
	}
	// Its staging place is gone: nothing is fetched less for it.
	m.OnCreate = func(deliver.Message) error { return refuse(deliver.Error{Scope: deliver.WholeTarget, Full: true}) }
	more := fresh("more", 3)
	r.server.Deliver("u", more...)
	if rep := run(); rep.New != 3 || rep.Deleted != 3 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(append(box, more...)...)
}

// partial accepts a message for some recipients first, then for the rest.
type partial struct {
	*delivertest.Memory
	tickets *[]deliver.Ticket
}

func (p partial) Publish(ctx context.Context, tickets []deliver.Ticket) []error {
	*p.tickets = append(*p.tickets, tickets...)
	if name, ok := strings.CutSuffix(string(tickets[0]), " rest"); ok {
		return p.Memory.Publish(ctx, []deliver.Ticket{deliver.Ticket(name)})
	}
	return []error{refuse(deliver.Error{Rest: string(tickets[0]) + " rest"})}
}

func (p partial) Discard(tickets []deliver.Ticket) error {
	names := make([]deliver.Ticket, len(tickets))
	for i, t := range tickets {
		names[i] = deliver.Ticket(strings.TrimSuffix(string(t), " rest"))
	}
	return p.Memory.Discard(names)
}

// After a partial success only the rest is sent again, also by a later process.
func TestPartial(t *testing.T) {
	box := mailbox(1)
	r := newRig(t, box...)
	m := delivertest.NewMemory("remote")
	var tickets []deliver.Ticket
	for i, want := range []int{0, 1} {
		r.with(settle.Destination{Name: "remote", Target: partial{m.Reopen(), &tickets}})
		if got := len(m.Delivered()); got != want {
			t.Errorf("pass %d: %d delivered", i, got)
		}
	}
	if want := []deliver.Ticket{"memory 1", "memory 1 rest"}; !slices.Equal(tickets, want) {
		t.Errorf("published %q, want %q", tickets, want)
	}
	if n := m.Places(); n != 0 {
		t.Errorf("%d copies are left in the staging place", n)
	}
}

// quota is a remote destination whose staging place holds little.
type quota struct {
	*delivertest.Memory
	mu   *sync.Mutex
	used *int64
	max  int64
	most *int64
}

func (q quota) Free(context.Context) (int64, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.max - *q.used, nil
}

func (q quota) Create(ctx context.Context, m deliver.Message) (deliver.Staging, error) {
	q.mu.Lock()
	*q.used += m.Size
	*q.most = max(*q.most, *q.used)
	q.mu.Unlock()
	return q.Memory.Create(ctx, m)
}

// A staging place that is full for now costs another session, not a RETR; one of a destination that is down stops the
// fetching with a reason.
func TestSpoolFull(t *testing.T) {
	body := strings.Repeat("x", 1000)
	var box []pop3test.Message
	for i := range 20 {
		box = append(box, message(string(rune('a'+i)), body+string(rune('a'+i))))
	}
	r := newRig(t, box...)
	r.opt.FreeFloor, r.opt.BatchMessages = -1, 1
	m := delivertest.NewMemory("remote")
	q := quota{m, new(sync.Mutex), new(int64), 5500, new(int64)}
	m.OnPublish = func(deliver.Message) error { return refuse(deliver.Error{Scope: deliver.WholeTarget}) }
	q.Memory = m.Reopen()
	rep := r.run(settle.Destination{Name: "remote", Target: q})
	if rep.New != 0 || rep.Skipped == 0 || rep.Verdict.Class != verdict.Temporary || !strings.Contains(rep.Verdict.Hint+rep.Verdict.Message, "spool_max") {
		t.Errorf("%+v", rep)
	}
	if n := r.retrieved(); n != 5 {
		t.Errorf("%d RETRs for a place that holds 5", n)
	}
	m.OnPublish = nil
	q.Memory = m.Reopen()
	q.Memory.OnPublish = func(d deliver.Message) error {
		q.mu.Lock()
		defer q.mu.Unlock()
		*q.used -= d.Size // Memory keeps nothing of what it has delivered
		return nil
	}
	r.run(settle.Destination{Name: "remote", Target: q})
	wantRemote(t, m, box...)
	if n := r.retrieved(); n != 20 {
		t.Errorf("%d RETRs for 20 messages", n)
	}
	if *q.most > q.max {
		t.Errorf("%d octets were staged, %d at most were allowed", *q.most, q.max)
	}
}
