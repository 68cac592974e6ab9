package mbox

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/durable"
)

// append writes a message to the end of the mailbox, durably. Where it begins is in the record before, durably too.
func (s *Sender) append(ctx context.Context, b *box, t *task) error {
	if err := s.tidy(b); err != nil {
		return s.failed("tidy", err)
	}
	tail, err := b.tail(b.size)
	if err != nil {
		return s.failed("read", err)
	}
	p := place{dev: b.dev, ino: b.ino, base: b.size, tail: sumOf(tail), at: t.at.Unix(), sums: prefixes{whole: t.sums.whole, sums: t.sums.sums}}
	if err := s.begin(b, t.m.ID, p); err != nil {
		return s.unrecorded(err)
	}
	if b.size == 0 { // it may be new, and then its name is not durable
		if err := durable.SyncDir(b.dir.File); err != nil {
			return s.failed("sync", err)
		}
	}
	w := &writer{s: s, file: b.file}
	err = t.render(ctx, w, glueFor(tail))
	if err == nil {
		if err = s.sync(b.file, []byte(separator)); err != nil {
			err = &writeError{err}
		}
		w.n++
	}
	if err != nil {
		return s.undo(ctx, b, t, w.n, err)
	}
	b.touched(true)
	if size, err := s.size(b.file); err != nil || size != b.size+w.n {
		return &deliver.Error{Op: "write", Place: s.o.Path, Scope: deliver.WholeTarget, Uncertain: true,
			Err: errors.Join(err, errors.New("another program wrote into the mailbox without a lock")), Hint: "see 'lock' of this destination"}
	}
	s.rec.take(t.m.ID)
	return nil
}

// writer writes to the end of the mailbox, and counts.
type writer struct {
	s    *Sender
	file *os.File
	n    int64
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.s.write(w.file, p)
	w.n += int64(n)
	return n, err
}

// undo cuts off what was written of a message, of at most n octets, and says what is wrong. It must not stay after a sync that failed either:
// the system may say the next time that all is well. Where it cannot be cut off nobody knows how much of it will be there.
func (s *Sender) undo(ctx context.Context, b *box, t *task, n int64, why error) error {
	size, err := s.size(b.file)
	switch {
	case err != nil:
	case size > b.size+n:
		err = errors.New("somebody wrote behind it")
	case size > b.size:
		err = b.file.Truncate(b.size)
	}
	if err == nil {
		b.touched(false)
		s.rec.drop(t.m.ID)
	}
	var wrote *writeError
	if !errors.As(why, &wrote) {
		if err == nil {
			return s.unread(ctx, why)
		}
		wrote = &writeError{why}
	}
	failed := s.failed("write", wrote.error)
	if err == nil {
		return failed
	}
	return &deliver.Error{Op: "write", Place: s.o.Path, Scope: deliver.WholeTarget, Uncertain: true,
		Err: fmt.Errorf("%w; and what was written of a message stays there: %w", failed, err), Hint: hintOf(failed)}
}

func hintOf(err error) string {
	var e *deliver.Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}

func sizeOf(f *os.File) (int64, error) {
	var st unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &st)
	return st.Size, err
}

// begin notes, durably, where a message is about to be written. The first one of a process begins the record anew where nothing
// of earlier ones is in doubt.
func (s *Sender) begin(b *box, id string, p place) error {
	if !s.began {
		if s.held {
			s.rec.forget()
		}
		var st unix.Stat_t
		if err := unix.Fstat(int(b.dir.Fd()), &st); err != nil {
			return err
		}
		s.rec.dev = uint64(st.Dev)
		if err := s.rec.save(); err != nil {
			return err
		}
		s.began = true
	}
	return s.rec.begin(id, p)
}
