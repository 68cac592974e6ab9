package maildir

import (
	"context"
	"errors"
	"io/fs"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/internal/durable"
)

// Prepare makes staged bytes durable: the files and their names in tmp/. A sync that fails breaks this Target for
// good; the next pass opens another one.
func (m *Target) Prepare(ctx context.Context, tickets []deliver.Ticket) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := m.ready("sync"); err != nil {
		return err
	}
	var files []*stagedFile
	var pending []*durable.Pending
	for _, t := range tickets {
		tk, err := parseTicket(t)
		if err != nil {
			return &deliver.Error{Op: "sync", Place: m.opts.Path, Permanent: true, Err: err}
		}
		f, err := m.unsynced(tk)
		if err != nil {
			return err
		}
		if f.pending != nil {
			files, pending = append(files, f), append(pending, f.pending)
		}
	}
	err := m.barrier.Sync(pending, m.place.tmp)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range files {
		f.pending, f.prepared = nil, err == nil
	}
	return disk.Failed("sync", m.opts.Path, err)
}

// unsynced finds what Prepare has to sync. A ticket of an earlier process is opened again.
func (m *Target) unsynced(t ticket) (*stagedFile, error) {
	m.mu.Lock()
	f := m.staged[t.name]
	m.mu.Unlock()
	if f != nil {
		if f.pending == nil && !f.prepared {
			return nil, &deliver.Error{Op: "sync", Place: m.opts.Path, Err: disk.ErrSyncFailed}
		}
		return f, nil
	}
	file, err := m.place.openStaged(t.name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotStaged) {
		return nil, &deliver.Error{Op: "sync", Place: m.opts.Path, Err: deliver.ErrUnknown}
	} else if err != nil {
		return nil, disk.Failed("sync", m.opts.Path, err)
	}
	return &stagedFile{pending: m.barrier.Add(file)}, nil
}
