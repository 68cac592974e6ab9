package deliver_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
)

// open returns a Maildir that is not identified yet.
func open(t testing.TB, path string) *deliver.Maildir {
	m := deliver.OpenMaildir(deliver.MaildirOptions{Path: path, Host: "host"})
	t.Cleanup(func() { m.Close() })
	return m
}

// identified returns a Maildir that was never met before.
func identified(t testing.TB, path string) *deliver.Maildir {
	t.Helper()
	m := open(t, path)
	identify(t, m, "")
	return m
}

func identify(t testing.TB, m *deliver.Maildir, remembered string) string {
	t.Helper()
	identity, err := m.Identify(context.Background(), remembered)
	if err != nil {
		t.Fatalf("Identify: %v", err)
	}
	return identity
}

// stage stages and prepares one message.
func stage(t testing.TB, m *deliver.Maildir, body string) deliver.Ticket {
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

func publish(t testing.TB, m *deliver.Maildir, tickets ...deliver.Ticket) {
	t.Helper()
	for _, err := range m.Publish(context.Background(), tickets) {
		if err != nil {
			t.Fatalf("Publish: %v", err)
		}
	}
}

// refuses makes sure that an error is about the whole target, says what it should and gives a hint.
func refuses(t testing.TB, err error, text string) *deliver.Error {
	t.Helper()
	var e *deliver.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want one that says %q", err, text)
	}
	if e.Scope != deliver.WholeTarget || e.Hint == "" || !strings.Contains(err.Error(), text) {
		t.Errorf("error is %v (scope %d), want a hint, the whole target and %q", err, e.Scope, text)
	}
	return e
}
