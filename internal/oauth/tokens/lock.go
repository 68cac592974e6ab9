package tokens

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/safepath"
)

const (
	lockTime  = 3 * time.Minute // that another process may have it: longer than a refresh can take
	lockLook  = 20 * time.Millisecond
	lockSlows = 500 * time.Millisecond
)

var errHeld = errors.New("another process has been refreshing it for too long")

// hold takes the lock on a token, which ends with the process whatever ends that. It waits, for a bounded time.
func hold(ctx context.Context, dir *os.File, name string) (*os.File, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lockTime, errHeld)
	defer cancel()
	for look := lockLook; ; look = min(2*look, lockSlows) {
		f, err := safepath.OpenOurs(dir, name+lockSuffix, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, safepath.WithNextStep(err)
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		// Between the two, who logged out may have removed the file: then its lock keeps nobody out.
		if err == nil && isNamed(dir, name+lockSuffix, f) {
			return f, nil
		}
		f.Close()
		switch {
		case err == nil:
			continue
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EWOULDBLOCK):
			return nil, &os.PathError{Op: "lock", Path: f.Name(), Err: err}
		}
		if err := sleep(ctx, look); err != nil {
			return nil, err
		}
	}
}

// isNamed tells whether an open file still has its name.
func isNamed(dir *os.File, name string, f *os.File) bool {
	there, err := safepath.StatAt(dir, name)
	if err != nil {
		return false
	}
	var open unix.Stat_t
	err = unix.Fstat(int(f.Fd()), &open)
	return err == nil && open.Ino == there.Ino && open.Dev == there.Dev
}

// sleep waits, or gives the cause of ctx's end.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
