package safepath

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// MakeDir opens a folder as Dir does, and makes it first, 0700, if it is missing. sync is called with the folder above a new
// one, to make it last.
func MakeDir(path string, sync func(above *os.File) error) (*os.File, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	w := &walker{}
	defer w.close()
	e, err := w.walk(abs)
	if err != nil {
		return nil, err
	}
	if e.name != "." {
		if e.st == nil {
			if err := w.make(e.name, sync); err != nil {
				return nil, err
			}
		} else if e.magic || e.st.Mode&unix.S_IFMT != unix.S_IFDIR {
			return nil, wrong("open", abs, unix.ENOTDIR)
		}
		if err := w.enter(e.name); err != nil {
			return nil, err
		}
	}
	return w.stand(abs, ours)
}

// make makes a folder where the walker is. Another process may be faster.
func (w *walker) make(name string, sync func(above *os.File) error) error {
	above, err := w.stand(w.here().path, onWay)
	if err != nil {
		return err
	}
	defer above.Close()
	if err := MakeAt(above, name); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return sync(above)
}

// MakeDirs is MakeDir for a folder whose folders above may be missing too.
func MakeDirs(path string, sync func(above *os.File) error) (*os.File, error) {
	d, err := MakeDir(path, sync)
	above := filepath.Dir(path)
	if !errors.Is(err, fs.ErrNotExist) || above == path {
		return d, err
	}
	// Above may be sticky, as /tmp is, where Dir would not have it.
	if err := nearest(above); errors.Is(err, fs.ErrNotExist) {
		if d, err := MakeDirs(above, sync); err != nil {
			return nil, err
		} else if err := d.Close(); err != nil {
			return nil, err
		}
	}
	return MakeDir(path, sync)
}

// Check looks whether MakeDirs could have a folder, without making any, and tells the nearest that is there. Whether files
// can be made there is not looked at.
func Check(path string) (there string, err error) {
	d, err := Dir(path)
	if err == nil {
		return path, d.Close()
	}
	for errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) != path {
		path = filepath.Dir(path)
		err = nearest(path)
	}
	return path, err
}

// nearest looks at a folder that may be sticky.
func nearest(path string) error {
	d, _, err := open(path, onWay)
	if err != nil {
		return err
	}
	return d.Close()
}
