// Package operator does what a person decides about an account without a pass: it takes the lease, changes what the ledger has,
// and lets go. The next pass acts on it. Nothing is asked of a server here, and nothing is delivered or deleted.
package operator

import (
	"context"
	"slices"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/uidl"
)

// Retry makes what failed due in the next pass, whoever makes it, and tries nothing itself. pick chooses among all messages of
// which something failed; its error ends it, and nothing is changed. A destination for which one of them waits is not taken for
// down any more. Attempts stay as they are counted. uidl.ErrBusy while a pass runs.
func Retry(ctx context.Context, ledger uidl.Ledger, account string, pick func([]uidl.Stuck) ([]uidl.Stuck, error)) (picked []uidl.Stuck, err error) {
	l, err := ledger.Acquire(ctx, account)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	all, err := ledger.Stuck(ctx, account)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s uidl.Stuck) bool { return !s.Fails() })
	if picked, err = pick(all); err != nil || len(picked) == 0 {
		return nil, err
	}
	st := l.Info().Status
	f := health.Decode(st.Facts)
	c := uidl.Change{At: time.Now().Unix(), Status: &st}
	for i := range picked {
		s := &picked[i]
		if s.Unfetched() && s.NextTry != 0 {
			c.Mark = append(c.Mark, uidl.Mark{Key: s.Key, State: s.State, Attempts: s.Attempts, Reason: s.Reason})
		}
		for _, d := range s.Open {
			if !d.Parked() && !d.PutOff() {
				continue
			}
			delete(f.Down, d.Destination)
			if d.NextTry != 0 {
				d.NextTry = 0
				c.Stage = append(c.Stage, d)
			}
		}
	}
	st.Facts = f.Encode()
	return picked, l.Commit(context.WithoutCancel(ctx), c)
}

// DueAt is when something is tried that was put off until a stored time (Unix seconds), as a pass that nobody asked for sees it;
// zero: it is due.
func DueAt(until int64, now time.Time) time.Time {
	if t, ok := health.Ahead(until, now); ok {
		return t
	}
	return time.Time{}
}
