package sasl

import "sync"

// Memory is what the connections to one server remember of how they logged in. The zero Memory has nothing yet. Several goroutines
// may use it.
type Memory struct {
	mu     sync.Mutex
	method string
	news   string
	steps  bool
}

// Recall gives back the method that worked for an earlier process, as in Outcome; "": none is known.
func (m *Memory) Recall(method string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.method = method
}

// Learned is the method that worked last, as in Outcome, and what a person should be told of it; "": none, or nothing.
func (m *Memory) Learned() (method, news string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.method, m.news
}

// Prepare fills in what a login is to know of those before it: Worked and TwoSteps.
func (m *Memory) Prepare(l *Login) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l.Worked, l.TwoSteps = m.method, m.steps
}

// Note remembers how a login ended. named is its method as people know it from this protocol.
func (m *Memory) Note(out Outcome, named string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.method, m.steps = out.Method, m.steps || out.TwoSteps
	if out.Weaker != "" {
		out.Method = named
		m.news = WeakerText(out)
	}
}
