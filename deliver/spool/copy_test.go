package spool_test

import (
	"errors"
	"io"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/spool"
)

// What waits can be looked at without its Target, and nothing is made by it.
func TestOpenCopy(t *testing.T) {
	f := newSpool(t)
	spooled := f.stage("1", "one\r\ntwo\r\n")
	look := func(identity string, ticket deliver.Ticket) (string, error) {
		r, err := spool.OpenCopy(f.root, identity, ticket)
		if err != nil {
			return "", err
		}
		defer r.Close()
		text, err := io.ReadAll(r)
		return string(text), err
	}
	before := snapshot(t, f.root)
	if text, err := look(f.known, spooled); err != nil || text != "one\r\ntwo\r\n" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := look("spool2 gone x", spooled); !errors.Is(err, deliver.ErrUnknown) {
		t.Errorf("of a folder that is gone: %v", err)
	}
	for ticket, ours := range map[deliver.Ticket]bool{"spool9 x": true, "2 x": false, "": false} {
		var e *deliver.Error
		if _, err := look(f.known, ticket); !errors.As(err, &e) || !e.Permanent || spool.IsTicket(ticket) != ours {
			t.Errorf("%q: %v", ticket, err)
		}
	}
	if after := snapshot(t, f.root); after != before {
		t.Errorf("it changed from %s to %s", before, after)
	}
	must(t, f.Discard([]deliver.Ticket{spooled}))
	if _, err := look(f.known, spooled); !errors.Is(err, deliver.ErrUnknown) {
		t.Errorf("discarded: %v", err)
	}
}
