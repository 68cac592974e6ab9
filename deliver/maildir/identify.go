package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/deliver/internal/spelling"
	"github.com/popsync/popsync/internal/safepath"
)

// Recognise reads popsync.id at the path: "" when there is none, or nothing at all.
func (m *Target) Recognise(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	path, _, err := m.opts.expected("")
	if err != nil {
		return "", err
	}
	id, _, err := readID(path)
	switch {
	case errors.Is(err, errNoID):
		return "", nil
	case err != nil:
		return "", badID(path, err)
	}
	return deliver.LocalIdentity{ID: id, Path: path}.String(), nil
}

// Locate gives the path as configured, absolute, and what is there.
func (m *Target) Locate() (string, os.FileInfo) {
	path, err := filepath.Abs(m.opts.Path)
	if err != nil || m.opts.Path == "" {
		return m.opts.Path, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return path, nil
	}
	return path, info
}

// Used tells whether a Maildir that shows a popsync.id is at a path.
func (m *Target) Used(path string) bool { return idAt(path) != "" }

// Identify accepts a place that the ledger never met (remembered is ""): a Maildir with all that is in it, an empty
// directory, or nothing under an existing parent; there it makes a Maildir, and everywhere it leaves the file popsync.id
// with 128 random bits, or takes the one it finds. A remembered place is only recognised, never made or completed: if it
// is not there as it was, that is a WholeTarget error. It may have moved: then the remembered id must be at the path of
// today, which is remembered from now on.
func (m *Target) Identify(ctx context.Context, remembered string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	path, known, err := m.opts.expected(remembered)
	if err != nil {
		return "", err
	}
	id := known.ID
	var root safepath.Shared
	if remembered == "" {
		id, root, err = m.opts.adopt(path)
	} else {
		root, err = recognise(path, id)
	}
	if err != nil {
		return "", err
	}
	if err := m.open(root, path, id); err != nil {
		return "", err
	}
	return deliver.LocalIdentity{ID: id, Path: path}.String(), nil
}

// Check tells what Identify would find, without making, writing or keeping open anything.
func (m *Target) Check(ctx context.Context, remembered string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path, known, err := m.opts.expected(remembered)
	if err != nil {
		return err
	}
	if remembered != "" {
		root, err := recognise(path, known.ID)
		if err != nil {
			return err
		}
		defer root.Close()
		return disk.WritableIn(root.File, path, "tmp", "new")
	}
	at, found, err := m.opts.lookAhead(path)
	switch {
	case err != nil:
		return err
	case found == isMissing:
		return disk.Writable(filepath.Dir(at), ".")
	case found == isEmpty:
		return disk.Writable(at, ".")
	}
	if _, _, err := readID(path); errors.Is(err, errNoID) {
		return disk.Writable(path, ".", "tmp", "new")
	} else if err != nil {
		return badID(path, err)
	}
	return disk.Writable(path, "tmp", "new")
}

// expected gives the absolute path and what is remembered.
func (o *Options) expected(remembered string) (path string, known deliver.LocalIdentity, err error) {
	path, err = filepath.Abs(o.Path)
	if err != nil || o.Path == "" {
		return "", known, &deliver.Error{Op: "open", Place: o.Path, Scope: deliver.WholeTarget, Permanent: true,
			Err: errors.Join(errors.New("not a path"), err), Hint: "give the Maildir an absolute path"}
	}
	if maxTicketHead+len(spelling.Escape(path)) > deliver.MaxTicket {
		return "", known, &deliver.Error{Op: "open", Place: path, Scope: deliver.WholeTarget, Permanent: true,
			Err: errors.New("the path is too long to be remembered"), Hint: "use a shorter path, or a symbolic link to it"}
	}
	if remembered == "" {
		return path, known, nil
	}
	if known, err = deliver.ParseLocalIdentity(remembered); err != nil {
		return "", known, notKnown(path, err)
	}
	return path, known, nil
}

// recognise makes sure that the remembered Maildir is at its path, whole, and opens it.
func recognise(path, id string) (safepath.Shared, error) {
	root, err := disk.Dir(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return root, notKnown(path, errNoID)
	} else if err != nil {
		return root, disk.Failed("open", path, err)
	}
	if err := recogniseIn(root.File, path, id); err != nil {
		root.Close()
		return safepath.Shared{}, err
	}
	return root, nil
}

func recogniseIn(root *os.File, path, id string) error {
	found, _, err := readIDIn(root)
	switch {
	case errors.Is(err, errNoID), errors.Is(err, errBadID):
		return notKnown(path, err)
	case err != nil:
		return disk.Failed("open", path, err)
	case found != id:
		return notKnown(path, errOtherID)
	}
	for _, name := range folders {
		st, err := disk.StatAt(root, name)
		switch {
		case err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR:
		case err == nil:
			return notFolder(path, name, st)
		default:
			return notKnown(path, fmt.Errorf("its directory %s is missing", name))
		}
	}
	return nil
}
