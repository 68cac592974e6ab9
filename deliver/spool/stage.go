package spool

import (
	"context"
	"fmt"
	"hash/crc32"
	"os"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/internal/durable"
)

// staging is one message on its way into the spool.
type staging struct {
	s    *Target
	t    ticket // size and crc grow with what is written
	f    *entry
	file *os.File // nil: ended
	buf  *[disk.BufferSize]byte
	n    int // octets in buf
	disk durable.Early
	err  error // first failure; the end of all
}

// Create opens a file under a random name.
func (s *Target) Create(ctx context.Context, msg deliver.Message) (deliver.Staging, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.ready("create"); err != nil {
		return nil, err
	}
	t := ticket{name: newName(), dup: max(msg.Dup, 0), uid: shortUID(msg.UID)}
	file, err := disk.OpenAt(s.dir, t.name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL)
	if err != nil {
		return nil, s.failed("create", err)
	}
	f := &entry{ours: true, doubt: msg.Again}
	s.mu.Lock()
	s.files[t.name] = f
	s.mu.Unlock()
	return &staging{s: s, t: t, f: f, file: file, buf: s.buffers.Get().(*[disk.BufferSize]byte)}, nil
}

// take reserves room before n octets are written, so that the copies never exceed Max.
//
// A message that even an empty spool could not hold is that message's own trouble, and temporary: spool_max may be
// raised. Any other waits until there is room.
func (w *staging) take(n int) error {
	s := w.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used+int64(n) <= s.opts.Max {
		s.used += int64(n)
		w.f.octets += int64(n)
		return nil
	}
	if w.f.octets+int64(n) > s.opts.Max {
		return &deliver.Error{Op: "write", Place: s.path, Scope: deliver.ThisMessage, Full: true,
			Err:  fmt.Errorf("the message is larger than the whole spool may be (%d octets)", s.opts.Max),
			Hint: "raise spool_max of this destination"}
	}
	return &deliver.Error{Op: "write", Place: s.path, Scope: deliver.WholeTarget, Full: true,
		Err:  fmt.Errorf("what waits for this destination takes all of the %d octets that it may", s.opts.Max),
		Hint: "repair this destination, so that what waits for it can go, or raise its spool_max"}
}

func (w *staging) Write(p []byte) (int, error) {
	if w.file == nil {
		return 0, disk.ErrEnded
	}
	written := 0
	for len(p) > 0 && w.err == nil {
		if w.n == disk.BufferSize {
			w.flush()
			continue
		}
		n := copy(w.buf[w.n:], p)
		p, w.n, written = p[n:], w.n+n, written+n
	}
	return written, w.err
}

func (w *staging) flush() {
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
	w.t.crc = crc32.Update(w.t.crc, disk.Castagnoli, out)
	w.n = 0
	if err := w.disk.Wrote(w.file, w.t.size); err != nil {
		w.err = w.s.failed("write", err)
	}
}

func (w *staging) Ticket() (deliver.Ticket, error) {
	if w.file == nil {
		return "", disk.ErrEnded
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
	t := deliver.Ticket(w.t.String())
	w.release()
	return t, nil
}

func (w *staging) Abort() {
	if w.file == nil {
		return
	}
	w.file.Close()
	_ = w.s.remove(w.t.name) // what cannot be removed stays counted, until a Sweep
	w.release()
}

func (w *staging) release() {
	w.s.buffers.Put(w.buf)
	w.file, w.buf = nil, nil
}
