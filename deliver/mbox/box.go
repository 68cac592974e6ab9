package mbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/internal/safepath"
)

// box is the mailbox while we hold its locks.
type box struct {
	dir    safepath.Shared
	file   *os.File
	made   bool // by us, just now
	size   int64
	dev    uint64
	ino    uint64
	read   time.Time // when it was read last, by its access time
	unlock func()
}

func (b *box) close() {
	if b.unlock != nil {
		b.unlock()
	}
	if b.file != nil {
		b.file.Close() // which ends the lock by fcntl
	}
	b.dir.Close()
}

// busyError is of a lock that somebody else holds. mend is what a person can do if that goes on.
type busyError struct{ who, mend string }

func (e *busyError) Error() string { return "it is locked by " + e.who }

// open opens the mailbox and locks it. Whoever holds a lock is waited for, never longer than Options.Patience.
func (s *Sender) open(ctx context.Context) (*box, error) {
	began := time.Now()
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		b, err := s.tryOpen()
		var busy *busyError
		if !errors.As(err, &busy) {
			return b, err
		}
		if time.Since(began) > s.o.Patience {
			return nil, &deliver.Error{Op: "lock", Place: s.o.Path, Scope: deliver.WholeTarget, Err: err,
				Hint: fmt.Sprintf("popsync waited for %v; if this goes on, %s", s.o.Patience, busy.mend)}
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
	}
}

func (s *Sender) tryOpen() (_ *box, err error) {
	b := &box{}
	if b.dir, err = disk.Dir(s.dir); err != nil {
		return nil, s.failed("open", err)
	}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if err = s.openFile(b); err != nil {
		return nil, err
	}
	locks, err := lockFile(b.file)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EACCES):
		err = &busyError{"another program (fcntl)", "end that program: 'fuser -v " + safepath.Quote(s.o.Path) + "' shows which programs have the mailbox open"}
		return nil, err
	case err != nil && s.o.Lock != DotLock:
		err = &deliver.Error{Op: "lock", Place: s.o.Path, Scope: deliver.WholeTarget, Permanent: errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP), Err: err,
			Hint: `if this filesystem has no locks by fcntl, write lock = "dotlock"`}
		return nil, err
	}
	if s.o.Lock != Fcntl {
		if b.unlock, err = s.dotLock(b.dir.File, err == nil && locks); err != nil {
			return nil, err
		}
	}
	// Others may have put another file in its place before we had the locks.
	open, there, err := s.state(b)
	switch {
	case err != nil:
		return nil, s.failed("open", err)
	case open.Ino != there.Ino || open.Dev != there.Dev:
		err = &busyError{"somebody who replaced it just now", "see which program replaces it, and stop that"}
		return nil, err
	}
	b.size, b.dev, b.ino = open.Size, uint64(open.Dev), uint64(open.Ino)
	if err = s.looksLike(b); err != nil {
		return nil, err
	}
	return b, nil
}

// openFile opens the file, and makes it if it is missing. Where the folder is on another filesystem than it was, that one is not mounted.
func (s *Sender) openFile(b *box) (err error) {
	const flags = os.O_RDWR | os.O_APPEND
	open := safepath.OpenOwn
	if b.dir.Fault == nil {
		open = safepath.OpenOurs
	}
	b.file, err = open(b.dir.File, s.name, flags, 0)
	if errors.Is(err, fs.ErrNotExist) {
		var st unix.Stat_t
		if err := unix.Fstat(int(b.dir.Fd()), &st); err != nil {
			return s.failed("open", err)
		}
		if s.rec != nil && s.rec.dev != 0 && s.rec.dev != uint64(st.Dev) {
			return &deliver.Error{Op: "open", Place: s.o.Path, Scope: deliver.WholeTarget, Permanent: true,
				Err:  errors.New("it is missing, and its folder is on another filesystem than it was"),
				Hint: "mount what belongs there, or, if the mailbox is to be here, say: touch " + safepath.Quote(s.o.Path)}
		}
		b.made = true
		b.file, err = open(b.dir.File, s.name, flags|os.O_CREATE, 0o600)
	}
	if err != nil {
		return s.unopened(err, b.made)
	}
	return nil
}

