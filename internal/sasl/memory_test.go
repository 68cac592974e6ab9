package sasl

import (
	"strings"
	"testing"
)

// What worked is offered to the next login, in two steps once a server wanted that, and what is weaker is told by its name for people.
func TestMemory(t *testing.T) {
	var m Memory
	l := Login{}
	if m.Prepare(&l); l.Worked != "" || l.TwoSteps {
		t.Errorf("%+v", l)
	}
	m.Recall("scram-sha-256")
	if m.Prepare(&l); l.Worked != "scram-sha-256" || l.TwoSteps {
		t.Errorf("%+v", l)
	}
	m.Note(Outcome{Method: "user", TwoSteps: true, Weaker: "SCRAM-SHA-256"}, "login")
	m.Note(Outcome{Method: "user"}, "login")
	if m.Prepare(&l); l.Worked != "user" || !l.TwoSteps {
		t.Errorf("%+v", l)
	}
	if method, news := m.Learned(); method != "user" || !strings.Contains(strings.ToLower(news), "login") || strings.Contains(news, "USER") {
		t.Errorf("%q, %q", method, news)
	}
}
