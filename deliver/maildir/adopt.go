package maildir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	gomaildir "github.com/emersion/go-maildir"

	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/deliver/internal/spelling"
	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/safepath"
)

// adopt makes the place at path a Maildir with an identity, opens it, and returns both.
func (o *Options) adopt(path string) (id string, root safepath.Shared, err error) {
	if err := o.makeOuter(path); err != nil {
		return "", root, err
	}
	found, err := look(path)
	if err != nil {
		return "", root, err
	}
	if found != isMaildir {
		if root, err = create(path); err != nil {
			return "", root, disk.Failed("create", path, err)
		}
	} else if root, err = disk.Dir(path); err != nil {
		return "", root, disk.Failed("open", path, err)
	}
	if id, err = o.adoptIn(root, path); err != nil {
		root.Close()
	}
	return id, root, err
}

func (o *Options) adoptIn(root safepath.Shared, path string) (string, error) {
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

// create makes the directories, makes them durable, from the inside out, and opens the Maildir.
func create(path string) (root safepath.Shared, err error) {
	above, err := disk.Dir(filepath.Dir(path))
	if err != nil {
		return root, err
	}
	defer above.Close()
	made := safepath.MakeAt(above.File, filepath.Base(path))
	if root, err = disk.Dir(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) && made != nil && !errors.Is(made, fs.ErrExist) {
			err = made
		}
		return root, err
	}
	if err := createIn(root, above.File, path); err != nil {
		root.Close()
		return safepath.Shared{}, err
	}
	return root, nil
}

func createIn(root safepath.Shared, above *os.File, path string) error {
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
	return errors.Join(durable.SyncDir(root.File), durable.SyncDir(above))
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

// open opens the place for use. root is the Target's from now on.
func (m *Target) open(root safepath.Shared, path, id string) error {
	err := m.Close()
	if err == nil {
		err = disk.WritableIn(root.File, path, "tmp", "new")
	}
	if err != nil {
		root.Close()
		return err
	}
	p, err := openPlaceIn(root, path, id)
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
