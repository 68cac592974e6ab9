package desk

import (
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/memory"
	"github.com/popsync/popsync/fetcher/report"
)

// Options are the same for all accounts. Zero fields take the default in brackets.
type Options struct {
	BatchMessages   int           // messages made durable at once [500]
	BatchBytes      int64         // or octets of them [8 MiB]
	BatchTime       time.Duration // or since the batch's first message [1 s]
	SessionMessages int           // messages after which a session is closed, so that deletions count [5,000]
	SessionTime     time.Duration // or its age [15 min]
	Sessions        int           // sessions in one pass at most [1,000]
	PassTime        time.Duration // after which the pass is ended; the rest comes with the next [12 h]
	FreeFloor       int64         // octets that stay free at a destination; negative: none [16 MiB]
	DryRun          bool          // log in, list, plan; change nothing anywhere
	Headers         bool          // with DryRun: ask for headers (TOP), so that Report.Steps say from whom and what about
	Errand          bool          // only what waits for destinations is tried; the server is not asked
	Asked           bool          // a person wants this pass now: a stopped login and all waiting count for nothing
	Named           bool          // a person named the account: a pause counts for nothing, and another popsync at work on it is told as a failure
	// Slow is asked when the pass is written down, well or not: whether it was so slow, or took so long while others waited,
	// that the next one begins apart from the others. It is remembered: see State.Slow. nil: no.
	Slow func(well bool) bool
	// Backoff is how long to wait after so many failures in a row, from 1; nil: not at all.
	Backoff func(failures int) time.Duration
	// Memory bounds what the listings and rows of all passes take together; nil: nothing does.
	Memory   *memory.Budget
	Now      func() time.Time
	Built    int64               // when the program was built (Unix seconds): no clock is right that says less; 0: not known
	Log      *zap.Logger         // one line per message and one per pass; nil: none
	Progress func(report.Report) // called now and then, from the pass's goroutines one at a time; nil: none
}

// WithDefaults are the options with the defaults in the place of zero fields.
func (o Options) WithDefaults() Options {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&o.BatchMessages, 500)
	set(&o.SessionMessages, 5000)
	set(&o.Sessions, 1000)
	if o.BatchBytes == 0 {
		o.BatchBytes = 8 << 20
	}
	if o.BatchTime == 0 {
		o.BatchTime = time.Second
	}
	if o.SessionTime == 0 {
		o.SessionTime = 15 * time.Minute
	}
	if o.PassTime == 0 {
		o.PassTime = 12 * time.Hour
	}
	if o.FreeFloor == 0 {
		o.FreeFloor = 16 << 20
	}
	o.FreeFloor = max(o.FreeFloor, 0)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return o
}
