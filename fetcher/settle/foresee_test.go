package settle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/facts"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// outboxBench is an outbox with staged messages 1 to n, without a pass around it.
type outboxBench struct {
	*outbox
	t      *testing.T
	m      *delivertest.Memory
	log    *delivertest.Foreseen
	ledger uidl.Account
	rows   []uidl.Delivery
	halt   func()
}

func newOutboxBench(t *testing.T, n, lanes int, during func(b *outboxBench, t, next deliver.Ticket) error) *outboxBench {
	b := &outboxBench{t: t, m: delivertest.NewMemory("remote"), log: &delivertest.Foreseen{}}
	b.m.Senders = lanes
	ctx := context.Background()
	if _, err := b.m.Identify(ctx, ""); err != nil {
		t.Fatal(err)
	}
	relay := uidl.Destination{Name: "remote", Role: uidl.Required}
	c := uidl.Change{Destinations: []uidl.Destination{relay}}
	open := map[uidl.Key]*OpenMessage{}
	for i := range n {
		key := uidl.Key{UID: fmt.Sprint(i + 1)}
		s, err := b.m.Create(ctx, deliver.Message{UID: key.UID})
		if err != nil {
			t.Fatal(err)
		}
		ticket, err := s.Ticket()
		if err == nil {
			err = b.m.Prepare(ctx, []deliver.Ticket{ticket})
		}
		if err != nil {
			t.Fatal(err)
		}
		row := uidl.Delivery{Key: key, Destination: "remote", State: uidl.Staged, Ticket: string(ticket), Seq: int64(i + 1)}
		c.Put = append(c.Put, uidl.Message{Row: uidl.Row{Key: key, State: uidl.Wanted}})
		c.Stage = append(c.Stage, row)
		b.rows, open[key] = append(b.rows, row), &OpenMessage{n: 1}
	}
	l, err := uidltest.NewMemory().Open().Acquire(ctx, "a")
	if err == nil {
		err = l.Commit(ctx, c)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.ledger = l
	target := delivertest.Foreseeing{Memory: b.m, Log: b.log, During: func(t, next deliver.Ticket) error {
		if during == nil {
			return nil
		}
		return during(b, t, next)
	}}
	d := &Place{Destination: Destination{Name: "remote", Target: target}}
	p := bare(l, d, open, facts.NewSet([]uidl.Destination{relay}, 0))
	stop, halt := context.WithCancel(ctx)
	b.outbox, b.halt = newOutbox(stop, ctx, p, d), halt
	return b
}

// send queues messages from one number to another.
func (b *outboxBench) send(from, to int) {
	var all []sending
	for _, row := range b.rows[from-1 : to] {
		all = append(all, sending{row: row})
	}
	b.add(all...)
}

// states are the rows that the ledger has, as "ticket state".
func (b *outboxBench) states() (all []string) {
	b.t.Helper()
	rows, err := b.ledger.Pending(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, row := range rows {
		all = append(all, fmt.Sprint(row.UID, " ", row.State))
	}
	slices.Sort(all)
	return all
}

// over waits for the end, and wants what is announced, what is delivered and how many are left.
func (b *outboxBench) over(announced []deliver.Ticket, delivered, left int) {
	b.t.Helper()
	if err := b.rest(); err != nil {
		b.t.Error(err)
	}
	b.halt()
	if got := b.log.Announced(); !slices.Equal(got, announced) {
		b.t.Errorf("announced %q, want %q", got, announced)
	}
	uids := map[string]int{}
	for _, d := range b.m.Delivered() {
		if uids[d.Message.UID]++; uids[d.Message.UID] > 1 {
			b.t.Errorf("%s was delivered twice", d.Message.UID)
		}
	}
	states := b.states()
	if len(uids) != delivered || len(b.queue) != left || b.kept != 0 || b.lanes != 0 || len(states) != len(b.rows)-delivered {
		b.t.Errorf("%d delivered, %d queued, %d reserved, %d lanes, pending %q", len(uids), len(b.queue), b.kept, b.lanes, states)
	}
}

// Every message but the first is announced, and is 'staged' until the one before it is settled.
func TestForeseenStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var publishing, staged = fmt.Sprint(uidl.Publishing), fmt.Sprint(uidl.Staged)
		b := newOutboxBench(t, 4, 1, func(b *outboxBench, t, next deliver.Ticket) error {
			states := b.states()
			if want := string(t[len("memory "):]) + " " + publishing; len(states) == 0 || states[0] != want {
				b.t.Errorf("while %s is published: %q", t, states)
			}
			for _, s := range states[1:] {
				if s[2:] != staged {
					b.t.Errorf("while %s is published: %q", t, states)
				}
			}
			return nil
		})
		b.send(1, 4)
		b.over([]deliver.Ticket{"memory 2", "memory 3", "memory 4"}, 4, 0)
	})
}

