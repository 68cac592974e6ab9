package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
)

// verified reads a file as far as it is what the ticket says.
func (t ticket) verified(f *os.File) *disk.Verified {
	return &disk.Verified{File: f, Name: t.name, Size: t.size, CRC: t.crc}
}

// verify reads the whole file once and leaves it at its start.
func (s *Target) verify(f *os.File, t ticket) error {
	buf := s.buffers.Get().(*[disk.BufferSize]byte)
	defer s.buffers.Put(buf)
	v := t.verified(f)
	for {
		if _, err := v.Read(buf[:]); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// Open gives the bytes of a ticket, sent or not. The last Read gives ErrDamaged instead of io.EOF when they are not what
// was written.
func (s *Target) Open(t deliver.Ticket) (io.ReadCloser, error) {
	if err := s.identified("open"); err != nil {
		return nil, err
	}
	tk, err := parse("open", s.path, t)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{tk.name, tk.name + sentSuffix} {
		f, err := disk.OpenAt(s.dir, name, unix.O_RDONLY|unix.O_NONBLOCK)
		if err == nil {
			return tk.verified(f), nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, s.failed("open", err)
		}
	}
	return nil, fmt.Errorf("%s: %w", tk.name, deliver.ErrUnknown)
}

// OpenCopy gives the bytes of a ticket, as they were received, for a look at what waits: see OpenFolder. It makes nothing.
// deliver.ErrUnknown when there are no such bytes. The caller closes it; the last Read may give deliver.ErrDamaged instead of
// io.EOF.
func OpenCopy(root, identity string, t deliver.Ticket) (io.ReadCloser, error) {
	f, err := OpenFolder(root, identity)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, deliver.ErrUnknown
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Open(t)
}
