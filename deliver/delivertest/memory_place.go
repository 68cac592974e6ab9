package delivertest

import (
	"context"
	"errors"

	"github.com/popsync/popsync/deliver"
)

// identity is of a kind of its own: two are of one place when they are equal, as deliver.SamePlace has it.
func (m *Memory) identity() string { return "memory " + m.Name }

// Recognise tells the place by its name.
func (m *Memory) Recognise(ctx context.Context) (string, error) {
	m.place.mu.Lock()
	m.place.calls["Recognise"]++
	m.place.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if m.OnRecognise != nil {
		if err := m.OnRecognise(); err != nil {
			return "", err
		}
	}
	return m.identity(), nil
}

// Identify accepts the place if nothing, or this place, is remembered.
func (m *Memory) Identify(ctx context.Context, remembered string) (string, error) {
	m.identified = true
	if err := m.begin(ctx, "Identify"); err != nil {
		return "", err
	}
	err := call(m.OnIdentify, remembered)
	if err == nil && remembered != "" && !deliver.SamePlace(remembered, m.identity()) {
		err = &deliver.Error{Op: "identify", Place: m.Name, Scope: deliver.WholeTarget, Permanent: true,
			Err: errors.New("another place is remembered")}
	}
	m.identified = err == nil
	if err != nil {
		return "", err
	}
	return m.identity(), nil
}

// SetAside takes all staged messages but those that are held out of reach; see Aside.
func (m *Memory) SetAside(held []deliver.Ticket) (n int, where string, err error) {
	if err := m.begin(context.Background(), "SetAside"); err != nil {
		return 0, "", err
	}
	keep := map[deliver.Ticket]bool{}
	for _, t := range held {
		keep[t] = true
	}
	m.place.mu.Lock()
	defer m.place.mu.Unlock()
	for t := range m.place.staged {
		if !keep[t] {
			delete(m.place.staged, t)
			n++
		}
	}
	m.place.aside += n
	return n, m.identity(), nil
}

// Aside counts what was set aside.
func (m *Memory) Aside() int {
	m.place.mu.Lock()
	defer m.place.mu.Unlock()
	return m.place.aside
}
