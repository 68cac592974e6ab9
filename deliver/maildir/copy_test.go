package maildir_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
)

// What waits can be looked at without its Target, and nothing is made by it.
func TestOpenCopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail")
	m := identified(t, path)
	staged := stage(t, m, "one\r\ntwo\r\n")
	look := func(ticket deliver.Ticket) (string, error) {
		r, err := maildir.OpenCopy(ticket)
		if err != nil {
			return "", err
		}
		defer r.Close()
		text, err := io.ReadAll(r)
		return string(text), err
	}
	before := snapshot(t, path)
	if text, err := look(staged); err != nil || text != "one\ntwo\n" {
		t.Errorf("%q, %v", text, err)
	}
	for _, ticket := range []deliver.Ticket{"spool9 x", "2 x", ""} {
		var e *deliver.Error
		if _, err := look(ticket); !errors.As(err, &e) || !e.Permanent {
			t.Errorf("%q: %v", ticket, err)
		}
	}
	if after := snapshot(t, path); after != before {
		t.Errorf("it changed from %s to %s", before, after)
	}
	must(t, os.WriteFile(stagedPath(path, staged), []byte("one\ntwO\n"), 0o600))
	if _, err := look(staged); !errors.Is(err, deliver.ErrDamaged) {
		t.Errorf("damaged: %v", err)
	}
	must(t, m.Discard([]deliver.Ticket{staged}))
	if _, err := look(staged); !errors.Is(err, deliver.ErrUnknown) {
		t.Errorf("discarded: %v", err)
	}
}
