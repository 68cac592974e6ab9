package fetcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/spool"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3/pop3test"
)

// relay is a Sender that may be down.
type relay struct {
	mu      sync.Mutex
	down    error
	tries   int
	arrived map[string]int // by UID
}

func (r *relay) Send(_ context.Context, m deliver.Outgoing) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries++
	if r.down != nil {
		return r.down
	}
	r.arrived[m.UID]++
	return nil
}

func (r *relay) Place() string { return "relay:25" }
func (r *relay) Lanes() int    { return 1 }
func (r *relay) Close() error  { return nil }

// doubling is a back-off without chance: 1, 2, 4 minutes and so on up to an hour.
func doubling(n int) time.Duration { return min(time.Minute<<min(n-1, 10), time.Hour) }

func sizeOf(t *testing.T, dir string) (n int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && e.Type().IsRegular() {
			n += info.Size()
		}
	}
	return n
}

// A required destination that is down for three days of passes every ten minutes, with mail coming all the time, more
// than its spool holds: one RETR for each message, nothing deleted early, few attempts, and then one copy of each.
func TestDownForDays(t *testing.T) {
	t.Parallel()
	const most = 100 << 10
	r := newRig(t)
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.opt.Backoff = doubling
	root := filepath.Join(t.TempDir(), "spool")
	to := &relay{down: errDown, arrived: map[string]int{}}
	pass := func() report.Report {
		return r.with(settle.Destination{Name: "relay", Target: spool.New(spool.Options{
			Root: root, Where: "relay", Max: most, Floor: 1, Account: "a", Destination: "relay", Sender: to})})
	}
	var box []pop3test.Message
	began, full, passes := r.clock, false, 0
	for ; r.clock.Sub(began) < 72*time.Hour; r.clock = r.clock.Add(10 * time.Minute) {
		if passes++; passes%2 == 0 && len(box) < 200 {
			m := message(fmt.Sprintf("uid%05d", len(box)), strings.Repeat("a line of mail\r\n", 50))
			box = append(box, m)
			r.server.Deliver("u", m)
		}
		rep := pass()
		if n := sizeOf(t, root); n > most {
			t.Fatalf("the spool holds %d octets", n)
		}
		full = full || rep.Skipped > 0
		if rep.Deleted > 0 {
			t.Fatalf("deleted: %+v", rep)
		}
		if len(box) > 3 && (rep.Verdict.Class != verdict.Temporary || !full && (!strings.Contains(rep.Verdict.Message, "connection refused") ||
			!strings.Contains(rep.Verdict.Message, "; down since "+words.Stamp(began.Add(10*time.Minute).Unix())) ||
			!strings.Contains(rep.Verdict.Message, "; tried next at "))) {
			t.Fatalf("pass %d: %+v", passes, rep.Verdict)
		}
	}
	if len(box) != 200 || !full {
		t.Fatalf("%d messages came, spool full: %v", len(box), full)
	}
	if to.tries >= 120 || to.tries < 60 {
		t.Errorf("%d attempts in %d passes", to.tries, passes)
	}
	if st := r.standing(); len(st.Down) != 1 || st.Down[0].Failures != to.tries || st.Down[0].Verdict.Message == "" {
		t.Errorf("%+v", st)
	}
	to.down = nil
	before := to.tries
	r.opt.Asked = true
	if rep := pass(); rep.Verdict.Class != verdict.OK || rep.Deleted != 200 {
		t.Errorf("%+v", rep)
	}
	r.wantMail(box...)
	retrieved := r.server.Stats().Retrieved
	for _, m := range box {
		if to.arrived[m.UID] != 1 || retrieved[m.UID] != 1 {
			t.Errorf("%s arrived %d times, was retrieved %d times", m.UID, to.arrived[m.UID], retrieved[m.UID])
		}
	}
	if to.tries != before+200 || len(to.arrived) != 200 || len(r.server.Messages("u")) != 0 || len(r.standing().Down) != 0 {
		t.Errorf("%d sent, %d left, %+v", to.tries-before, len(r.server.Messages("u")), r.standing().Down)
	}
}

