package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/popsync/popsync/uidl"
)

// write makes a change that no lease of ours stands behind yet, by a writer that can be trusted. again: f may run once more
// when nobody knows what became of it.
func (l *Ledger) write(ctx context.Context, again bool, f func(*tx) error) error {
	for tries := 3; ; tries-- {
		w, err := l.current(ctx)
		if err != nil {
			return err
		}
		err = l.explain(w.transact(ctx, f))
		var lost *lostError
		if tries == 1 || !errors.As(err, &lost) && !(again && errors.Is(err, uidl.ErrDoubt)) {
			return err
		}
	}
}

// current is the writer; in the place of one that was given up comes another. If that cannot be after a doubt, for a reason that
// does not pass by itself as a lock and a full disk do, the ledger is of no use to this process any more, and each caller is
// told so. Else the next caller tries again.
func (l *Ledger) current(ctx context.Context) (*writer, error) {
	l.renewing.Lock()
	defer l.renewing.Unlock()
	end := l.writer.ended()
	switch {
	case end.cause == nil:
		return l.writer, nil
	case l.unusable != nil:
		return nil, l.unusable
	case end.broken:
		l.unusable = fmt.Errorf("%w: %w", uidl.ErrUnusable, end.cause)
		return nil, l.unusable
	}
	err := l.renew(ctx)
	if err == nil {
		return l.writer, nil
	}
	err = fmt.Errorf("it cannot be opened anew, after a write to it failed (%v): %w", end.cause, err)
	if end.doubt && ctx.Err() == nil && !errors.Is(err, uidl.ErrLocked) && !errors.Is(err, uidl.ErrFull) {
		l.unusable = fmt.Errorf("%w: %w", uidl.ErrUnusable, err)
		return nil, l.unusable
	}
	return nil, err
}

// renew opens another writer and proves that it writes: docs/decisions/doubt.md. One connection that has read stays open
// meanwhile, so that SQLite's index of the log stays what it is; else it would be made anew from the log, and might have a
// commit in doubt that stands there but is not on the disk.
func (l *Ledger) renew(ctx context.Context) (err error) {
	if l.kept == nil {
		if l.kept, err = l.readers.Conn(ctx); err != nil {
			return err
		}
	}
	version, err := identify(ctx, l.kept)
	if known := len(migrations()); err == nil && version != known {
		err = fmt.Errorf("%w: schema %d, and it had %d", uidl.ErrCorrupt, version, known)
	}
	if err != nil {
		return l.explain(err)
	}
	if err := l.lookAtFile(); err != nil {
		return err
	}
	old := l.writer
	select {
	case <-old.turn:
		_ = old.close() // what of it failed is why it was given up
		old.turn <- struct{}{}
	case <-ctx.Done():
		return ctx.Err()
	}
	w, err := openWriter(ctx, l.path)
	if err != nil {
		return l.explain(err)
	}
	// Written over whatever a commit in doubt left, and synced: what is read from now on is what is on the disk.
	err = w.transact(ctx, func(t *tx) error { return t.exec(fmt.Sprintf("PRAGMA user_version = %d", version)) })
	if err != nil {
		_ = w.close()
		return l.explain(err)
	}
	l.writer = w
	_ = l.kept.Close() // back to the others
	l.kept = nil
	return nil
}
