package fetcher

import (
	"errors"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
)

// A message is new in the pass in which the last destination got it, and says so in the log, whichever pass fetched it and
// whatever kind the destination is; and it is kept if it stays on the server.
func TestNewIsWhatBecameDelivered(t *testing.T) {
	const n = 12
	type told struct{ new, octets, kept, lines int }
	for name, tc := range map[string]struct {
		remote bool
		down   bool // in the first pass
		want   []told
	}{
		"maildir":          {want: []told{{n, 0, n, n}, {0, 0, n, 0}}},
		"remote":           {remote: true, want: []told{{n, 0, n, n}, {0, 0, n, 0}}},
		"remote, was down": {remote: true, down: true, want: []told{{0, 0, 0, 0}, {n, 0, n, n}, {0, 0, n, 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(n)
			octets := 0
			for _, m := range box {
				octets += len(m.Data)
			}
			r := newRig(t, box...)
			m := delivertest.NewMemory("remote")
			down := tc.down
			m.OnPublish = func(deliver.Message) error {
				if down {
					return &deliver.Error{Op: "connect", Scope: deliver.WholeTarget, Err: errors.New("connection refused")}
				}
				return nil
			}
			for i, want := range tc.want {
				core, seen := observer.New(zapcore.InfoLevel)
				r.opt.Log = zap.New(core)
				var rep report.Report
				if tc.remote {
					rep = r.run(settle.Destination{Name: "remote", Target: m.Reopen()})
				} else {
					rep = r.run()
				}
				down = false
				want.octets = 0
				if want.new > 0 {
					want.octets = octets
				}
				if got := (told{rep.New, int(rep.Bytes), rep.Kept, seen.FilterMessage("delivered").Len()}); got != want {
					t.Errorf("pass %d: %+v, want %+v\n%+v", i+1, got, want, rep)
				}
			}
		})
	}
}

// What a crash left 'publishing' in a Maildir is no different.
func TestNewAfterCrash(t *testing.T) {
	box := mailbox(3)
	r := newRig(t, box...)
	r.interrupt(2) // 'publishing' is committed, nothing is renamed yet
	core, seen := observer.New(zapcore.InfoLevel)
	r.opt.Log = zap.New(core)
	if rep := r.ok(); rep.New != 3 || rep.Recovered != 3 || rep.Kept != 3 || rep.Bytes == 0 || seen.FilterMessage("delivered").Len() != 3 {
		t.Errorf("%+v", rep)
	}
	if rep := r.ok(); rep.New != 0 || rep.Kept != 3 || seen.FilterMessage("delivered").Len() != 3 {
		t.Errorf("%+v", rep)
	}
}
