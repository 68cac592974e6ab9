// Package maildir is the destination that is a Maildir on this machine: each message comes there exactly once, also across
// a kill or a power cut at any moment.
//
// It delivers into the Maildir that the ledger knows and into no other: an empty mount point gets no mail. It refuses a
// place that every user can change, and one that is neither a Maildir nor empty. What a reader of mail does in new/, cur/
// and the folders below is his: it is looked at, for what became of a message, and never changed.
//
// A pass of fetcher calls it as a deliver.Target; cmd/popsync also inspects Maildirs and puts alarms into them.
// The layout is Maildir (https://cr.yp.to/proto/maildir.html), with folders and sizes in names as in Maildir++.
package maildir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/internal/durable"
)

// batchMessages is how many tickets one Publish takes: a rename is cheap, its directory's sync is shared by all.
const batchMessages = 500

// Options say where a Maildir is. Only Path is required.
type Options struct {
	Path string           // of the Maildir itself; may be a symbolic link, its cur, new and tmp may not
	Host string           // for file names; "": the machine's host name
	Now  func() time.Time // nil: time.Now
	Rand io.Reader        // for names and the identity; nil: crypto/rand

	Trace bool // each message gets one Received line on top (RFC 5321, section 4.4)

	// Outer is another Maildir, right above Path, that popsync delivers to as well: this one is a folder of it (Maildir++), and
	// makes it if it is made first. "": there is none, and what Path lies in must be there.
	Outer string
}

// Target is a deliver.Target that delivers each message exactly once into the Maildir at a path: staged in tmp/ under the name
// that its ticket carries, published by a rename into new/ that replaces nothing. Files are 0600. CRLF becomes LF, and
// nothing else changes: a bare CR, a bare LF, a NUL, a missing last newline stay, and no header is added unless asked for.
//
// It delivers only into the Maildir whose identity the ledger remembers (file popsync.id at its root) and checks that
// before each Create and Publish, so that an empty mount point never takes mail. It touches nothing in new/ and cur/
// but by publishing, and in tmp/ only what its tickets name.
type Target struct {
	opts    Options
	rename  func(olddir *os.File, oldname string, newdir *os.File, newname string) error
	buffers sync.Pool
	escaped string // host name, once it was needed; see host

	place   *place // set by Identify
	barrier disk.Barrier

	mu     sync.Mutex
	staged map[string]*stagedFile // by name: tickets of this process that are not published yet
}

// stagedFile is what this process knows of a ticket that it gave.
type stagedFile struct {
	pending  *durable.Pending // nil once it went through the barrier
	prepared bool             // and is durable
}

// New returns the Target. It does no I/O: that begins with Identify.
func New(opts Options) *Target {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Rand == nil {
		opts.Rand = rand.Reader
	}
	return &Target{
		opts:    opts,
		rename:  durable.RenameNoReplace,
		buffers: sync.Pool{New: func() any { return new([disk.BufferSize]byte) }},
		staged:  map[string]*stagedFile{},
	}
}

// ready is the check before anything that could put bytes into a wrong place.
func (m *Target) ready(op string) error {
	if m.place == nil {
		return &deliver.Error{Op: op, Place: m.opts.Path, Scope: deliver.WholeTarget, Err: disk.ErrNotIdentified}
	}
	if err := m.barrier.Err(); err != nil {
		return disk.Failed(op, m.opts.Path, fmt.Errorf("an earlier sync failed: %w", err))
	}
	return nil
}

// Remote is false.
func (m *Target) Remote() bool { return false }

// Batch is 500.
func (m *Target) Batch() int { return batchMessages }

// Lanes is 1: publishing is a rename.
func (m *Target) Lanes() int { return 1 }

// Free is what the filesystem leaves to this user. It knows no quotas.
func (m *Target) Free(ctx context.Context) (int64, error) {
	if m.place == nil {
		return 0, &deliver.Error{Op: "statfs", Place: m.opts.Path, Scope: deliver.WholeTarget, Err: disk.ErrNotIdentified}
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(m.place.tmp.Fd()), &st); err != nil {
		return 0, disk.Failed("statfs", m.opts.Path, err)
	}
	if st.Files > 0 && st.Ffree == 0 {
		return 0, nil // no inode left
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// Close frees descriptors. Staged bytes stay where they are.
func (m *Target) Close() error {
	if m.place == nil {
		return nil
	}
	err := errors.Join(m.barrier.Close(), m.place.close())
	m.place = nil
	return disk.Failed("close", m.opts.Path, err)
}

var (
	_ deliver.Target  = (*Target)(nil)
	_ deliver.Checker = (*Target)(nil)
	_ deliver.Located = (*Target)(nil)
	_ deliver.Tagger  = (*Target)(nil)
	_ deliver.Cleaner = (*Target)(nil)
)
