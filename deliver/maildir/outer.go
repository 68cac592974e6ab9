package maildir

import (
	"os"
	"path/filepath"

	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/internal/safepath"
)

// A Maildir may be a folder of another one (Maildir++: .Work in it), which another account delivers to. Whoever comes first makes
// both, by the same rules: what the outer one lies in must be there.

// outer is Options.Outer if it is right above a path, else "".
func (o *Options) outer(path string) string {
	if o.Outer == "" {
		return ""
	}
	outer, err := filepath.Abs(o.Outer)
	if err != nil || outer != filepath.Dir(path) {
		return ""
	}
	return outer
}

// makeOuter makes it if it is not there yet. It gets its identity when it is delivered to. What is wrong with it is not this one's
// trouble, unless it lies in nothing.
func (o *Options) makeOuter(path string) error {
	outer := o.outer(path)
	if outer == "" {
		return nil
	}
	if found, err := look(outer); err != nil || found == isMaildir {
		return nil
	}
	root, err := create(outer)
	if err != nil {
		return disk.Failed("create", outer, err)
	}
	return root.Close()
}

// lookAhead is look for what makeOuter would leave, without making anything.
func (o *Options) lookAhead(path string) (at string, found condition, err error) {
	if outer := o.outer(path); outer != "" {
		if found, err = look(outer); err == nil && found == isMissing {
			return outer, found, nil
		}
	}
	found, err = look(path)
	return path, found, err
}

// isFolder tells whether what has a name in a directory that is no Maildir yet is a folder of it (Maildir++).
func isFolder(root *os.File, name string) bool {
	if name[0] != '.' {
		return false
	}
	sub, err := safepath.DirAt(root, name)
	if err != nil {
		return false
	}
	defer sub.Close()
	if whole, err := parts(sub); err != nil || whole {
		return err == nil
	}
	empty, err := unfinished(sub)
	return err == nil && empty
}
