package spool

import (
	"context"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/internal/durable"
)

// Prepare makes staged bytes and their names durable. A sync that fails breaks this Target for staging; the next pass
// opens another one. What was prepared before can still be published.
func (s *Target) Prepare(ctx context.Context, tickets []deliver.Ticket) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.ready("sync"); err != nil {
		return err
	}
	var files []*entry
	var pending []*durable.Pending
	for _, t := range tickets {
		tk, err := parse("sync", s.path, t)
		if err != nil {
			return err
		}
		f := s.file(tk.name)
		switch {
		case f == nil || !f.ours:
			// The ledger has it from an earlier process. What that one made durable is synced once more.
			file, err := disk.OpenAt(s.dir, tk.name, unix.O_RDONLY|unix.O_NONBLOCK)
			if errors.Is(err, fs.ErrNotExist) {
				return &deliver.Error{Op: "sync", Place: s.path, Err: deliver.ErrUnknown}
			} else if err != nil {
				return s.failed("sync", err)
			}
			pending = append(pending, s.barrier.Add(file))
		case f.pending != nil:
			files, pending = append(files, f), append(pending, f.pending)
		case !f.prepared:
			return &deliver.Error{Op: "sync", Place: s.path, Err: disk.ErrSyncFailed}
		}
	}
	err := s.barrier.Sync(pending, s.dir)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range files {
		f.pending, f.prepared = nil, err == nil
	}
	return s.failed("sync", err)
}
