package maildir_test

import (
	"context"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/maildir"
)

// open returns a Maildir that is not identified yet.
func open(t testing.TB, path string) *maildir.Target {
	m := maildir.New(maildir.Options{Path: path, Host: "host"})
	t.Cleanup(func() { m.Close() })
	return m
}

// identified returns a Maildir that was never met before.
func identified(t testing.TB, path string) *maildir.Target {
	t.Helper()
	m := open(t, path)
	identify(t, m, "")
	return m
}

func identify(t testing.TB, m *maildir.Target, remembered string) string {
	t.Helper()
	identity, err := m.Identify(context.Background(), remembered)
	if err != nil {
		t.Fatalf("Identify: %v", err)
	}
	return identity
}

// stage stages and prepares one message.
func stage(t testing.TB, m *maildir.Target, body string) deliver.Ticket {
	t.Helper()
	s, err := m.Create(context.Background(), deliver.Message{Account: "a", UID: "u"})
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	if _, err := s.Write([]byte(body)); err != nil {
		t.Fatalf("Write: %v", err)
	}
	ticket, err := s.Ticket()
	if err != nil {
		t.Fatalf("Ticket: %v", err)
	}
	if err := m.Prepare(context.Background(), []deliver.Ticket{ticket}); err != nil {
		t.Fatalf("Prepare: %v", err)
	}
	return ticket
}

func publish(t testing.TB, m *maildir.Target, tickets ...deliver.Ticket) {
	t.Helper()
	for _, err := range m.Publish(context.Background(), tickets) {
		if err != nil {
			t.Fatalf("Publish: %v", err)
		}
	}
}

var (
	must     = delivertest.Must
	snapshot = delivertest.Snapshot
	refuses  = delivertest.Refuses
)
