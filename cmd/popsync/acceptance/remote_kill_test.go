package acceptance_test

import (
	"database/sql"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// kill -9, again and again, in the midst of 500 messages to a mail server over four connections, a random number of final
// dots after the last time: nothing is lost, a kill costs at most four copies, one for each delivery that it left in
// doubt, and the Maildir beside has one of each.
func TestRemoteKill(t *testing.T) {
	t.Parallel()
	const lanes = 4
	times := 10
	if large() {
		times = 20
	}
	h := newHouse(t)
	h.conf.WriteString("[limits]\nbatch_messages = 40\n")
	messages := mailgen.Messages(45, 500, 500, 3000)
	server, addr := serve(t, pop3test.Options{OnDelete: h.mustBeDelivered()}, boxOf(messages))
	relay := newSink(t)
	h.account("a", addr, "u", "p", "Mail", `delete = "after-delivery"`)
	h.relay("a", relay, "connections = 4")

	r := rand.New(rand.NewPCG(46, 0))
	next := 0 // number of the final dot that is the last one for a process
	reached := make(chan struct{}, 1)
	relay.set(nil, func(sunk) (bool, bool) {
		if relay.ended == next {
			reached <- struct{}{}
		}
		return false, false
	})
	kills, doubtful := 0, 0
	for range times {
		relay.mu.Lock()
		next = relay.ended + 1 + r.IntN(2*500/(times+2))
		relay.mu.Unlock()
		cmd := h.command("run")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case <-done: // there was nothing left to send
			continue
		case <-reached:
		}
		time.Sleep(time.Duration(r.IntN(3000)) * time.Microsecond)
		_ = cmd.Process.Kill()
		<-done
		kills++
		n := h.patient(`SELECT count(*) FROM delivery JOIN destination ON destination.id = delivery.destination
			WHERE delivery.state = 2 AND destination.name = 'smtp'`)
		if doubtful += n; n > lanes {
			t.Errorf("kill %d leaves %d deliveries in doubt", kills, n)
		}
	}
	h.exec(`UPDATE delivery SET next_try = 0`) // one that three kills left in doubt waits for a day
	h.run(0)
	lost, extra := differ(wanted(messages...), relay.arrived())
	t.Logf("%d kills: %d lost, %d copies beyond the first, of %d deliveries in doubt", kills, lost, extra, doubtful)
	if lost > 0 || extra > doubtful {
		t.Errorf("%d lost, %d copies of %d in doubt", lost, extra, doubtful)
	}
	if kills < times*4/5 || doubtful < kills {
		t.Errorf("the kills missed: %d of %d, %d deliveries in doubt", kills, times, doubtful)
	}
	same(t, wanted(messages...), arrived(t, h.mail("Mail")))
	if n := len(server.Messages("u")); n != 0 {
		t.Errorf("%d left on the server", n)
	}
	if files, _ := h.spooled("a", "smtp"); files != 0 {
		t.Errorf("%d files are left in the spool", files)
	}
}

// patient is number for a ledger that others, killed or not, may have open: it waits while one of them recovers it.
func (h *house) patient(query string, args ...any) (n int) {
	h.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(h.state(), "ledger.db")+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		h.t.Error(err)
		return 0
	}
	defer db.Close()
	if err := db.QueryRow(query, args...).Scan(&n); err != nil {
		h.t.Error(err)
	}
	return n
}
