package safepath

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// OpenAt opens a name in an open folder, never through a link and without waiting for the other end of a FIFO. A file that
// it makes gets perm, less the umask.
func OpenAt(dir *os.File, name string, flags int, perm os.FileMode) (*os.File, error) {
	flags |= unix.O_NOFOLLOW | unix.O_CLOEXEC
	if flags&unix.O_EXCL == 0 { // what is made is no FIFO, and asking the poller for it costs a call
		flags |= unix.O_NONBLOCK
	}
	fd, err := openat(int(dir.Fd()), name, flags, uint32(perm.Perm()))
	path := filepath.Join(dir.Name(), name)
	if err != nil {
		return nil, wrong("open", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// OpenOwn is OpenAt for a file that is written in place where others may be: it must be a regular file of this user's, and
// the name its only one, so that what is written comes into no other file that somebody linked here.
func OpenOwn(dir *os.File, name string, flags int, perm os.FileMode) (*os.File, error) {
	return openWritten(dir, name, flags, perm, true)
}

// OpenOurs is OpenOwn in a folder that is ours: there the file may have other names, as some ways to back up give it.
func OpenOurs(dir *os.File, name string, flags int, perm os.FileMode) (*os.File, error) {
	return openWritten(dir, name, flags, perm, false)
}

func openWritten(dir *os.File, name string, flags int, perm os.FileMode, only bool) (*os.File, error) {
	f, err := OpenAt(dir, name, flags, perm)
	if err != nil {
		return nil, err
	}
	var open, there unix.Stat_t
	if err = unix.Fstat(int(f.Fd()), &open); err == nil {
		err = statAt(int(dir.Fd()), name, &there)
	}
	switch {
	case err != nil:
		err = wrong("stat", f.Name(), err)
	case open.Mode&unix.S_IFMT != unix.S_IFREG:
		err = wrong("open", f.Name(), ErrNotFile)
	case int(open.Uid) != os.Geteuid():
		err = foreign(f.Name(), open.Uid)
	case only && (there.Dev != open.Dev || there.Ino != open.Ino || there.Nlink != 1):
		err = linked(f.Name()) // in one look: a second name could be gone by the time of another
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// StatAt tells of a name in an open folder, and of a link that it is one.
func StatAt(dir *os.File, name string) (st unix.Stat_t, err error) {
	if err := statAt(int(dir.Fd()), name, &st); err != nil {
		return st, wrong("stat", filepath.Join(dir.Name(), name), err)
	}
	return st, nil
}

// LookAt judges a file in a folder that is ours, by owner and mode, without opening it. The error is an *Error, or the
// system's.
func LookAt(dir *os.File, name string) error {
	st, err := StatAt(dir, name)
	if err != nil {
		return err
	}
	if fault := (&walker{}).judgeFile(fdPath(int(dir.Fd()))+"/"+name, filepath.Join(dir.Name(), name), &st); fault != nil {
		return fault
	}
	return nil
}

// RemoveAt removes a name from an open folder: a file, a link, or an empty folder. That nothing has it is no error.
func RemoveAt(dir *os.File, name string) error {
	fd := int(dir.Fd())
	err := again(func() error { return unix.Unlinkat(fd, name, 0) })
	if err == unix.EISDIR || err == unix.EPERM {
		if e := again(func() error { return unix.Unlinkat(fd, name, unix.AT_REMOVEDIR) }); e != unix.ENOTDIR {
			err = e
		}
	}
	if err != nil && err != unix.ENOENT {
		return wrong("remove", filepath.Join(dir.Name(), name), err)
	}
	return nil
}

// ChmodAt changes the mode of what has a name in a folder that is ours: it follows a link, which nobody else can have made
// there. For files that can be opened there is (*os.File).Chmod.
func ChmodAt(ours *os.File, name string, perm os.FileMode) error {
	if err := again(func() error { return unix.Fchmodat(int(ours.Fd()), name, uint32(perm.Perm()), 0) }); err != nil {
		return wrong("chmod", filepath.Join(ours.Name(), name), err)
	}
	return nil
}

// MakeAt makes a folder, 0700, in an open one. The error is an fs.ErrExist if anything has the name.
func MakeAt(dir *os.File, name string) error {
	if err := again(func() error { return unix.Mkdirat(int(dir.Fd()), name, 0o700) }); err != nil {
		return wrong("mkdir", filepath.Join(dir.Name(), name), err)
	}
	return nil
}

// DirAt opens a folder in an open one, for reading.
func DirAt(dir *os.File, name string) (*os.File, error) {
	return OpenAt(dir, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
}

// NamesAt gives the names in an open folder, read from its beginning by a descriptor of its own.
func NamesAt(dir *os.File) ([]string, error) {
	d, err := DirAt(dir, ".")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

func openat(dir int, name string, flags int, perm ...uint32) (fd int, err error) {
	mode := uint32(0)
	if len(perm) > 0 {
		mode = perm[0]
	}
	err = again(func() (err error) {
		fd, err = unix.Openat(dir, name, flags, mode)
		return err
	})
	return fd, err
}

func statAt(dir int, name string, st *unix.Stat_t) error {
	return again(func() error { return unix.Fstatat(dir, name, st, unix.AT_SYMLINK_NOFOLLOW) })
}

// again repeats a system call that a signal interrupted, as network filesystems allow.
func again(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}
