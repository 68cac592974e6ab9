package spool

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/safepath"
)

// Folder is the folder of a spool whose destination is not configured any more. What waits there can be given to
// others and removed, but not sent, and nothing is added.
type Folder struct {
	spool  *Target
	folder string // below the root
}

// OpenFolder opens the folder that an identity of a Target names, below the root of all spools. It makes nothing: a
// folder that is not there is a WholeTarget error that wraps fs.ErrNotExist. The rules for its mode and owner are those of
// Identify.
func OpenFolder(root, identity string) (*Folder, error) {
	i, err := deliver.ParseRemoteIdentity(identity)
	if err == nil && (i.Folder == "" || root == "") {
		err = errors.New("no folder of it is remembered")
	}
	if err != nil {
		return nil, &deliver.Error{Op: "open", Place: root, Scope: deliver.WholeTarget, Permanent: true, Err: err, Hint: hintNewer}
	}
	dir, err := openFolder(root, i.Folder)
	if err != nil {
		return nil, err
	}
	s := New(Options{Root: root})
	s.path, s.dir = filepath.Join(root, i.Folder), dir
	return &Folder{s, i.Folder}, nil
}

// Open gives the bytes of a ticket, as Target.Open does.
func (f *Folder) Open(t deliver.Ticket) (io.ReadCloser, error) { return f.spool.Open(t) }

// Discard removes the bytes of tickets that the ledger does not hold any more.
func (f *Folder) Discard(tickets []deliver.Ticket) error { return f.spool.Discard(tickets) }

// Remove removes all messages that wait there, and the folder. What was put aside, and what popsync did not name, stays with
// the folder; left is how many files that are. Nothing but Close may follow.
func (f *Folder) Remove() (left int, err error) {
	files, err := list(f.spool.dir)
	if err != nil {
		return 0, f.spool.failed("remove", err)
	}
	for _, file := range files {
		if err := safepath.RemoveAt(f.spool.dir, file); err != nil {
			return 0, f.spool.failed("remove", err)
		}
	}
	names, err := safepath.NamesAt(f.spool.dir)
	if err != nil || len(names) > 0 {
		return len(names), f.spool.failed("remove", err)
	}
	// ACCOUNT/DESTINATION, as folders were called once: the one above goes with the last of them.
	if err := f.removeLook(); err != nil {
		return 0, f.spool.failed("remove", err)
	}
	for folder := f.folder; folder != "."; folder = filepath.Dir(folder) {
		if err := f.removeFolder(folder); errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
			break
		} else if err != nil {
			return 0, f.spool.failed("remove", err)
		}
	}
	return 0, nil
}

// removeLook removes what a Sender remembered in order to look: there is nothing to look for any more.
func (f *Folder) removeLook() error {
	above, err := safepath.Dir(filepath.Join(f.spool.opts.Root, filepath.Dir(f.folder)))
	if err != nil {
		return err
	}
	defer above.Close()
	err = safepath.RemoveAt(above, filepath.Base(f.folder)+deliver.LookSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (f *Folder) removeFolder(folder string) error {
	above, err := safepath.Dir(filepath.Join(f.spool.opts.Root, filepath.Dir(folder)))
	if err != nil {
		return err
	}
	defer above.Close()
	if err := safepath.RemoveAt(above, filepath.Base(folder)); err != nil {
		return err
	}
	return durable.SyncDir(above)
}

// Place is the folder's path, for people.
func (f *Folder) Place() string { return f.spool.path }

// Close frees the descriptor.
func (f *Folder) Close() error { return f.spool.closeDir() }

var _ deliver.Opener = (*Folder)(nil)
