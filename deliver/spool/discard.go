package spool

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/durable"
)

// Discard removes the bytes of each ticket, sent or not, of this process or an earlier one.
func (s *Target) Discard(tickets []deliver.Ticket) error {
	if err := s.identified("discard"); err != nil {
		return err
	}
	var errs []error
	for _, t := range tickets {
		tk, err := parse("discard", s.path, t)
		if err == nil {
			err = s.failed("discard", s.remove(tk.name))
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// remove unlinks both names that a message may have and gives its octets back.
func (s *Target) remove(name string) error {
	s.mu.Lock()
	var pending *durable.Pending
	if f := s.files[name]; f != nil {
		pending, f.pending = f.pending, nil
	}
	s.mu.Unlock()
	if pending != nil {
		s.barrier.Drop(pending)
	}
	for _, n := range []string{name, name + sentSuffix} {
		if err := unix.Unlinkat(int(s.dir.Fd()), n, 0); err != nil && err != unix.ENOENT {
			return &os.PathError{Op: "unlink", Path: n, Err: err}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.files[name]; f != nil {
		s.used -= f.octets
		delete(s.files, name)
	}
	return nil
}
