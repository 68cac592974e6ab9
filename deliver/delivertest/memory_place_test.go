package delivertest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/popsync/popsync/deliver"
)

// wrong is a Memory of which somebody got something wrong that concerns places or certainty.
type wrong struct {
	*Memory
	recognise func(m *Memory) (string, error)
	identify  func(m *Memory, remembered string) (string, error)
	publish   func(m *Memory, tickets []deliver.Ticket) []error
	setAside  func(m *Memory, held []deliver.Ticket) (int, string, error)
}

func (w *wrong) Recognise(ctx context.Context) (string, error) {
	if w.recognise == nil || ctx.Err() != nil {
		return w.Memory.Recognise(ctx)
	}
	return w.recognise(w.Memory)
}

func (w *wrong) Identify(ctx context.Context, remembered string) (string, error) {
	if w.identify == nil {
		return w.Memory.Identify(ctx, remembered)
	}
	return w.identify(w.Memory, remembered)
}

func (w *wrong) Publish(ctx context.Context, tickets []deliver.Ticket) []error {
	if w.publish == nil {
		return w.Memory.Publish(ctx, tickets)
	}
	return w.publish(w.Memory, tickets)
}

func (w *wrong) SetAside(held []deliver.Ticket) (int, string, error) {
	if w.setAside == nil {
		return w.Memory.SetAside(held)
	}
	return w.setAside(w.Memory, held)
}

func TestSuiteNoticesWrongPlaces(t *testing.T) {
	ctx := context.Background()
	for _, test := range []struct {
		name   string
		wrong  wrong
		caught string
	}{
		{"nothing is wrong", wrong{}, ""},
		{"recognises by making", wrong{recognise: func(m *Memory) (string, error) {
			m.place.mu.Lock()
			m.place.open++
			m.place.mu.Unlock()
			return m.Recognise(ctx)
		}}, "recognised"},
		{"recognises another", wrong{recognise: func(m *Memory) (string, error) { return "memory other", nil }}, "recognised"},
		{"never recognises", wrong{recognise: func(m *Memory) (string, error) { return "", nil }}, "recognised"},
		{"identifies while it looks", wrong{recognise: func(m *Memory) (string, error) { return m.Identify(ctx, "") }}, "recognised"},
		{"adopts what is remembered of another", wrong{identify: func(m *Memory, _ string) (string, error) {
			return m.Identify(ctx, "")
		}}, "another place"},
		{"is sure after all", wrong{publish: func(m *Memory, tickets []deliver.Ticket) []error {
			errs := m.Publish(ctx, tickets)
			for i := range errs {
				var e *deliver.Error
				if errors.As(errs[i], &e) {
					mine := *e
					mine.Untouched = true
					errs[i] = &mine
				}
			}
			return errs
		}}, "untouched"},
		{"is never sure", wrong{publish: func(m *Memory, tickets []deliver.Ticket) []error {
			errs := m.Publish(ctx, tickets)
			for i := range errs {
				var e *deliver.Error
				if errors.As(errs[i], &e) {
					mine := *e
					mine.Untouched = false
					errs[i] = &mine
				}
			}
			return errs
		}}, "untouched"},
		{"removes instead", wrong{setAside: func(m *Memory, held []deliver.Ticket) (int, string, error) {
			n, where, err := m.SetAside(held)
			m.place.aside = 0
			return n, where, err
		}}, "set aside"},
		{"sets aside what is held", wrong{setAside: func(m *Memory, held []deliver.Ticket) (int, string, error) {
			return m.SetAside(nil)
		}}, "set aside"},
		{"only counts", wrong{setAside: func(m *Memory, held []deliver.Ticket) (int, string, error) {
			return len(m.place.staged) - len(held), "here", nil
		}}, "set aside"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Failures(t, harness(func(m *Memory) deliver.Target {
				m.Messages = 3
				w := test.wrong
				w.Memory = m
				return &w
			}))
			if test.caught == "" && len(got) > 0 || test.caught != "" && !slices.Contains(got, test.caught) {
				t.Errorf("failed checks: %q, want %q among them", got, test.caught)
			}
		})
	}
}

// TestMemoryTellsPlacesApart is what those rely on who use two of them.
func TestMemoryTellsPlacesApart(t *testing.T) {
	ctx := context.Background()
	a, b := NewMemory("a"), NewMemory("b")
	one, err := a.Recognise(ctx)
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.Recognise(ctx)
	if err != nil || deliver.SamePlace(one, two) || !deliver.SamePlace(one, one) {
		t.Errorf("%q and %q, %v", one, two, err)
	}
	fault := errors.New("fault")
	a.OnRecognise = func() error { return fault }
	if _, err := a.Reopen().Recognise(ctx); err != fault || a.Calls("Recognise") != 2 {
		t.Errorf("%v after %d calls", err, a.Calls("Recognise"))
	}
}
