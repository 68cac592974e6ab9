package deliver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/durable"
)

// batchMessages is how many tickets one Publish takes: a rename is cheap, its directory's sync is shared by all.
const batchMessages = 500

// MaildirOptions say where a Maildir is. Only Path is required.
type MaildirOptions struct {
	Path string           // of the Maildir itself; may be a symbolic link, its cur, new and tmp may not
	Host string           // for file names; "": the machine's host name
	Now  func() time.Time // nil: time.Now
	Rand io.Reader        // for names and the identity; nil: crypto/rand

	Trace bool // each message gets one Received line on top (RFC 5321, section 4.4)

	// Outer is another Maildir, right above Path, that popsync delivers to as well: this one is a folder of it (Maildir++), and
	// makes it if it is made first. "": there is none, and what Path lies in must be there.
	Outer string
}

// Maildir is a Target that delivers each message exactly once into the Maildir at a path: staged in tmp/ under the name
// that its ticket carries, published by a rename into new/ that replaces nothing. Files are 0600. CRLF becomes LF, and
// nothing else changes: a bare CR, a bare LF, a NUL, a missing last newline stay, and no header is added unless asked for.
//
// It delivers only into the Maildir whose identity the ledger remembers (file popsync.id at its root) and checks that
// before each Create and Publish, so that an empty mount point never takes mail. It touches nothing in new/ and cur/
// but by publishing, and in tmp/ only what its tickets name.
type Maildir struct {
	opts    MaildirOptions
	rename  func(olddir *os.File, oldname string, newdir *os.File, newname string) error
	buffers sync.Pool
	escaped string // host name, once it was needed; see host

	place   *place // set by Identify
	barrier barrier

	mu     sync.Mutex
	staged map[string]*stagedFile // by name: tickets of this process that are not published yet
}

// barrier is *durable.Barrier; tests watch it.
type barrier interface {
	Add(f *os.File) *durable.Pending
	Sync(pending []*durable.Pending, dirs ...*os.File) error
	Drop(pending ...*durable.Pending)
	Err() error
	Close() error
}

// stagedFile is what this process knows of a ticket that it gave.
type stagedFile struct {
	pending  *durable.Pending // nil once it went through the barrier
	prepared bool             // and is durable
}

// OpenMaildir returns the Maildir target. It does no I/O: that begins with Identify.
func OpenMaildir(opts MaildirOptions) *Maildir {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Rand == nil {
		opts.Rand = rand.Reader
	}
	return &Maildir{
		opts:    opts,
		rename:  durable.RenameNoReplace,
		buffers: sync.Pool{New: func() any { return new([bufferSize]byte) }},
		staged:  map[string]*stagedFile{},
	}
}

// errNotIdentified is a mistake in the program, not a state of the place.
var errNotIdentified = errors.New("Identify was not called or failed")

// ready is the check before anything that could put bytes into a wrong place.
func (m *Maildir) ready(op string) error {
	if m.place == nil {
		return &Error{Op: op, Place: m.opts.Path, Scope: WholeTarget, Err: errNotIdentified}
	}
	if err := m.barrier.Err(); err != nil {
		return failed(op, m.opts.Path, fmt.Errorf("an earlier sync failed: %w", err))
	}
	return nil
}

// Prepare makes staged bytes durable: the files and their names in tmp/. A sync that fails breaks this Maildir value for
// good; the next pass opens another one.
func (m *Maildir) Prepare(ctx context.Context, tickets []Ticket) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := m.ready("sync"); err != nil {
		return err
	}
	var files []*stagedFile
	var pending []*durable.Pending
	for _, t := range tickets {
		tk, err := parseTicket(t)
		if err != nil {
			return &Error{Op: "sync", Place: m.opts.Path, Permanent: true, Err: err}
		}
		f, err := m.unsynced(tk)
		if err != nil {
			return err
		}
		if f.pending != nil {
			files, pending = append(files, f), append(pending, f.pending)
		}
	}
	err := m.barrier.Sync(pending, m.place.tmp)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range files {
		f.pending, f.prepared = nil, err == nil
	}
	return failed("sync", m.opts.Path, err)
}

// unsynced finds what Prepare has to sync. A ticket of an earlier process is opened again.
func (m *Maildir) unsynced(t ticket) (*stagedFile, error) {
	m.mu.Lock()
	f := m.staged[t.name]
	m.mu.Unlock()
	if f != nil {
		if f.pending == nil && !f.prepared {
			return nil, &Error{Op: "sync", Place: m.opts.Path, Err: errors.New("its sync failed before")}
		}
		return f, nil
	}
	file, err := m.place.openStaged(t.name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotStaged) {
		return nil, &Error{Op: "sync", Place: m.opts.Path, Err: ErrUnknown}
	} else if err != nil {
		return nil, failed("sync", m.opts.Path, err)
	}
	return &stagedFile{pending: m.barrier.Add(file)}, nil
}

// Discard removes tmp/NAME of each ticket, of this process or an earlier one, and nothing else.
func (m *Maildir) Discard(tickets []Ticket) error {
	if m.place == nil {
		return &Error{Op: "discard", Place: m.opts.Path, Scope: WholeTarget, Err: errNotIdentified}
	}
	var errs []error
	for _, t := range tickets {
		tk, err := parseTicket(t)
		if err != nil {
			errs = append(errs, &Error{Op: "discard", Place: m.opts.Path, Permanent: true, Err: err})
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
			errs = append(errs, failed("discard", p.path, err))
		}
		done()
	}
	return errors.Join(errs...)
}

// Batch is 500.
func (m *Maildir) Batch() int { return batchMessages }

// Lanes is 1: publishing is a rename.
func (m *Maildir) Lanes() int { return 1 }

// Free is what the filesystem leaves to this user. It knows no quotas.
func (m *Maildir) Free(ctx context.Context) (int64, error) {
	if m.place == nil {
		return 0, &Error{Op: "statfs", Place: m.opts.Path, Scope: WholeTarget, Err: errNotIdentified}
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(m.place.tmp.Fd()), &st); err != nil {
		return 0, failed("statfs", m.opts.Path, err)
	}
	if st.Files > 0 && st.Ffree == 0 {
		return 0, nil // no inode left
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// Close frees descriptors. Staged bytes stay where they are.
func (m *Maildir) Close() error {
	if m.place == nil {
		return nil
	}
	err := errors.Join(m.barrier.Close(), m.place.close())
	m.place = nil
	return failed("close", m.opts.Path, err)
}

var (
	_ Target  = (*Maildir)(nil)
	_ Checker = (*Maildir)(nil)
	_ Located = (*Maildir)(nil)
)
