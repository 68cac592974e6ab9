package acceptance_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// Beside a daemon: while it rests, the ways back work and its next pass knows of them; while a pass runs they are put off, but
// a backup is not; an account that it still has is not forgotten.
func TestBackBesideADaemon(t *testing.T) {
	t.Parallel()
	messages := mailgen.Messages(81, 5, 300, 900)
	box := boxOf(messages)
	h := newHouse(t)
	h.conf.Reset()
	fmt.Fprintf(&h.conf, "state_dir = %q\nschedule = \"@every 1000h\"\n[log]\nlevel = \"info\"\n", h.state())
	stall, stalled := make(chan struct{}), make(chan struct{}, 1)
	var stop atomic.Bool
	_, addr := serve(t, pop3test.Options{OnCommand: func(_ *pop3test.Session, verb, _ string) *pop3test.Reply {
		if verb == "RETR" && stop.Load() {
			select {
			case stalled <- struct{}{}:
			default:
			}
			<-stall
		}
		return nil
	}}, box)
	h.account("a", addr, "u", "p", "Mail")
	d := h.daemon()
	if r := h.popsync("run", "a"); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	d.holds("Mail", messages...)

	r := h.popsync("refetch", "a", box[0].UID, box[1].UID)
	if r.code != 0 || !strings.Contains(r.out, "to begin now say: popsync wake a") {
		t.Errorf("%+v", r)
	}
	stop.Store(true)
	if r := h.popsync("wake", "a"); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	<-stalled
	for _, args := range [][]string{{"refetch", "a", box[3].UID}, {"refetch", "--all", "--yes", "a"}, {"baseline", "--undo", "a"}} {
		r := h.popsync(args...)
		if r.code != 75 || !strings.Contains(r.err, "a: a pass is running, so nothing was changed") || !strings.Contains(r.err, "again when the pass has ended") {
			t.Errorf("%v while a pass runs: %+v", args, r)
		}
	}
	if r := h.popsync("forget", "--yes", "a"); r.code != 64 {
		t.Errorf("forget: %+v", r)
	}
	h.backup("beside.db")
	close(stall)
	d.holds("Mail", append(messages, messages[0], messages[1])...)

	// Taken out of the file, and the daemon has not read that yet.
	with := h.conf.String()
	h.conf.Reset()
	h.conf.WriteString(strings.Split(with, "\n[account.a]")[0])
	h.account("b", addr, "other", "p", "Other")
	r = h.popsync("forget", "--yes", "a")
	if r.code != 75 || !strings.Contains(r.err, "still has the account a") || !strings.Contains(r.err, "kill -HUP") {
		t.Errorf("%+v", r)
	}
}
