package maildir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/internal/safepath"
)

// place is an opened Maildir of a known identity. Directories are open, so that nothing that happens to the path can
// lead a file elsewhere; check compares the path with them.
type place struct {
	path                string // absolute
	id                  string
	root, tmp, new, cur *os.File

	mu     sync.Mutex
	idInfo fs.FileInfo // of popsync.id when it was last read
}

var errMoved = errors.New("another directory took its path")

// notKnown is the error for a place that should be known and is not there. Never judge a ticket after it.
func notKnown(path string, cause error) error {
	return &deliver.Error{
		Op: "check", Place: path, Scope: deliver.WholeTarget, Permanent: true,
		Err:  fmt.Errorf("not the Maildir popsync knows: not mounted? %w", cause),
		Hint: "mount it; after a restore or a move, say: popsync check --adopt ACCOUNT",
	}
}

// openPlace opens the Maildir at path, whose id must be there.
func openPlace(path, id string) (*place, error) {
	root, err := disk.Dir(path)
	if err != nil {
		return nil, err
	}
	return openPlaceIn(root, path, id)
}

// openPlaceIn is openPlace for a root that is open; it is the place's from now on.
func openPlaceIn(root safepath.Shared, path, id string) (_ *place, err error) {
	p := &place{path: path, id: id, root: root.File}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	for _, d := range []struct {
		dir  **os.File
		name string
	}{{&p.tmp, "tmp"}, {&p.new, "new"}, {&p.cur, "cur"}} {
		sub, err := disk.DirAt(p.root, d.name)
		if err != nil {
			return nil, err
		}
		*d.dir = sub.File
	}
	found, info, err := readIDIn(p.root)
	if err != nil {
		return nil, err
	}
	if found != id {
		return nil, errOtherID
	}
	p.idInfo = info
	return p, nil
}

func (p *place) close() error {
	var errs []error
	for _, f := range []*os.File{p.root, p.tmp, p.new, p.cur} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// check makes sure, for the cost of one stat, that the path still leads to this Maildir.
func (p *place) check() error {
	info, err := os.Lstat(p.path + "/" + idFile)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) {
			return disk.Failed("check", p.path, err)
		}
		return notKnown(p.path, errNoID)
	}
	p.mu.Lock()
	same := os.SameFile(info, p.idInfo) && info.Size() == p.idInfo.Size() && info.ModTime().Equal(p.idInfo.ModTime())
	p.mu.Unlock()
	if same {
		return nil
	}
	// Another file: somebody rewrote it, or this is another Maildir.
	id, info, err := readID(p.path)
	switch {
	case errors.Is(err, errNoID), errors.Is(err, errBadID):
		return notKnown(p.path, err)
	case err != nil:
		return disk.Failed("check", p.path, err)
	case id != p.id:
		return notKnown(p.path, errOtherID)
	}
	if err := p.checkDirs(); err != nil {
		return err
	}
	p.mu.Lock()
	p.idInfo = info
	p.mu.Unlock()
	return nil
}

// checkAll is check, and makes sure that the open directories are those at the path.
func (p *place) checkAll() error {
	if err := p.check(); err != nil {
		return err
	}
	return p.checkDirs()
}

func (p *place) checkDirs() error {
	for _, d := range []struct {
		dir  *os.File
		name string
	}{{p.tmp, "tmp"}, {p.new, "new"}, {p.cur, "cur"}} {
		there, err := os.Lstat(p.path + "/" + d.name)
		if err != nil {
			return notKnown(p.path, err)
		}
		here, err := d.dir.Stat()
		if err != nil {
			return disk.Failed("check", p.path, err)
		}
		if !os.SameFile(there, here) {
			return notKnown(p.path, fmt.Errorf("%s: %w", d.name, errMoved))
		}
	}
	return nil
}

// errNotStaged is for what has the name of a staged file and is none.
var errNotStaged = errors.New("not a file")

// openStaged opens tmp/NAME for reading.
func (p *place) openStaged(name string) (*os.File, error) {
	f, err := disk.OpenAt(p.tmp, name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &os.PathError{Op: "open", Path: f.Name(), Err: errNotStaged}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// unlinkStaged removes tmp/NAME; nothing there is no error.
func (p *place) unlinkStaged(name string) error {
	err := unix.Unlinkat(int(p.tmp.Fd()), name, 0)
	if err != nil && err != unix.ENOENT {
		return &os.PathError{Op: "unlink", Path: filepath.Join(p.tmp.Name(), name), Err: err}
	}
	return nil
}
