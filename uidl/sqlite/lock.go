package sqlite

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/sqlite/leasefile"
)

const (
	lockName = "ledger.lock"
	lockPoll = 20 * time.Millisecond
)

// lock keeps other processes from creating or migrating the ledger; it is given back by the function returned.
func (l *Ledger) lock(ctx context.Context) (unlock func(), err error) {
	dir, err := safepath.Dir(l.dir)
	if err != nil {
		return nil, safepath.WithNextStep(err)
	}
	defer dir.Close()
	f, err := safepath.OpenOurs(dir, lockName, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	end := time.Now().Add(busyTimeout * time.Millisecond)
	for {
		ok, err := leasefile.TryLock(f)
		if err == nil && ok {
			return func() { f.Close() }, nil
		}
		if err == nil && time.Now().After(end) {
			err = fmt.Errorf("%w: it is being created or brought up to date", uidl.ErrLocked)
		}
		if err == nil {
			err = wait(ctx, lockPoll)
		}
		if err != nil {
			f.Close()
			return nil, err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
