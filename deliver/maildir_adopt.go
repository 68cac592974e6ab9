package deliver

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/emersion/go-maildir"
	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/durable"
)

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
