package deliver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/durable"
)

// defaultSpoolMax is 1 GiB: a long outage of a busy mailbox.
const defaultSpoolMax = 1 << 30

// SpoolOptions say where staged copies wait, and for whom. All but Where, Max and Floor are required.
type SpoolOptions struct {
	Root        string // of all spools; Identify makes it (0700) and in it a folder for this one, and parents that are missing
	Where       string // opaque: the destination's address and recipients, which is what SamePlace compares; never a secret
	Max         int64  // octets that all copies may take together; 0 or less: 1 GiB
	Floor       int64  // octets that the caller keeps free of what Free says: they are not taken from Max
	Account     string // name of the account, as configured; for Outgoing.Message and the delivery id
	Destination string // name of the destination, unique within the account; for the delivery id
	Sender      Sender // closed by Close
}

// Spool is the Target around every Sender: at least once. Each message waits in a file of its own in one directory,
// 0600, as it was received; Publish sends it, and the copy stays until Discard. A message that was sent is renamed to
// NAME.sent, so that no later Publish sends it again. One Publish takes one message, and as many run at once as the
// Sender has lanes.
//
// Only a message whose Send ended in doubt, was cut short by a crash, or gave an answer that the crash took away, can
// reach the destination twice. Outgoing.ID is the same each time.
//
// All methods may be called from several goroutines, except Identify, Sweep and Close, during which nothing else runs.
type Spool struct {
	opts    SpoolOptions
	buffers sync.Pool
	path    string // for people: of the folder, once it is known; else of all

	dir     *os.File // set by Identify
	barrier barrier
	rename  func(olddir *os.File, oldname string, newdir *os.File, newname string) error

	mu    sync.Mutex
	used  int64                 // octets of all files
	files map[string]*spoolFile // by name, without .sent: all that are in the directory
}

// spoolFile is what this Spool knows of one message's bytes.
type spoolFile struct {
	octets   int64            // counted in Spool.used
	ours     bool             // made by this Spool: it knows of every Publish there ever was
	pending  *durable.Pending // of ours: nil while being written, and once it went through the barrier
	prepared bool             // of ours: durable
	doubt    bool             // a Send of this process ended in doubt, or one of an earlier copy
	sent     bool             // a Send of this process succeeded: matters when the rename did not
}

// OpenSpool returns the Target around a Sender. It does no I/O: that begins with Identify.
func OpenSpool(opts SpoolOptions) *Spool {
	if opts.Max <= 0 {
		opts.Max = defaultSpoolMax
	}
	return &Spool{
		opts:    opts,
		path:    opts.Root,
		buffers: sync.Pool{New: func() any { return new([bufferSize]byte) }},
		rename:  durable.RenameNoReplace,
		files:   map[string]*spoolFile{},
	}
}

// failed turns what the system said about the spool into an Error.
func (s *Spool) failed(op string, err error) error { return failed(op, s.path, err) }

// identified is the check before anything that needs the directory.
func (s *Spool) identified(op string) error {
	if s.dir == nil {
		return &Error{Op: op, Place: s.path, Scope: WholeTarget, Err: errNotIdentified}
	}
	return nil
}

// ready is the check before anything that must become durable.
func (s *Spool) ready(op string) error {
	if err := s.identified(op); err != nil {
		return err
	}
	if err := s.barrier.Err(); err != nil {
		return s.failed(op, fmt.Errorf("an earlier sync failed: %w", err))
	}
	return nil
}

// file is what is known of a name: nil when nothing is there, or when another Spool made it.
func (s *Spool) file(name string) *spoolFile {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[name]
}

// Prepare makes staged bytes and their names durable. A sync that fails breaks this Spool for staging; the next pass
// opens another one. What was prepared before can still be published.
func (s *Spool) Prepare(ctx context.Context, tickets []Ticket) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.ready("sync"); err != nil {
		return err
	}
	var files []*spoolFile
	var pending []*durable.Pending
	for _, t := range tickets {
		tk, err := s.parse("sync", t)
		if err != nil {
			return err
		}
		f := s.file(tk.name)
		switch {
		case f == nil || !f.ours:
			// The ledger has it from an earlier process. What that one made durable is synced once more.
			file, err := openAt(s.dir, tk.name, unix.O_RDONLY|unix.O_NONBLOCK)
			if errors.Is(err, fs.ErrNotExist) {
				return &Error{Op: "sync", Place: s.path, Err: ErrUnknown}
			} else if err != nil {
				return s.failed("sync", err)
			}
			pending = append(pending, s.barrier.Add(file))
		case f.pending != nil:
			files, pending = append(files, f), append(pending, f.pending)
		case !f.prepared:
			return &Error{Op: "sync", Place: s.path, Err: errors.New("its sync failed before")}
		}
	}
	err := s.barrier.Sync(pending, s.dir)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range files {
		f.pending, f.prepared = nil, err == nil
	}
	return s.failed("sync", err)
}

// Discard removes the bytes of each ticket, sent or not, of this process or an earlier one.
func (s *Spool) Discard(tickets []Ticket) error {
	if err := s.identified("discard"); err != nil {
		return err
	}
	var errs []error
	for _, t := range tickets {
		tk, err := s.parse("discard", t)
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
func (s *Spool) remove(name string) error {
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

// Batch is 1: each message is a transaction elsewhere.
func (s *Spool) Batch() int { return 1 }

// Lanes is what the Sender says.
func (s *Spool) Lanes() int { return max(s.opts.Sender.Lanes(), 1) }

// Free is what Max leaves and Floor, or the filesystem if that is less. It knows no quotas.
func (s *Spool) Free(ctx context.Context) (int64, error) {
	if err := s.identified("statfs"); err != nil {
		return 0, err
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(s.dir.Fd()), &st); err != nil {
		return 0, s.failed("statfs", err)
	}
	if st.Files > 0 && st.Ffree == 0 {
		return 0, nil // no inode left
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, min(int64(st.Bavail)*int64(st.Bsize), s.opts.Max-s.used+s.opts.Floor)), nil
}

// Close closes the Sender and frees descriptors. Staged bytes stay where they are.
func (s *Spool) Close() error {
	return errors.Join(s.opts.Sender.Close(), s.closeDir())
}

func (s *Spool) closeDir() error {
	if s.dir == nil {
		return nil
	}
	err := s.dir.Close()
	if s.barrier != nil {
		err = errors.Join(s.barrier.Close(), err)
	}
	s.dir, s.barrier = nil, nil
	return s.failed("close", err)
}

var (
	_ Target   = (*Spool)(nil)
	_ Sweeper  = (*Spool)(nil)
	_ Foreseer = (*Spool)(nil)
	_ Opener   = (*Spool)(nil)
	_ Checker  = (*Spool)(nil)
	_ Setter   = (*Spool)(nil)
)
