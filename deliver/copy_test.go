package deliver_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/popsync/popsync/deliver"
)

// What waits can be looked at without its Target, whatever that is, and nothing is made by it.
func TestOpenCopy(t *testing.T) {
	f := newSpool(t)
	spooled := f.stage("1", "one\r\ntwo\r\n")
	path := filepath.Join(t.TempDir(), "mail")
	m := identified(t, path)
	staged := stage(t, m, "one\r\ntwo\r\n")
	look := func(identity string, ticket deliver.Ticket) (string, error) {
		r, err := deliver.OpenCopy(f.root, identity, ticket)
		if err != nil {
			return "", err
		}
		defer r.Close()
		text, err := io.ReadAll(r)
		return string(text), err
	}
	before := snapshot(t, f.root) + snapshot(t, path)
	for _, c := range []struct {
		identity string
		ticket   deliver.Ticket
		want     string
	}{{f.known, spooled, "one\r\ntwo\r\n"}, {"", staged, "one\ntwo\n"}} {
		if text, err := look(c.identity, c.ticket); err != nil || text != c.want {
			t.Errorf("%s: %q, %v", c.ticket, text, err)
		}
	}
	if _, err := look("spool2 gone x", spooled); !errors.Is(err, deliver.ErrUnknown) {
		t.Errorf("of a folder that is gone: %v", err)
	}
	for _, ticket := range []deliver.Ticket{"spool9 x", "2 x", ""} {
		var e *deliver.Error
		if _, err := look(f.known, ticket); !errors.As(err, &e) || !e.Permanent {
			t.Errorf("%q: %v", ticket, err)
		}
	}
	if after := snapshot(t, f.root) + snapshot(t, path); after != before {
		t.Errorf("it changed from %s to %s", before, after)
	}
	must(t, os.WriteFile(stagedPath(path, staged), []byte("one\ntwO\n"), 0o600))
	if _, err := look("", staged); !errors.Is(err, deliver.ErrDamaged) {
		t.Errorf("damaged: %v", err)
	}
	must(t, m.Discard([]deliver.Ticket{staged}))
	must(t, f.Discard([]deliver.Ticket{spooled}))
	for _, c := range [][2]string{{f.known, string(spooled)}, {"", string(staged)}} {
		if _, err := look(c[0], deliver.Ticket(c[1])); !errors.Is(err, deliver.ErrUnknown) {
			t.Errorf("discarded: %v", err)
		}
	}
}
