package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/emersion/go-maildir"
	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/durable"
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

// Identify accepts a place that the ledger never met (remembered is "", or speaks of another path): a Maildir with all
// that is in it, an empty directory, or nothing under an existing parent; there it makes a Maildir, and everywhere it
// leaves the file popsync.id with 128 random bits, or takes the one it finds. A remembered place is only recognised,
// never made or completed: if it is not there as it was, that is a WholeTarget error.
func (m *Maildir) Identify(ctx context.Context, remembered string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	path, known, err := m.expected(remembered)
	if err != nil {
		return "", err
	}
	id := known.id
	if known.path != path {
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
	if known.path == path {
		if err := recognise(path, known.id); err != nil {
			return err
		}
		return writable(path, "tmp", "new")
	}
	found, err := look(path)
	switch {
	case err != nil:
		return err
	case found == isMissing:
		return writable(filepath.Dir(path), ".")
	case found == isEmpty:
		return writable(path, ".")
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
	found, _, err := readID(path)
	switch {
	case errors.Is(err, errNoID), errors.Is(err, errBadID):
		return notKnown(path, err)
	case err != nil:
		return failed("open", path, err)
	case found != id:
		return notKnown(path, errOtherID)
	}
	for _, name := range []string{"tmp", "new", "cur"} {
		if info, err := os.Lstat(filepath.Join(path, name)); err != nil || !info.IsDir() {
			return notKnown(path, fmt.Errorf("its directory %s is missing", name))
		}
	}
	return nil
}

// adopt makes the place at path a Maildir with an identity, and returns that.
func (m *Maildir) adopt(path string) (string, error) {
	found, err := look(path)
	if err != nil {
		return "", err
	}
	if found != isMaildir {
		if err := create(path); err != nil {
			return "", failed("create", path, err)
		}
	}
	id, _, err := readID(path)
	if err == nil {
		return id, nil
	} else if !errors.Is(err, errNoID) {
		return "", badID(path, err)
	}
	var random [idBytes]byte
	if _, err := io.ReadFull(m.opts.Rand, random[:]); err != nil {
		return "", failed("create", path, fmt.Errorf("no random bytes: %w", err))
	}
	id = lower32.EncodeToString(random[:])
	err = durable.CreateFile(filepath.Join(path, idFile), []byte(id+"\n"), 0o600)
	if errors.Is(err, fs.ErrExist) {
		id, _, err = readID(path) // another account was faster
	}
	return id, failed("create", path, err)
}

// create makes the directories and makes them durable, from the inside out.
func create(path string) error {
	if err := maildir.Dir(path).Init(); err != nil {
		return err
	}
	for _, dir := range []string{
		filepath.Join(path, "tmp"), filepath.Join(path, "new"), filepath.Join(path, "cur"), path, filepath.Dir(path),
	} {
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		err = errors.Join(durable.SyncDir(f), f.Close())
		if err != nil {
			return err
		}
	}
	return nil
}

// open opens the place for use.
func (m *Maildir) open(path, id string) error {
	if err := m.Close(); err != nil {
		return err
	}
	if err := writable(path, "tmp", "new"); err != nil {
		return err
	}
	p, err := openPlace(path, id)
	if err != nil {
		return failed("open", path, err)
	}
	b, err := durable.OpenBarrier(p.tmp)
	if err != nil {
		p.close()
		return failed("open", path, err)
	}
	m.place, m.barrier = p, b
	return nil
}

// writable asks the system whether files can be made in directories below path.
func writable(path string, names ...string) error {
	for _, name := range names {
		dir := filepath.Join(path, name)
		if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.R_OK|unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
			return failed("open", path, &os.PathError{Op: "access", Path: dir, Err: err})
		}
	}
	return nil
}

// badID is for an identity that cannot be read at a place that was never met.
func badID(path string, err error) error {
	if errors.Is(err, errBadID) {
		return refused(path, err.Error(), "restore "+idFile+" from a backup, or remove it if no popsync uses this Maildir")
	}
	return failed("open", path, err)
}