// While a destination is spared, others are not, and what comes is staged for it; once its time has come it is tried.
func TestSpared(t *testing.T) {
	box := mailbox(4)
	r := newRig(t, box[:2]...)
	r.opt.Backoff = func(int) time.Duration { return time.Hour }
	m, other := delivertest.NewMemory("remote"), delivertest.NewMemory("other")
	m.OnPublish = func(deliver.Message) error { return errDown }
	setting := "one"
	pass := func() report.Report {
		return r.with(settle.Destination{Name: "remote", Target: m.Reopen(), Setting: setting}, settle.Destination{Name: "other", Target: other.Reopen()})
	}
	pass()
	r.server.Deliver("u", box[2:]...)
	if rep := pass(); m.Calls("Publish") != 1 || rep.Verdict.Class != verdict.Temporary || !rep.NextTry.IsZero() {
		t.Errorf("%d tries: %+v", m.Calls("Publish"), rep)
	}
	wantRemote(t, other, box...)
	r.wantMail(box...)

	setting = "two" // the person changed something: at once
	pass()
	if m.Calls("Publish") != 2 {
		t.Errorf("another setting: %d tries", m.Calls("Publish"))
	}
	r.clock = r.clock.Add(61 * time.Minute)
	pass()
	if m.Calls("Publish") != 3 || r.standing().Down[0].Failures != 2 {
		t.Errorf("after its time: %d tries, %+v", m.Calls("Publish"), r.standing().Down)
	}
	m.OnPublish = nil
	r.clock = r.clock.Add(-100 * time.Hour) // a clock that was wrong
	if rep := pass(); rep.Verdict.Class != verdict.OK {
		t.Errorf("%+v", rep)
	}
	wantRemote(t, m, box...)
	if r.retrieved() != 4 || len(r.standing().Down) != 0 {
		t.Errorf("%d RETRs, %+v", r.retrieved(), r.standing().Down)
	}
}

// Wake lets what waits go at once.
func TestWakeDestination(t *testing.T) {
	r := newRig(t, mailbox(1)...)
	r.opt.Backoff = func(int) time.Duration { return time.Hour }
	m := delivertest.NewMemory("remote")
	m.OnPublish = func(deliver.Message) error { return errDown }
	r.pair(m)
	r.pair(m)
	r.must(health.Wake(context.Background(), r.ledger, "a", false))
	r.pair(m)
	if n := m.Calls("Publish"); n != 2 {
		t.Errorf("%d tries", n)
	}
}

// A relay that refuses our login is asked hourly at most after the third time, whatever the back-off.
func TestRelayRefusesLogin(t *testing.T) {
	r := newRig(t, mailbox(1)...)
	m := delivertest.NewMemory("remote")
	m.OnPublish = func(deliver.Message) error {
		return &deliver.Error{Op: "login", Login: true, Place: "relay", Scope: deliver.WholeTarget, Permanent: true, Err: errors.New("535 no")}
	}
	for range 12 * 6 {
		if rep := r.pair(m); rep.Verdict.Class != verdict.Login || !strings.Contains(rep.Verdict.Message, "535 no") {
			t.Fatalf("%+v", rep.Verdict)
		}
		r.clock = r.clock.Add(10 * time.Minute)
	}
	if n := m.Calls("Publish"); n < 10 || n > 2+12 {
		t.Errorf("%d logins in half a day", n)
	}
}

// Each message that the fallback takes is worth a line.
func TestQuarantineIsLogged(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	core, seen := observer.New(zapcore.WarnLevel)
	r.opt.Log = zap.New(core)
	m, f := spooled{delivertest.NewMemory("remote")}, delivertest.NewMemory("quarantine")
	f.Messages = 500
	m.OnPublish = func(d deliver.Message) error {
		if d.UID == box[1].UID {
			return refuse(deliver.Error{Permanent: true})
		}
		return nil
	}
	r.with(settle.Destination{Name: "remote", Target: m}, settle.Destination{Name: "quarantine", Target: f, Fallback: true})
	got := seen.FilterMessage("quarantined").All()
	if len(got) != 1 {
		t.Fatalf("%d lines", len(got))
	}
	fields := got[0].ContextMap()
	if fields["account"] != "a" || fields["uid"] != box[1].UID || fields["destination"] != "remote" ||
		!strings.Contains(fmt.Sprint(fields["reason"]), "550 no") {
		t.Errorf("%v", fields)
	}
}