// Two messages on two lanes go side by side: neither is kept by the lane that has the other one.
func TestForeseenLeavesOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meet := make(chan struct{})
		b := newOutboxBench(t, 2, 2, func(*outboxBench, deliver.Ticket, deliver.Ticket) error {
			select {
			case meet <- struct{}{}:
			case <-meet:
			}
			return nil
		})
		b.send(1, 2)
		b.over(nil, 2, 0)
	})
	// What comes while a lane is busy with one and has reserved another gets a lane of its own.
	synctest.Test(t, func(t *testing.T) {
		came := make(chan struct{})
		b := newOutboxBench(t, 3, 2, func(b *outboxBench, ticket, next deliver.Ticket) error {
			switch ticket {
			case "memory 1":
				b.outbox.mu.Lock() // there was one lane when it reserved
				defer b.outbox.mu.Unlock()
				if b.lanes != 1 || next != "memory 2" {
					b.t.Errorf("%d lanes, next %q", b.lanes, next)
				}
			case "memory 2":
				<-came
			case "memory 3":
				close(came)
			}
			return nil
		})
		reserved := make(chan struct{})
		b.m.OnPublish = func(m deliver.Message) error {
			if m.UID == "1" {
				<-reserved
			}
			return nil
		}
		b.outbox.mu.Lock() // 1 is taken and 2 reserved by the first lane, before 3 comes
		b.queue = append(b.queue, sending{row: b.rows[0]}, sending{row: b.rows[1]})
		b.lanes = 1
		b.outbox.mu.Unlock()
		go b.lane()
		synctest.Wait()
		b.send(3, 3)
		synctest.Wait()
		close(reserved)
		b.over([]deliver.Ticket{"memory 2"}, 3, 0)
	})
}

// A reserved message whose turn does not come is where it was: 'staged', first in the queue, not published.
func TestForeseenPutBack(t *testing.T) {
	for name, during := range map[string]func(b *outboxBench) error{
		"stop": func(b *outboxBench) error { b.halt(); return nil },
		"destination failed": func(b *outboxBench) error {
			return &deliver.Error{Scope: deliver.WholeTarget, Err: errors.New("it is down")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newOutboxBench(t, 4, 1, func(b *outboxBench, ticket, _ deliver.Ticket) error {
					if ticket == "memory 2" {
						return during(b)
					}
					return nil
				})
				b.send(1, 4)
				delivered := 2
				if name != "stop" {
					delivered = 1
				}
				b.over([]deliver.Ticket{"memory 2", "memory 3"}, delivered, 2)
				if b.queue[0].row.UID != "3" || b.queue[1].row.UID != "4" {
					t.Errorf("%+v", b.queue)
				}
			})
		})
	}
	t.Run("stopped before", func(t *testing.T) {
		b := newOutboxBench(t, 2, 1, nil)
		b.queue, b.lanes = []sending{{row: b.rows[0]}, {row: b.rows[1]}}, 1
		b.halt()
		if b.reserve() != nil || b.kept != 0 {
			t.Error("one is reserved after the stop")
		}
	})
	t.Run("ledger failed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newOutboxBench(t, 3, 1, func(b *outboxBench, ticket, _ deliver.Ticket) error {
				b.p.Doubt = errors.New("no ledger")
				return nil
			})
			b.send(1, 3)
			if err := b.rest(); err == nil || len(b.m.Delivered()) != 1 {
				t.Errorf("%v, %d delivered", err, len(b.m.Delivered()))
			}
			if got := b.states(); len(got) != 3 {
				t.Errorf("pending %q", got)
			}
			b.halt()
		})
	})
}

// A refused envelope comes back after the reserved message was accepted, and is announced as others are.
func TestForeseenRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		b := newOutboxBench(t, 3, 1, func(_ *outboxBench, ticket, _ deliver.Ticket) error {
			if ticket == "memory 1" {
				if tries++; tries == 1 {
					return &deliver.Error{Op: "send", Envelope: true, Err: errors.New("refused")}
				}
			}
			return nil
		})
		b.send(1, 3)
		b.over([]deliver.Ticket{"memory 2", "memory 3", "memory 1"}, 3, 0)
	})
}
