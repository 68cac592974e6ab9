package safepath

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// rule says what a folder that is opened must be.
type rule int

const (
	ours   rule = iota // nobody else can change it or what leads to it, nor put anything into it
	onWay              // the same, but others may have put things of theirs into it: it is sticky
	others             // anything
)

// Dir opens a folder that is ours: it and all on the way to it can be changed by nobody else. A sticky one that all may
// write to is none. An error of another kind than *Error is the system's.
func Dir(path string) (*os.File, error) {
	d, _, err := open(path, ours)
	return d, err
}

// Shared is a folder that was opened although others may have it, or folders on the way to it.
type Shared struct {
	*os.File
	Fault *Error // why others can change what is in it; nil: they cannot, and then its path can be relied on
	World *Error // the first folder on the way, or this one, that every user can change; nil: none
}

// SharedDir opens a folder that others may have. No link was followed where they could have put it.
func SharedDir(path string) (Shared, error) {
	d, f, err := open(path, others)
	if err != nil {
		return Shared{}, err
	}
	return Shared{d, f.fault, f.world}, nil
}

// SharedDirAt opens a folder, which is no link, in an open one, and tells of it alone whether others may change it.
func SharedDirAt(dir *os.File, name string) (Shared, error) {
	d, err := DirAt(dir, name)
	if err != nil {
		return Shared{}, err
	}
	f := &folder{fd: int(d.Fd()), path: d.Name()}
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		d.Close()
		return Shared{}, wrong("stat", d.Name(), err)
	}
	_ = (&walker{shared: true}).judge(f, nil, &st) // nothing is refused where others may be
	return Shared{d, f.fault, f.world}, nil
}

func open(path string, r rule) (*os.File, *folder, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, err
	}
	w := &walker{shared: r == others}
	defer w.close()
	e, err := w.walk(abs)
	switch {
	case err != nil:
		return nil, nil, err
	case e.name == ".":
	case e.st == nil:
		return nil, nil, wrong("open", abs, unix.ENOENT)
	case e.magic || e.st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return nil, nil, wrong("open", abs, unix.ENOTDIR)
	default:
		if err := w.enter(e.name); err != nil {
			return nil, nil, err
		}
	}
	d, err := w.stand(abs, r)
	return d, w.here(), err
}

// stand opens the folder where the walker is for reading.
func (w *walker) stand(path string, r rule) (*os.File, error) {
	here := w.here()
	if here.sticky && r == ours {
		var st unix.Stat_t
		if err := unix.Fstat(here.fd, &st); err != nil {
			return nil, wrong("stat", here.path, err)
		}
		return nil, w.othersWrite(here, &st)
	}
	fd, err := openat(here.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC)
	if err != nil {
		return nil, wrong("open", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}
