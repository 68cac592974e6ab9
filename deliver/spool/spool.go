// Package spool turns a deliver.Sender into a deliver.Target, at least once: a message waits in a file of its own until the
// destination has taken it and the ledger knows that.
//
// It speaks no protocol and judges no answer: what a Sender says of a message it passes on, and what a Sender does not know
// it calls in doubt. It sends nothing twice that it knows to be sent. It refuses a folder that another user could read, and
// removes no file that it did not name.
//
// A pass of fetcher calls it as a deliver.Target. Folder is for what waits for a destination that is not configured any more.
package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/internal/durable"
)

// defaultMax is 1 GiB: a long outage of a busy mailbox.
const defaultMax = 1 << 30

// Options say where staged copies wait, and for whom. All but Where, Max and Floor are required.
type Options struct {
	Root        string         // of all spools; Identify makes it (0700) and in it a folder for this one, and parents that are missing
	Where       string         // opaque: the destination's address and recipients, which is what SamePlace compares; never a secret
	Max         int64          // octets that all copies may take together; 0 or less: 1 GiB
	Floor       int64          // octets that the caller keeps free of what Free says: they are not taken from Max
	Account     string         // name of the account, as configured; for Outgoing.Message and the delivery id
	Destination string         // name of the destination, unique within the account; for the delivery id
	Sender      deliver.Sender // closed by Close
}

// Target is the deliver.Target around every Sender: at least once. Each message waits in a file of its own in one directory,
// 0600, as it was received; Publish sends it, and the copy stays until Discard. A message that was sent is renamed to
// NAME.sent, so that no later Publish sends it again. One Publish takes one message, or several of a BatchSender, and as many
// run at once as the Sender has lanes.
//
// Only a message whose Send ended in doubt, was cut short by a crash, or gave an answer that the crash took away, can
// reach the destination twice. Outgoing.ID is the same each time.
//
// All methods may be called from several goroutines, except Identify, Sweep and Close, during which nothing else runs.
type Target struct {
	opts    Options
	buffers sync.Pool
	path    string // for people: of the folder, once it is known; else of all

	dir     *os.File // set by Identify
	barrier disk.Barrier
	rename  func(olddir *os.File, oldname string, newdir *os.File, newname string) error

	mu    sync.Mutex
	used  int64             // octets of all files
	files map[string]*entry // by name, without .sent: all that are in the directory
}

// entry is what this Target knows of one message's bytes.
type entry struct {
	octets   int64            // counted in Target.used
	ours     bool             // made by this Target: it knows of every Publish there ever was
	pending  *durable.Pending // of ours: nil while being written, and once it went through the barrier
	prepared bool             // of ours: durable
	untried  bool             // not of ours: the ledger says that nothing of it was sent
	doubt    bool             // a Send of this process ended in doubt, or one of an earlier copy
	sent     bool             // a Send of this process succeeded: matters when the rename did not
}

// New returns the Target around a Sender. It does no I/O: that begins with Identify.
func New(opts Options) *Target {
	if opts.Max <= 0 {
		opts.Max = defaultMax
	}
	return &Target{
		opts:    opts,
		path:    opts.Root,
		buffers: sync.Pool{New: func() any { return new([disk.BufferSize]byte) }},
		rename:  durable.RenameNoReplace,
		files:   map[string]*entry{},
	}
}

// failed turns what the system said about the spool into an Error.
func (s *Target) failed(op string, err error) error { return disk.Failed(op, s.path, err) }

// identified is the check before anything that needs the directory.
func (s *Target) identified(op string) error {
	if s.dir == nil {
		return &deliver.Error{Op: op, Place: s.path, Scope: deliver.WholeTarget, Err: disk.ErrNotIdentified}
	}
	return nil
}

// ready is the check before anything that must become durable.
func (s *Target) ready(op string) error {
	if err := s.identified(op); err != nil {
		return err
	}
	if err := s.barrier.Err(); err != nil {
		return s.failed(op, fmt.Errorf("an earlier sync failed: %w", err))
	}
	return nil
}

// file is what is known of a name: nil when nothing is there, or when another Target made it.
func (s *Target) file(name string) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[name]
}

// Remote is true: each message is a transaction elsewhere.
func (s *Target) Remote() bool { return true }

// Batch is 1: see BatchOf.
func (s *Target) Batch() int { return 1 }

// Lanes is what the Sender says.
func (s *Target) Lanes() int { return max(s.opts.Sender.Lanes(), 1) }

// Free is what Max leaves and Floor, or the filesystem if that is less. It knows no quotas.
func (s *Target) Free(ctx context.Context) (int64, error) {
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

// Recall tells the Sender, if it wants to know.
func (s *Target) Recall(learned string) {
	if l := deliver.LearnerOf(s.opts.Sender); l != nil {
		l.Recall(learned)
	}
}

// Learned is what the Sender learned.
func (s *Target) Learned() (learned, news string) {
	if l := deliver.LearnerOf(s.opts.Sender); l != nil {
		return l.Learned()
	}
	return "", ""
}

// Tell is what the Sender has found.
func (s *Target) Tell() []string {
	if t := deliver.TellerOf(s.opts.Sender); t != nil {
		return t.Tell()
	}
	return nil
}

// Close closes the Sender and frees descriptors. Staged bytes stay where they are.
func (s *Target) Close() error {
	return errors.Join(s.opts.Sender.Close(), s.closeDir())
}

func (s *Target) closeDir() error {
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
	_ deliver.Target   = (*Target)(nil)
	_ deliver.Sweeper  = (*Target)(nil)
	_ deliver.Foreseer = (*Target)(nil)
	_ deliver.Batched  = (*Target)(nil)
	_ deliver.Reminded = (*Target)(nil)
	_ deliver.Opener   = (*Target)(nil)
	_ deliver.Learner  = (*Target)(nil)
	_ deliver.Teller   = (*Target)(nil)
	_ deliver.Checker  = (*Target)(nil)
	_ deliver.Setter   = (*Target)(nil)
)
