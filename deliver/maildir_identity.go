package deliver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// identity is what the ledger remembers of a Maildir: its id and its path. As text: "1 ID PATH", the path escaped.
type identity struct{ id, path string }

func (i identity) String() string { return "1 " + i.id + " " + escapePath(i.path) }

func parseIdentity(s string) (identity, error) {
	fields := strings.Split(s, " ")
	if len(fields) == 3 && fields[0] == "1" && validID(fields[1]) {
		if path, err := url.PathUnescape(fields[2]); err == nil && path != "" {
			return identity{fields[1], path}, nil
		}
	}
	return identity{}, errors.New("what the ledger remembers of it is of another kind")
}

// Recognise reads popsync.id at the path: "" when there is none, or nothing at all.
func (m *Maildir) Recognise(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	path, _, err := m.expected("")
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
	return identity{id, path}.String(), nil
}

// Locate gives the path as configured, absolute, and what is there.
func (m *Maildir) Locate() (string, os.FileInfo) {
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

// Identify accepts a place that the ledger never met (remembered is ""): a Maildir with all that is in it, an empty
// directory, or nothing under an existing parent; there it makes a Maildir, and everywhere it leaves the file popsync.id
// with 128 random bits, or takes the one it finds. A remembered place is only recognised, never made or completed: if it
// is not there as it was, that is a WholeTarget error. It may have moved: then the remembered id must be at the path of
// today, which is remembered from now on.
func (m *Maildir) Identify(ctx context.Context, remembered string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	path, known, err := m.expected(remembered)
	if err != nil {
		return "", err
	}
	id := known.id
	if remembered == "" {
		if id, err = m.adopt(path); err != nil {
			return "", err
		}
	} else if err := recognise(path, id); err != nil {
		return "", err
	}
	if err := m.open(path, id); err != nil {
		return "", err
	}
	return identity{id, path}.String(), nil
}

// Check tells what Identify would find, without making, writing or keeping open anything.
func (m *Maildir) Check(ctx context.Context, remembered string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path, known, err := m.expected(remembered)
	if err != nil {
		return err
	}
	if remembered != "" {
		if err := recognise(path, known.id); err != nil {
			return err
		}
		return writable(path, "tmp", "new")
	}
	at, found, err := m.lookAhead(path)
	switch {
	case err != nil:
		return err
	case found == isMissing:
		return writable(filepath.Dir(at), ".")
	case found == isEmpty:
		return writable(at, ".")
	}
	if _, _, err := readID(path); errors.Is(err, errNoID) {
		return writable(path, ".", "tmp", "new")
	} else if err != nil {
		return badID(path, err)
	}
	return writable(path, "tmp", "new")
}

// expected gives the absolute path and what is remembered.
func (m *Maildir) expected(remembered string) (path string, known identity, err error) {
	path, err = filepath.Abs(m.opts.Path)
	if err != nil || m.opts.Path == "" {
		return "", known, &Error{Op: "open", Place: m.opts.Path, Scope: WholeTarget, Permanent: true,
			Err: errors.Join(errors.New("not a path"), err), Hint: "give the Maildir an absolute path"}
	}
	if maxTicketHead+len(escapePath(path)) > MaxTicket {
		return "", known, &Error{Op: "open", Place: path, Scope: WholeTarget, Permanent: true,
			Err: errors.New("the path is too long to be remembered"), Hint: "use a shorter path, or a symbolic link to it"}
	}
	if remembered == "" {
		return path, known, nil
	}
	if known, err = parseIdentity(remembered); err != nil {
		return "", known, notKnown(path, err)
	}
	return path, known, nil
}

// recognise makes sure that the remembered Maildir is at its path, whole.
func recognise(path, id string) error {
	root, err := openRoot(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return notKnown(path, errNoID)
	} else if err != nil {
		return failed("open", path, err)
	}
	defer root.Close()
	found, _, err := readIDIn(root.File)
	switch {
	case errors.Is(err, errNoID), errors.Is(err, errBadID):
		return notKnown(path, err)
	case err != nil:
		return failed("open", path, err)
	case found != id:
		return notKnown(path, errOtherID)
	}
	for _, name := range folders {
		st, err := statAt(root.File, name)
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
