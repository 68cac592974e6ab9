package maildir

import (
	"errors"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
)

// Discard removes tmp/NAME of each ticket, of this process or an earlier one, and nothing else.
func (m *Target) Discard(tickets []deliver.Ticket) error {
	if m.place == nil {
		return &deliver.Error{Op: "discard", Place: m.opts.Path, Scope: deliver.WholeTarget, Err: disk.ErrNotIdentified}
	}
	var errs []error
	for _, t := range tickets {
		tk, err := parseTicket(t)
		if err != nil {
			errs = append(errs, &deliver.Error{Op: "discard", Place: m.opts.Path, Permanent: true, Err: err})
			continue
		}
		m.mu.Lock()
		f := m.staged[tk.name]
		delete(m.staged, tk.name)
		m.mu.Unlock()
		if f != nil && f.pending != nil {
			m.barrier.Drop(f.pending)
		}
		p, done, err := m.placeOf(tk)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if err := p.unlinkStaged(tk.name); err != nil {
			errs = append(errs, disk.Failed("discard", p.path, err))
		}
		done()
	}
	return errors.Join(errs...)
}
