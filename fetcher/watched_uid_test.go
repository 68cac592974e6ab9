package fetcher

import (
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/pop3/pop3test"
)

// A message is watched, since it came with another length than listed. Its unique-id is given to another one, which is delivered under
// a new format of unique-ids. When the old format is back, the other one comes for the watched one, and is not delivered again.
func TestWatchedUIDReturnsForAnother(t *testing.T) {
	box := mailbox(5)
	r := newRig(t, box...)
	r.ok()
	first := message("x", strings.Repeat("first\r\n", 30))
	first.ListSize = int64(len(first.Data)) - 10
	r.server.Deliver("u", first)
	r.run()
	if w := health.Decode(r.facts()).Wire; len(w.Short) != 1 {
		t.Fatalf("watched: %+v", w.Short)
	}
	second := message("y", strings.Repeat("second one\r\n", 60))
	second.UID = "x"
	others := func(prefix string) (all []pop3test.Message) {
		for _, m := range append(append([]pop3test.Message(nil), box...), second) {
			m.UID = prefix + m.UID
			all = append(all, m)
		}
		return all
	}
	for _, prefix := range []string{"", "new-", ""} {
		r.server.AddUser("u", "p", others(prefix)...)
		r.run()
		r.clock = r.clock.Add(25 * time.Hour)
	}
	for range 3 {
		r.run()
		r.clock = r.clock.Add(25 * time.Hour)
	}
	r.wantMail(append(append([]pop3test.Message(nil), box...), first, second)...)
}
