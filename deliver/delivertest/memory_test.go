package delivertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/popsync/popsync/deliver"
)

func harness(wrap func(*Memory) deliver.Target) func(t testing.TB) Harness {
	return func(t testing.TB) Harness {
		m := NewMemory("test")
		refused := map[bool]string{} // by late: a UID
		refuse := func(late bool) func(msg deliver.Message) error {
			return func(msg deliver.Message) error {
				if refused[late] == "" || msg.UID != refused[late] {
					return nil
				}
				refused[late] = ""
				return &deliver.Error{Op: "publish", Place: m.Name, Err: errors.New("refused"), Uncertain: late}
			}
		}
		m.OnPublish, m.OnDoubt = refuse(false), refuse(true)
		bodies := func(testing.TB) (all []string) {
			for _, d := range m.Delivered() {
				all = append(all, d.Body)
			}
			return all
		}
		return Harness{
			Open:     func(testing.TB) deliver.Target { return wrap(m.Reopen()) },
			Visible:  bodies,
			Sequence: bodies,
			Staged:   func(_ testing.TB, ticket deliver.Ticket) (string, bool) { return m.Staged(ticket) },
			Places:   func(testing.TB) int { return m.Places() },
			Damage:   func(_ testing.TB, ticket deliver.Ticket) { m.Damage(ticket) },
			Look:     func(testing.TB) string { return fmt.Sprint(len(m.place.staged), m.Places(), len(m.Delivered())) },
			Others:   []string{"memory other", "1 abcdefghijklmnopqrstuvwxyz /mail"},
			Refuse: func(_ testing.TB, _ deliver.Target, ticket deliver.Ticket, late bool) {
				refused[late] = m.place.staged[ticket].Message.UID
			},
			Aside: func(testing.TB) int { return m.Aside() },
		}
	}
}

func TestMemoryConforms(t *testing.T) {
	Run(t, harness(func(m *Memory) deliver.Target { return m }))
}

func TestLargerBatchesConform(t *testing.T) {
	Run(t, harness(func(m *Memory) deliver.Target { m.Messages = 3; return m }))
}

// broken is a Target whose Publish somebody got wrong.
type broken struct {
	*Memory
	publish func(m *Memory, tickets []deliver.Ticket) []error
}

func (b *broken) Publish(ctx context.Context, tickets []deliver.Ticket) []error {
	if err := b.begin(ctx, "Publish"); err != nil {
		return b.Memory.Publish(ctx, tickets)
	}
	return b.publish(b.Memory, tickets)
}

func TestSuiteNoticesBrokenTargets(t *testing.T) {
	ctx := context.Background()
	for _, test := range []struct {
		name    string
		publish func(m *Memory, tickets []deliver.Ticket) []error
		caught  string
	}{
		{"nothing is wrong", func(m *Memory, tickets []deliver.Ticket) []error {
			return m.Publish(ctx, tickets)
		}, ""},
		{"forgets every third", func(m *Memory, tickets []deliver.Ticket) []error {
			errs := make([]error, len(tickets))
			for i := range tickets {
				if count3(m) {
					continue
				}
				errs[i] = m.publish(tickets[i])
			}
			return errs
		}, "published in order"},
		{"not idempotent: delivers again", func(m *Memory, tickets []deliver.Ticket) []error {
			errs := m.Publish(ctx, tickets)
			for i, err := range errs {
				if err != nil {
					continue
				}
				m.place.mu.Lock()
				if m.place.calls["again "+string(tickets[i])] > 0 {
					m.place.delivered = append(m.place.delivered, Delivered{Body: "again"})
				}
				m.place.calls["again "+string(tickets[i])]++
				m.place.mu.Unlock()
			}
			return errs
		}, "publish is idempotent"},
		{"not idempotent: says unknown", func(m *Memory, tickets []deliver.Ticket) []error {
			errs := make([]error, len(tickets))
			for i := range tickets {
				if _, ok := m.Staged(tickets[i]); !ok {
					errs[i] = deliver.ErrUnknown
				} else {
					errs[i] = m.publish(tickets[i])
				}
			}
			return errs
		}, "publish after a crash"},
		{"drops damaged bytes", func(m *Memory, tickets []deliver.Ticket) []error {
			errs := m.Publish(ctx, tickets)
			for i, err := range errs {
				if errors.Is(err, deliver.ErrDamaged) {
					m.Discard(tickets[i : i+1])
				}
			}
			return errs
		}, "damage is noticed"},
		{"settles damaged bytes", func(m *Memory, tickets []deliver.Ticket) []error {
			errs := m.Publish(ctx, tickets)
			for i, err := range errs {
				if errors.Is(err, deliver.ErrDamaged) {
					m.Discard(tickets[i : i+1])
					errs[i] = nil
				}
			}
			return errs
		}, "damage is noticed"},
		{"answers for fewer", func(m *Memory, tickets []deliver.Ticket) []error {
			return m.Publish(ctx, tickets)[:len(tickets)-1]
		}, "published in order"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Failures(t, harness(func(m *Memory) deliver.Target { return &broken{m, test.publish} }))
			if test.caught == "" && len(got) > 0 || test.caught != "" && !slices.Contains(got, test.caught) {
				t.Errorf("failed checks: %q, want %q among them", got, test.caught)
			}
		})
	}
}

// local is a Target that says of itself that it is not remote, and publishes one by one.
type local struct{ *Memory }

func (local) Remote() bool { return false }

func TestSuiteNoticesWhoIsNotRemote(t *testing.T) {
	got := Failures(t, harness(func(m *Memory) deliver.Target { return local{m} }))
	if !slices.Contains(got, "remote") {
		t.Errorf("failed checks: %q, want \"remote\" among them", got)
	}
}

// count3 tells whether this is every third call.
func count3(m *Memory) bool {
	m.place.mu.Lock()
	defer m.place.mu.Unlock()
	m.place.calls["third"]++
	return m.place.calls["third"]%3 == 0
}

func TestMemoryFaults(t *testing.T) {
	fault := errors.New("fault")
	m := NewMemory("x")
	m.OnDoubt = func(deliver.Message) error { return fault }
	ctx := context.Background()
	if _, err := m.Identify(ctx, ""); err != nil {
		t.Fatal(err)
	}
	s, err := m.Create(ctx, deliver.Message{UID: "1"})
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := s.Ticket()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Publish(ctx, []deliver.Ticket{ticket})[0]; err == nil || len(m.Delivered()) != 0 {
		t.Errorf("an unprepared ticket was published: %v", err)
	}
	if err := m.Prepare(ctx, []deliver.Ticket{ticket}); err != nil {
		t.Fatal(err)
	}
	if err := m.Publish(ctx, []deliver.Ticket{ticket})[0]; err != fault || len(m.Delivered()) != 1 {
		t.Errorf("in doubt: %v, %d delivered", err, len(m.Delivered()))
	}
	m.OnWrite = func(deliver.Message, []byte) error { return fault }
	s, _ = m.Create(ctx, deliver.Message{UID: "2"})
	s.Write([]byte("x"))
	if _, err := s.Ticket(); err != fault || m.Places() != 0 {
		t.Errorf("Ticket after a failed Write: %v, %d places", err, m.Places())
	}
}
