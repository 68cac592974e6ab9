package maildir

import (
	"context"
	"hash/crc32"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/internal/durable"
)

// staging is one message on its way into tmp/.
type staging struct {
	m    *Target
	name string
	file *os.File
	buf  *[disk.BufferSize]byte
	out  []byte // converted, not yet written; its array is buf
	ends deliver.LineEnds
	size int64
	crc  uint32
	disk durable.Early
	err  error // first failure; the end of all
}

// Create opens tmp/NAME, after a look whether this is still the Maildir that it should be.
func (m *Target) Create(ctx context.Context, msg deliver.Message) (deliver.Staging, error) {
	s, err := m.create(ctx, msg)
	if err != nil {
		return nil, err
	}
	return m.opts.traced(msg, s), nil
}

func (m *Target) create(ctx context.Context, msg deliver.Message) (*staging, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := m.ready("create"); err != nil {
		return nil, err
	}
	if err := m.place.check(); err != nil {
		return nil, err
	}
	name, err := newName(m.opts.Now().Unix(), m.opts.Rand, msg, m.host())
	if err != nil {
		return nil, disk.Failed("create", m.opts.Path, err)
	}
	file, err := disk.OpenAt(m.place.tmp, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL)
	if err != nil {
		return nil, disk.Failed("create", m.opts.Path, err)
	}
	s := &staging{m: m, name: name, file: file, buf: m.buffers.Get().(*[disk.BufferSize]byte)}
	s.out = s.buf[:0]
	return s, nil
}

// host is the escaped host name.
func (m *Target) host() string {
	if m.escaped == "" {
		name := m.opts.Host
		if name == "" {
			name, _ = os.Hostname()
		}
		m.escaped = escapeHost(name) // never empty
	}
	return m.escaped
}

func (s *staging) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 && s.err == nil {
		n := min(len(p), disk.BufferSize-len(s.out)-1) // a CR held back may need one more
		if n <= 0 {
			s.flush()
			continue
		}
		s.out = s.ends.Append(s.out, p[:n])
		p, written = p[n:], written+n
	}
	return written, s.err
}

func (s *staging) flush() {
	if len(s.out) == 0 || s.err != nil {
		return
	}
	if _, err := s.file.Write(s.out); err != nil {
		s.err = disk.Failed("write", s.m.opts.Path, err)
		return
	}
	s.size += int64(len(s.out))
	s.crc = crc32.Update(s.crc, disk.Castagnoli, s.out)
	s.out = s.out[:0]
	if err := s.disk.Wrote(s.file, s.size); err != nil {
		s.err = disk.Failed("write", s.m.opts.Path, err)
	}
}

func (s *staging) Ticket() (deliver.Ticket, error) {
	if s.file == nil {
		return "", s.err
	}
	s.out = s.ends.End(s.out)
	s.flush()
	if s.err != nil {
		err := s.err
		s.Abort()
		return "", err
	}
	m := s.m
	pending := m.barrier.Add(s.file)
	m.mu.Lock()
	m.staged[s.name] = &stagedFile{pending: pending}
	m.mu.Unlock()
	t := ticket{name: s.name, size: s.size, crc: s.crc, id: m.place.id, path: m.place.path}
	s.release()
	return deliver.Ticket(t.String()), nil
}

func (s *staging) Abort() {
	if s.file == nil {
		return
	}
	// What cannot be removed is an orphan in tmp/, which Clean takes.
	s.file.Close()
	_ = s.m.place.unlinkStaged(s.name)
	s.release()
}

func (s *staging) release() {
	s.m.buffers.Put(s.buf)
	s.file, s.buf, s.out, s.err = nil, nil, nil, disk.ErrEnded
}

// age is how long ago a name was given, and whether that is known: names from the future come from a clock that was
// wrong, then or now.
func (o *Options) age(seconds int64) (time.Duration, bool) {
	age := o.Now().Sub(time.Unix(seconds, 0))
	return age, age > -time.Hour
}
