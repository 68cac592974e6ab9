package safepath

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const maxLinks = 40 // as many as Linux follows

// folder is one that is open, on the way to what is looked for.
type folder struct {
	fd     int
	path   string // without links
	fault  *Error // why others can change what is in it or take its place; nil: they cannot
	world  *Error // the first on the way that everybody can change
	sticky bool   // others can add to it, but only change what is theirs
	all    bool   // so can everybody
}

// walker goes along a path. Its folders are those from / to where it is; close closes them.
type walker struct {
	shared bool // folders of others are entered
	strict bool // no group is private
	way    []*folder
	links  int
}

func (w *walker) here() *folder { return w.way[len(w.way)-1] }

func (w *walker) close() {
	for _, f := range w.way {
		unix.Close(f.fd)
	}
}

// entry is what a path leads to: a name in the folder where the walker stands. It is no link, but for a magic one.
type entry struct {
	name  string       // "." for the folder itself
	st    *unix.Stat_t // nil: nothing is there
	magic bool         // a descriptor of this process, below /proc: the kernel knows what it is
}

// walk goes to the last folder of an absolute path and says what the path's last name is there.
func (w *walker) walk(path string) (entry, error) {
	fd, err := openat(unix.AT_FDCWD, "/", folderFlags)
	if err != nil {
		return entry{}, wrong("open", "/", err)
	}
	root := &folder{fd: fd, path: "/"}
	w.way = append(w.way, root)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return entry{}, wrong("stat", "/", err)
	}
	if err := w.judge(root, nil, &st); err != nil {
		return entry{}, err
	}
	rest := strings.Split(path, "/")
	for {
		for len(rest) > 0 && (rest[0] == "" || rest[0] == ".") {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return entry{name: "."}, nil
		}
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			w.up()
			continue
		}
		here := w.here()
		last := true
		for _, r := range rest {
			last = last && r == ""
		}
		if !last { // a folder, as a rule
			if err := w.enter(name); !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, unix.ELOOP) {
				if err != nil {
					return entry{}, err
				}
				continue
			}
		}
		var st unix.Stat_t
		err := statAt(here.fd, name, &st)
		switch {
		case err == unix.ENOENT && last:
			return entry{name: name}, nil
		case err != nil:
			return entry{}, wrong("open", filepath.Join(here.path, name), err)
		case st.Mode&unix.S_IFMT == unix.S_IFLNK:
			if last && here.descriptors() {
				return entry{name: name, st: &st, magic: true}, nil
			}
			target, err := w.follow(here, name, &st)
			if err != nil {
				return entry{}, err
			}
			if strings.HasPrefix(target, "/") {
				for len(w.way) > 1 {
					w.up()
				}
			}
			rest = append(strings.Split(target, "/"), rest...)
		case last:
			return entry{name: name, st: &st}, nil
		default:
			if err := w.enter(name); err != nil {
				return entry{}, err
			}
		}
	}
}

// up goes back to the folder above, which is the one that we came through: nobody can have moved that one.
func (w *walker) up() {
	if len(w.way) > 1 {
		unix.Close(w.here().fd)
		w.way = w.way[:len(w.way)-1]
	}
}

// enter opens a folder, which is no link, and stands in it then.
func (w *walker) enter(name string) error {
	here := w.here()
	path := filepath.Join(here.path, name)
	fd, err := openat(here.fd, name, folderFlags|unix.O_NOFOLLOW)
	if err != nil {
		return wrong("open", path, err)
	}
	f := &folder{fd: fd, path: path}
	w.way = append(w.way, f)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return wrong("stat", path, err)
	}
	return w.judge(f, here, &st)
}

// follow reads a link, if nobody else can have put it there.
func (w *walker) follow(here *folder, name string, st *unix.Stat_t) (string, error) {
	path := filepath.Join(here.path, name)
	if fault := here.entryFault(path, st); fault != nil {
		mend := "name what it leads to instead of the link"
		if fault.Path == path { // it is the link that is another's, not a folder
			mend = "chown -h " + self() + " " + Quote(path)
		}
		return "", &Error{path, path + " is a symbolic link that others can change: " + fault.Why, mend}
	}
	if w.links++; w.links > maxLinks {
		return "", wrong("open", path, unix.ELOOP)
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(here.fd, name, buf)
	if err != nil {
		return "", wrong("readlink", path, err)
	}
	if n == 0 {
		return "", wrong("readlink", path, unix.ENOENT)
	}
	return string(buf[:n]), nil
}

// descriptors tells whether a folder has the descriptors of a process, whose links are none: /dev/stdin leads there.
func (f *folder) descriptors() bool {
	rest, ok := strings.CutPrefix(f.path, "/proc/")
	return ok && strings.HasSuffix(rest, "/fd") && onProc(f.fd)
}

func wrong(op, path string, err error) error { return &fs.PathError{Op: op, Path: path, Err: err} }
