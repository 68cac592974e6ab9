package delivertest

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/popsync/popsync/deliver"
)

func senderBench(wrap func(*MemorySender) deliver.Sender) func(t testing.TB) SenderBench {
	return func(testing.TB) SenderBench {
		m := NewMemorySender("test")
		m.Parallel = 3
		return SenderBench{
			Open: func(testing.TB) deliver.Sender { return wrap(m.Reopen()) },
			Arrived: func(testing.TB) (all []Arrival) {
				for _, s := range m.Sent() {
					all = append(all, Arrival{Body: s.Text, ID: s.ID, Account: s.Account, UID: s.UID})
				}
				return all
			},
		}
	}
}

func TestMemorySenderConforms(t *testing.T) {
	RunSender(t, senderBench(func(m *MemorySender) deliver.Sender { return m }))
}

func TestSearchingSenderConforms(t *testing.T) {
	RunSender(t, senderBench(func(m *MemorySender) deliver.Sender { m.Searches = true; return m }))
}

// brokenSender is a Sender whose Send somebody got wrong.
type brokenSender struct {
	*MemorySender
	send func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error
}

func (b brokenSender) Send(ctx context.Context, m deliver.Outgoing) error {
	return b.send(ctx, b.MemorySender, m)
}

// change gives the message another text.
func change(m *deliver.Outgoing, f func(string) string) {
	text, _ := io.ReadAll(m.Body)
	m.Body = strings.NewReader(f(string(text)))
	m.Octets = m.Body.(*strings.Reader).Size()
}

func TestSuiteNoticesBrokenSenders(t *testing.T) {
	var last atomic.Pointer[string]
	for _, test := range []struct {
		name   string
		send   func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error
		caught string
	}{
		{"nothing is wrong", func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error {
			return m.Send(ctx, out)
		}, ""},
		{"sends what it could read", func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error {
			change(&out, func(s string) string { return s })
			return m.Send(ctx, out)
		}, "failing body"},
		{"believes no length", func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error {
			out.Octets, _ = out.Body.Seek(0, io.SeekEnd)
			return m.Send(ctx, out)
		}, "body of another length"},
		{"loses a dot", func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error {
			change(&out, func(s string) string { return strings.ReplaceAll(s, "\r\n..", "\r\n.") })
			return m.Send(ctx, out)
		}, "bodies arrive"},
		{"adds a last line end", func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error {
			change(&out, func(s string) string { return strings.TrimSuffix(s, "\r\n") + "\r\n" })
			return m.Send(ctx, out)
		}, "bodies arrive"},
		{"bounds the size", func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error {
			change(&out, func(s string) string { return s[:min(len(s), 1<<20)] })
			return m.Send(ctx, out)
		}, "a large message"},
		{"ignores the context", func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error {
			return m.Send(context.WithoutCancel(ctx), out)
		}, "cancelled before"},
		{"is sure without reason", func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := m.Send(context.WithoutCancel(ctx), out); err != nil {
				return err
			}
			return ctx.Err()
		}, "cancelled within"},
		{"mixes two messages up", func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error {
			change(&out, func(s string) string {
				if was := last.Swap(&s); was != nil && out.UID == "uid-20" {
					return *was
				}
				return s
			})
			return m.Send(ctx, out)
		}, "all lanes at once"},
		{"gives up after a failure", func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error {
			err := m.Send(ctx, out)
			if err != nil {
				m.Close()
			}
			return err
		}, "cancelled before"},
		{"has an id of its own", func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error {
			out.ID += "x"
			return m.Send(ctx, out)
		}, "id and message"},
		{"serves nobody", func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error {
			if out.Rest != "" {
				return nil
			}
			return m.Send(ctx, out)
		}, "tried again"},
		{"takes Again for done", func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error {
			if out.Again {
				return nil
			}
			return m.Send(ctx, out)
		}, "tried again"},
		{"sends what it was only told of", func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error {
			if out.Next != nil && out.Next.UID == "uid-17" {
				_ = m.Send(ctx, *out.Next)
			}
			return m.Send(ctx, out)
		}, "the next is known"},
		{"tells of the next", func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error {
			if out.Next != nil {
				if _, err := readBody(*out.Next); err != nil {
					return err
				}
			}
			return m.Send(ctx, out)
		}, "the next is known"},
		{"tells plain errors", func(ctx context.Context, m *MemorySender, out deliver.Outgoing) error {
			if err := m.Send(ctx, out); err != nil {
				return errors.New("it failed")
			}
			return nil
		}, "failing body"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := SenderFailures(t, senderBench(func(m *MemorySender) deliver.Sender { return brokenSender{m, test.send} }))
			if test.caught == "" && len(got) > 0 || test.caught != "" && !slices.Contains(got, test.caught) {
				t.Errorf("failed checks: %q, want %q among them", got, test.caught)
			}
		})
	}
}

func TestMemorySenderFaults(t *testing.T) {
	fault := errors.New("fault")
	ctx := context.Background()
	m := NewMemorySender("x")
	m.OnSend = func(deliver.Outgoing) error { return fault }
	if err := m.Send(ctx, outgoing(0, "x")); err != fault || len(m.Sent()) != 0 {
		t.Errorf("before: %v, %d sent", err, len(m.Sent()))
	}
	m.OnSend = nil
	m.OnPart = func(deliver.Outgoing) error { return fault }
	if err := m.Send(ctx, outgoing(0, "x")); err != fault || len(m.Sent()) != 1 || !m.Sent()[0].Part {
		t.Errorf("in part: %v, %+v", err, m.Sent())
	}
	m.OnPart = nil
	m.OnDoubt = func(deliver.Outgoing) error { return fault }
	if err := m.Send(ctx, outgoing(0, "x")); err != fault || len(m.Sent()) != 2 || m.Sent()[1].Part {
		t.Errorf("in doubt: %v, %+v", err, m.Sent())
	}
	if m.Close(); m.Send(ctx, outgoing(0, "x")) == nil || m.Reopen().Send(ctx, outgoing(0, "x")) != fault {
		t.Errorf("a closed Sender sends, or one that was opened again does not")
	}
}
