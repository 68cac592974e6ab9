package maildir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/internal/safepath"
)

// condition is what was found at the path.
type condition int

const (
	isMaildir condition = iota
	isEmpty             // an empty directory, or one where making a Maildir was interrupted
	isMissing           // nothing, under an existing parent
)

// look says what is at a path that the ledger never met, or why popsync cannot use it. Another account may be making the
// Maildir at this moment, so what looks wrong is looked at again.
func look(path string) (condition, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if link, err := os.Lstat(path); err == nil {
			if link.Mode()&fs.ModeSymlink == 0 {
				return look(path) // made meanwhile
			}
			return 0, disk.Refused(path, "a symbolic link that leads nowhere", "make its target, or remove the link")
		}
		if parent, err := os.Stat(filepath.Dir(path)); err != nil || !parent.IsDir() {
			return 0, disk.Refused(path, "its parent directory does not exist", "make "+filepath.Dir(path)+
				" first, or mount it: popsync makes a Maildir, but not what it lies in")
		}
		return isMissing, nil
	} else if errors.Is(err, unix.ENOTDIR) {
		return 0, disk.Refused(path, "its parent is not a directory", "name another path")
	} else if err != nil {
		return 0, disk.Failed("open", path, err)
	}
	if !info.IsDir() {
		return 0, disk.Refused(path, "not a directory", "name the directory of a Maildir; mbox files are not supported")
	}
	root, err := disk.Dir(path)
	if err != nil {
		return 0, disk.Failed("open", path, err)
	}
	defer root.Close()
	whole, err := parts(root.File)
	if err != nil || whole {
		return isMaildir, err
	}
	if unfinished, err := unfinished(root.File); err != nil {
		return 0, disk.Failed("open", path, err)
	} else if !unfinished {
		if whole, err := parts(root.File); err != nil || whole {
			return isMaildir, err // finished meanwhile
		}
		return 0, disk.Refused(path, "neither a Maildir (it lacks cur, new or tmp) nor empty",
			"name a Maildir, an empty directory, or a path that does not exist yet")
	}
	return isEmpty, nil
}

// parts tells whether cur, new and tmp are all there.
func parts(root *os.File) (whole bool, err error) {
	whole = true
	for _, name := range []string{"cur", "new", "tmp"} {
		st, err := disk.StatAt(root, name)
		switch {
		case err == unix.ENOENT:
			whole = false
		case err != nil:
			return false, disk.Failed("open", root.Name(), err)
		case st.Mode&unix.S_IFMT != unix.S_IFDIR:
			return false, notFolder(root.Name(), name, st)
		}
	}
	return whole, nil
}

// notFolder is for a Maildir in which a link or a file has the name of one of its folders. The mail that is behind a link is
// somewhere else than its identity says, so no word of a person makes it one that is used.
func notFolder(path, name string, st unix.Stat_t) error {
	inside := filepath.Join(path, name)
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return disk.Refused(path, name+" in it is not a directory", "move away what has that name, and say: mkdir -m 700 "+safepath.Quote(inside))
	}
	hint := "put the folder itself in place of the link: popsync follows none inside a Maildir, since a rename does not reach another filesystem"
	if name == "tmp" {
		hint = "say: rm " + safepath.Quote(inside) + " && mkdir -m 700 " + safepath.Quote(inside) + "; popsync follows no link inside a Maildir, since a rename does not reach another filesystem"
	}
	return disk.Refused(path, name+" in it is a symbolic link", hint)
}

// unfinished tells whether a directory holds nothing but what making a Maildir may have left when it was interrupted, and
// folders of it.
func unfinished(root *os.File) (bool, error) {
	names, err := safepath.NamesAt(root)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		if !slices.Contains(folders, name) {
			if isFolder(root, name) {
				continue
			}
			return false, nil
		}
		sub, err := safepath.DirAt(root, name)
		if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
			return false, nil
		} else if err != nil {
			return false, err
		}
		inside, err := safepath.NamesAt(sub)
		sub.Close()
		if err != nil || len(inside) > 0 {
			return false, err
		}
	}
	return true, nil
}
