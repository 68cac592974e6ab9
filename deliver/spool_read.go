package deliver

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// verified reads a file and ends with ErrDamaged instead of io.EOF when it is not what the ticket says.
type verified struct {
	f    *os.File
	t    spoolTicket
	size int64
	crc  uint32
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.f.Read(p)
	v.size += int64(n)
	v.crc = crc32.Update(v.crc, castagnoli, p[:n])
	switch {
	case v.size > v.t.size:
	case err == io.EOF && (v.size != v.t.size || v.crc != v.t.crc):
	default:
		return n, err
	}
	return n, fmt.Errorf("%s: %w", v.t.name, ErrDamaged)
}

func (v *verified) Close() error { return v.f.Close() }

// verify reads the whole file once and leaves it at its start.
func (s *Spool) verify(f *os.File, t spoolTicket) error {
	buf := s.buffers.Get().(*[bufferSize]byte)
	defer s.buffers.Put(buf)
	v := &verified{f: f, t: t}
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
func (s *Spool) Open(t Ticket) (io.ReadCloser, error) {
	if err := s.identified("open"); err != nil {
		return nil, err
	}
	tk, err := s.parse("open", t)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{tk.name, tk.name + sentSuffix} {
		f, err := openAt(s.dir, name, unix.O_RDONLY|unix.O_NONBLOCK)
		if err == nil {
			return &verified{f: f, t: tk}, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, s.failed("open", err)
		}
	}
	return nil, fmt.Errorf("%s: %w", tk.name, ErrUnknown)
}
