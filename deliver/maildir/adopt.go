package maildir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	gomaildir "github.com/emersion/go-maildir"

	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/deliver/internal/spelling"
	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/safepath"
)

// adopt makes the place at path a Maildir with an identity, and returns that.
func (o *Options) adopt(path string) (string, error) {
	if err := o.makeOuter(path); err != nil {
		return "", err
	}
	found, err := look(path)
	if err != nil {
		return "", err
	}
	if found != isMaildir {
		if err := create(path); err != nil {
			return "", disk.Failed("create", path, err)
		}
	}
	root, err := disk.Dir(path)
	if err != nil {
		return "", disk.Failed("open", path, err)
	}
	defer root.Close()
	id, _, err := readIDIn(root.File)
	if err == nil {
		return id, nil
	} else if !errors.Is(err, errNoID) {
		return "", badID(path, err)
	}
	var random [idBytes]byte
	if _, err := io.ReadFull(o.Rand, random[:]); err != nil {
		return "", disk.Failed("create", path, fmt.Errorf("no random bytes: %w", err))
	}
	id = spelling.Base32.EncodeToString(random[:])
	err = durable.CreateFile(root.File, idFile, []byte(id+"\n"), 0o600)
	if errors.Is(err, fs.ErrExist) {
		id, _, err = readIDIn(root.File) // another account was faster
	}
	return id, disk.Failed("create", path, err)
}

var folders = []string{"tmp", "new", "cur"}

// create makes the directories and makes them durable, from the inside out.
func create(path string) error {
	above, err := disk.Dir(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer above.Close()
	root, err := disk.Dir(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := safepath.MakeAt(above.File, filepath.Base(path)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		root, err = disk.Dir(path)
	}
	if err != nil {
		return err
	}
	defer root.Close()
	if err := populate(root, path); err != nil {
		return err
	}
	for _, name := range folders {
		f, err := safepath.DirAt(root.File, name)
		if err != nil {
			return err
		}
		if err := errors.Join(durable.SyncDir(f), f.Close()); err != nil {
			return err
		}
	}
	return errors.Join(durable.SyncDir(root.File), durable.SyncDir(above.File))
}

// populate makes what a Maildir consists of. go-maildir knows that, but goes by the path, which is good only where nobody
// else can change what it means.
func populate(root safepath.Shared, path string) error {
	if root.Fault == nil {
		return gomaildir.Dir(path).Init()
	}
	for _, name := range folders {
		if err := safepath.MakeAt(root.File, name); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// open opens the place for use.
func (m *Target) open(path, id string) error {
	if err := m.Close(); err != nil {
		return err
	}
	if err := disk.Writable(path, "tmp", "new"); err != nil {
		return err
	}
	p, err := openPlace(path, id)
	if err != nil {
		return disk.Failed("open", path, err)
	}
	b, err := durable.OpenBarrier(p.tmp)
	if err != nil {
		p.close()
		return disk.Failed("open", path, err)
	}
	m.place, m.barrier = p, b
	return nil
}

// badID is for an identity that cannot be read at a place that was never met.
func badID(path string, err error) error {
	if errors.Is(err, errBadID) {
		return disk.Refused(path, err.Error(), "restore "+idFile+" from a backup, or remove it if no popsync uses this Maildir")
	}
	return disk.Failed("open", path, err)
}
