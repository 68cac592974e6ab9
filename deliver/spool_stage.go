package deliver

import (
	"context"
	"fmt"
	"hash/crc32"
	"os"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/durable"
)

// spooling is one message on its way into the spool.
type spooling struct {
	s    *Spool
	t    spoolTicket // size and crc grow with what is written
	f    *spoolFile
	file *os.File // nil: ended
	buf  *[bufferSize]byte
	n    int // octets in buf
	disk durable.Early
	err  error // first failure; the end of all
}

// Create opens a file under a random name.
func (s *Spool) Create(ctx context.Context, msg Message) (Staging, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.ready("create"); err != nil {
		return nil, err
	}
	t := spoolTicket{name: newSpoolName(), dup: max(msg.Dup, 0), uid: spoolUID(msg.UID)}
	file, err := openAt(s.dir, t.name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL)
	if err != nil {
		return nil, s.failed("create", err)
	}
	f := &spoolFile{ours: true, doubt: msg.Again}
	s.mu.Lock()
	s.files[t.name] = f
	s.mu.Unlock()
	return &spooling{s: s, t: t, f: f, file: file, buf: s.buffers.Get().(*[bufferSize]byte)}, nil
}

// take reserves room before n octets are written, so that the copies never exceed Max.
//
// A message that even an empty spool could not hold is that message's own trouble, and temporary: spool_max may be
// raised. Any other waits until there is room.
func (w *spooling) take(n int) error {
	s := w.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used+int64(n) <= s.opts.Max {
		s.used += int64(n)
		w.f.octets += int64(n)
		return nil
	}
	if w.f.octets+int64(n) > s.opts.Max {
		return &Error{Op: "write", Place: s.path, Scope: ThisMessage, Full: true,
			Err:  fmt.Errorf("the message is larger than the whole spool may be (%d octets)", s.opts.Max),
			Hint: "raise spool_max of this destination"}
	}
	return &Error{Op: "write", Place: s.path, Scope: WholeTarget, Full: true,
		Err:  fmt.Errorf("what waits for this destination takes all of the %d octets that it may", s.opts.Max),
		Hint: "repair this destination, so that what waits for it can go, or raise its spool_max"}
}

func (w *spooling) Write(p []byte) (int, error) {
	if w.file == nil {
		return 0, errEnded
	}
	written := 0
	for len(p) > 0 && w.err == nil {
		if w.n == bufferSize {
			w.flush()
			continue
		}
		n := copy(w.buf[w.n:], p)
		p, w.n, written = p[n:], w.n+n, written+n
	}
	return written, w.err
}

func (w *spooling) flush() {
	if w.n == 0 || w.err != nil {
		return
	}
	if w.err = w.take(w.n); w.err != nil {
		return
	}
	out := w.buf[:w.n]
	if _, err := w.file.Write(out); err != nil {
		w.err = w.s.failed("write", err)
		return
	}
	w.t.size += int64(w.n)
	w.t.crc = crc32.Update(w.t.crc, castagnoli, out)
	w.n = 0
	if err := w.disk.Wrote(w.file, w.t.size); err != nil {
		w.err = w.s.failed("write", err)
	}
}

func (w *spooling) Ticket() (Ticket, error) {
	if w.file == nil {
		return "", errEnded
	}
	w.flush()
	if err := w.err; err != nil {
		w.Abort()
		return "", err
	}
	pending := w.s.barrier.Add(w.file)
	w.s.mu.Lock()
	w.f.pending = pending
	w.s.mu.Unlock()
	t := Ticket(w.t.String())
	w.release()
	return t, nil
}

func (w *spooling) Abort() {
	if w.file == nil {
		return
	}
	w.file.Close()
	_ = w.s.remove(w.t.name) // what cannot be removed stays counted, until a Sweep
	w.release()
}

func (w *spooling) release() {
	w.s.buffers.Put(w.buf)
	w.file, w.buf = nil, nil
}
