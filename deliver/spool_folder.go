package deliver

import (
	"errors"
	"io"
	"path/filepath"
)

// SpoolFolder is the folder of a spool whose destination is not configured any more. What waits there can be given to
// others and removed, but not sent, and nothing is added.
type SpoolFolder struct{ spool *Spool }

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
	return &SpoolFolder{s}, nil
}

// Open gives the bytes of a ticket, as Spool.Open does.
func (f *SpoolFolder) Open(t Ticket) (io.ReadCloser, error) { return f.spool.Open(t) }

// Discard removes the bytes of tickets that the ledger does not hold any more.
func (f *SpoolFolder) Discard(tickets []Ticket) error { return f.spool.Discard(tickets) }

// Place is the folder's path, for people.
func (f *SpoolFolder) Place() string { return f.spool.path }

// Close frees the descriptor.
func (f *SpoolFolder) Close() error { return f.spool.closeDir() }

var _ Opener = (*SpoolFolder)(nil)