// unopened is what it means that the file could not be opened, or not be made.
func (s *Sender) unopened(err error, making bool) error {
	if fault := (*safepath.Error)(nil); errors.As(err, &fault) || !errors.Is(err, fs.ErrPermission) {
		return s.failed("open", err)
	}
	if errno := unix.Errno(0); errors.As(err, &errno) { // else it would name the file twice
		err = errno
	}
	e := &deliver.Error{Op: "open", Place: s.o.Path, Scope: deliver.WholeTarget, Permanent: true, Err: err,
		Hint: "let the user that runs popsync read and write this file"}
	if making {
		e.Op, e.Hint = "make", "let the user that runs popsync make files in this folder, or make the mailbox for him"
	}
	return e
}

// state is what the system says of the open file, and of the one that has its name.
func (s *Sender) state(b *box) (open, there unix.Stat_t, err error) {
	if err = unix.Fstat(int(b.file.Fd()), &open); err != nil {
		return open, there, err
	}
	b.read = time.Unix(open.Atim.Unix())
	there, err = safepath.StatAt(b.dir.File, s.name)
	if errors.Is(err, fs.ErrNotExist) {
		return open, there, nil // somebody has removed it, and it has no number
	}
	return open, there, err
}

// looksLike refuses a file that is not empty and no mailbox: something else would be spoilt.
func (s *Sender) looksLike(b *box) error {
	head := make([]byte, min(b.size, 256))
	if _, err := io.ReadFull(io.NewSectionReader(b.file, 0, b.size), head); err != nil {
		return s.failed("read", err)
	}
	if rest := bytes.TrimLeft(head, "\r\n"); len(rest) == 0 || bytes.HasPrefix(rest, []byte(fromWord)) {
		return nil
	}
	return disk.Refused(s.o.Path, `is no mailbox: it does not begin with "From "`, "name another file, or one that is not there yet: popsync makes it")
}

// tailSize is how much in front of a message is remembered of it, in octets.
const tailSize = 4096

// tail are the last octets in front of an offset.
func (b *box) tail(end int64) ([]byte, error) {
	p := make([]byte, min(end, tailSize))
	_, err := b.file.ReadAt(p, end-int64(len(p)))
	return p, err
}

// sumOf is a tail in the record.
func sumOf(tail []byte) string {
	sum := sha256.Sum256(tail)
	return hex.EncodeToString(sum[:8])
}

// glueFor is what separates a message from what is there. popsync and most others end with an empty line.
func glueFor(tail []byte) string {
	switch {
	case len(tail) == 0, bytes.HasSuffix(tail, []byte("\n\n")), string(tail) == "\n":
		return ""
	case bytes.HasSuffix(tail, []byte("\n")):
		return "\n"
	}
	return "\n\n"
}

// touched sets the times of the file. Our own reading does not count. Whoever looks for new mail by them takes a mailbox that was changed
// after it was read for one with new mail, and some count in seconds. It costs a notice, and no mail, where that cannot be done.
func (b *box) touched(written bool) {
	var st unix.Stat_t
	if unix.Fstat(int(b.file.Fd()), &st) != nil {
		return
	}
	changed, read := time.Unix(st.Mtim.Unix()), b.read
	if written && read.Unix() >= changed.Unix() {
		read = changed.Add(-time.Second)
	}
	if !read.Equal(time.Unix(st.Atim.Unix())) {
		_ = unix.Futimes(int(b.file.Fd()), []unix.Timeval{unix.NsecToTimeval(read.UnixNano()), unix.NsecToTimeval(changed.UnixNano())})
	}
}

// failed turns what the system said about the mailbox into an error for people.
func (s *Sender) failed(op string, err error) error {
	switch {
	case errors.Is(err, unix.ELOOP):
		return disk.Refused(s.o.Path, "is a symbolic link", "name what it leads to instead of the link")
	case errors.Is(err, unix.EISDIR):
		return disk.Refused(s.o.Path, "is a folder", `name a file in it; for a Maildir write type = "maildir"`)
	case errors.Is(err, safepath.ErrNotFile):
		return disk.Refused(s.o.Path, "is no file that mail could be kept in", "name another file, or one that is not there yet: popsync makes it")
	case errors.Is(err, fs.ErrNotExist):
		return &deliver.Error{Op: op, Place: s.o.Path, Scope: deliver.WholeTarget, Err: fmt.Errorf("the folder %s is not there", filepath.Clean(s.dir)),
			Hint: "is its filesystem mounted? popsync makes the mailbox, but no folder"}
	}
	return disk.Failed(op, s.o.Path, err)
}
