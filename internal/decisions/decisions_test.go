package decisions

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// newDesk is one without a daemon.
func newDesk(memory *uidltest.Memory) (*Desk, *bytes.Buffer) {
	var out bytes.Buffer
	return &Desk{
		Console: &console.Console{Out: &out, Err: &out}, HasLedger: true,
		Ledger:    func(context.Context) (uidl.Ledger, error) { return memory.Open(), nil },
		Summaries: func(ctx context.Context) ([]uidl.Summary, error) { return memory.Open().Summaries(ctx) },
		Daemon: func(context.Context) (*control.Client, control.Status, error) {
			return nil, control.Status{}, control.ErrNoDaemon
		},
	}, &out
}

// What is paused stays so until it is resumed, and who says it again is told. To wake all leaves it alone.
func TestPause(t *testing.T) {
	desk, out := newDesk(uidltest.NewMemory())
	say := func(do func() error, want string) {
		t.Helper()
		out.Reset()
		if err := do(); err != nil || out.String() != want {
			t.Errorf("said %q, %v, want %q", out, err, want)
		}
	}
	pause := func(paused bool) func() error {
		return func() error { return desk.Pause(t.Context(), []string{"work"}, paused) }
	}
	day := time.Now().Format("2006-01-02 15:04")
	say(pause(true), "work: paused, until you say: popsync resume\n")
	out.Reset()
	if err := pause(true)(); err != nil || !bytes.Contains(out.Bytes(), []byte("work: was paused already, since "+day[:10])) {
		t.Errorf("said %q, %v", out, err)
	}
	out.Reset()
	if err := desk.Wake(t.Context(), []string{"work"}, false); err != nil || bytes.Contains(out.Bytes(), []byte("does not wait")) {
		t.Errorf("said %q, %v", out, err)
	}
	say(pause(false), "work: resumed\n")
	say(pause(false), "work: was not paused\n")
}

// Every argument names a message, or nothing is done.
func TestPicking(t *testing.T) {
	all := []uidl.Stuck{{Message: uidl.Message{Row: uidl.Row{Key: uidl.Key{UID: "1"}}}}, {Message: uidl.Message{Row: uidl.Row{Key: uidl.Key{UID: "2"}}}}}
	picked, err := picking("work", thatFailed, []string{"2"})(all)
	if err != nil || len(picked) != 1 || picked[0].UID != "2" {
		t.Errorf("picked %v, %v", picked, err)
	}
	if _, err := picking("work", thatFailed, []string{"2", "3"})(all); exit.CodeOf(err) != exit.Usage || err.Error() != "work: no such message is parked or put off: 3; nothing was changed" {
		t.Error(err)
	}
}

// Of what waits people are told how many, and for which destinations.
func TestWaitingText(t *testing.T) {
	var waiting []uidl.Delivery
	var texts []string
	for _, d := range []string{"relay", "archive", "relay"} {
		waiting = append(waiting, uidl.Delivery{Destination: d})
		texts = append(texts, waitingText(waiting))
	}
	if want := []string{"1 delivery waits for relay", "2 deliveries wait for archive, relay", "3 deliveries wait for archive, relay"}; !slices.Equal(texts, want) {
		t.Errorf("%q", texts)
	}
}
