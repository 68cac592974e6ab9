package deliver

import (
	"errors"
	"io"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/safepath"
)

// SpoolFolder is the folder of a spool whose destination is not configured any more. What waits there can be given to
// others and removed, but not sent, and nothing is added.
type SpoolFolder struct {
	spool  *Spool
	folder string // below the root
}

// OpenSpoolFolder opens the folder that an identity of a Spool names, below the root of all spools. It makes nothing: a
// folder that is not there is a WholeTarget error that wraps fs.ErrNotExist. The rules for its mode and owner are those of
// Identify.
func OpenSpoolFolder(root, identity string) (*SpoolFolder, error) {
	i, err := parseSpoolIdentity(identity)
	if err == nil && (i.folder == "" || root == "") {
		err = errors.New("no folder of it is remembered")
	}
	if err != nil {
		return nil, &Error{Op: "open", Place: root, Scope: WholeTarget, Permanent: true, Err: err,
			Hint: "a newer popsync may have written it: use that one again"}
	}
	dir, err := openSpool(root, i.folder)
	if err != nil {
		return nil, err
	}
	s := OpenSpool(SpoolOptions{Root: root})
	s.path, s.dir = filepath.Join(root, i.folder), dir
	return &SpoolFolder{s, i.folder}, nil
}

// Open gives the bytes of a ticket, as Spool.Open does.
func (f *SpoolFolder) Open(t Ticket) (io.ReadCloser, error) { return f.spool.Open(t) }

// Discard removes the bytes of tickets that the ledger does not hold any more.
func (f *SpoolFolder) Discard(tickets []Ticket) error { return f.spool.Discard(tickets) }

// Remove removes all messages that wait there, and the folder. What was put aside, and what popsync did not name, stays with
// the folder; left is how many files that are. Nothing but Close may follow.
func (f *SpoolFolder) Remove() (left int, err error) {
	files, err := f.spool.list()
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
	for folder := f.folder; folder != "."; folder = filepath.Dir(folder) {
		if err := f.removeFolder(folder); errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
			break
		} else if err != nil {
			return 0, f.spool.failed("remove", err)
		}
	}
	return 0, nil
}

func (f *SpoolFolder) removeFolder(folder string) error {
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
func (f *SpoolFolder) Place() string { return f.spool.path }

// Close frees the descriptor.
func (f *SpoolFolder) Close() error { return f.spool.closeDir() }

var _ Opener = (*SpoolFolder)(nil)
