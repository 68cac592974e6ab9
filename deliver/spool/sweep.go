package spool

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/deliver/internal/spelling"
)

// Sweep removes all of ours that no held ticket names, and leaves files that popsync did not name, and what was set
// aside. A held ticket of a newer popsync might name anything, so then nothing is removed. Tickets of other kinds of
// destinations name nothing here.
func (s *Target) Sweep(held []deliver.Ticket) error {
	if err := s.identified("sweep"); err != nil {
		return err
	}
	keep, err := named("sweep", s.path, held)
	if err != nil {
		return err
	}
	return s.failed("sweep", s.scan(func(name string) bool { return keep[name] }))
}

// named are the names of the tickets that are a spool's.
func named(op, place string, tickets []deliver.Ticket) (map[string]bool, error) {
	names := make(map[string]bool, len(tickets))
	for _, t := range tickets {
		if !IsTicket(t) {
			continue
		}
		tk, err := parse(op, place, t)
		if err != nil {
			return nil, err
		}
		names[tk.name] = true
	}
	return names, nil
}

// scan counts what is in the directory, and removes what keep refuses; a nil keep keeps all.
func (s *Target) scan(keep func(name string) bool) error {
	files, err := list(s.dir)
	if err != nil {
		return err
	}
	octets := map[string]int64{}
	for _, file := range files {
		name := strings.TrimSuffix(file, sentSuffix)
		if keep != nil && !keep(name) {
			if e := s.remove(name); e != nil {
				err = errors.Join(err, e)
			} else {
				continue
			}
		}
		st, e := disk.StatAt(s.dir, file)
		if e == unix.ENOENT {
			continue
		} else if e != nil {
			return &os.PathError{Op: "stat", Path: file, Err: e}
		}
		octets[name] += st.Size
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.files
	s.files, s.used = make(map[string]*entry, len(octets)), 0
	for name, n := range octets {
		f := was[name]
		if f == nil {
			f = &entry{}
		}
		f.octets = n
		s.files[name], s.used = f, s.used+n
	}
	return err
}

// list gives the files of messages in the directory, sent or not.
func list(dir *os.File) (files []string, err error) {
	err = disk.EachName(dir, func(file string) error {
		if spelling.IsID(strings.TrimSuffix(file, sentSuffix)) {
			files = append(files, file)
		}
		return nil
	})
	return files, err
}
