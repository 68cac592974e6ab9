package durable

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// WriteFile makes the file of a name in an open folder hold exactly data, replacing what was there; perm is used as it is
// but for the umask. After a crash the name has the old file or the new one, whole. nil means that it survives a power cut.
// A crash may leave a file named .NAME.RANDOM beside it.
//
// All goes by descriptors: whatever others put into the folder meanwhile, nothing outside it is touched.
func WriteFile(dir *os.File, name string, data []byte, perm os.FileMode) error {
	return writeFile(dir, name, fill(data), perm, nil, replace)
}

// WriteShared is WriteFile with exactly the mode perm, whatever the umask, for a file that other users read.
func WriteShared(dir *os.File, name string, data []byte, perm os.FileMode) error {
	// Before the rename: nobody may meet the new file while it is closed to him.
	open := func(f *os.File) error { return f.Chmod(perm) }
	return writeFile(dir, name, fill(data), 0o600, open, replace)
}

// CreateFile is WriteFile for a file that must not exist yet: then the error is an fs.ErrExist and nothing changed.
func CreateFile(dir *os.File, name string, data []byte, perm os.FileMode) error {
	return writeFile(dir, name, fill(data), perm, nil, noReplace)
}

// CreateFrom is CreateFile for what is too much to hold in memory: write gives it to w. Its error ends it, and then nothing
// is left behind.
func CreateFrom(dir *os.File, name string, perm os.FileMode, write func(w io.Writer) error) error {
	return writeFile(dir, name, func(f *os.File) error {
		w := bufio.NewWriterSize(f, 256<<10)
		if err := write(w); err != nil {
			return err
		}
		return w.Flush()
	}, perm, nil, noReplace)
}

func fill(data []byte) func(*os.File) error {
	return func(f *os.File) error {
		_, err := f.Write(data)
		return err
	}
}

func noReplace(dir *os.File, tmp, name string) error { return RenameNoReplace(dir, tmp, dir, name) }

func replace(dir *os.File, tmp, name string) error {
	fd := int(dir.Fd())
	err := untilDone(func() error { return unix.Renameat(fd, tmp, fd, name) })
	if err != nil {
		return &os.LinkError{Op: "rename", Old: tmp, New: filepath.Join(dir.Name(), name), Err: err}
	}
	return nil
}

func writeFile(dir *os.File, name string, write func(*os.File) error, perm os.FileMode, made func(*os.File) error,
	rename func(dir *os.File, tmp, name string) error) (err error) {
	tmp := fmt.Sprintf(".%s.%s", name, rand.Text())
	f, err := createAt(dir, tmp, perm)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = unix.Unlinkat(int(dir.Fd()), tmp, 0) // the first error counts
		}
	}()
	if made != nil {
		err = made(f)
	}
	if err == nil {
		err = write(f)
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if err := rename(dir, tmp, name); err != nil {
		return err
	}
	return SyncDir(dir)
}

// createAt makes a file that is not there yet, through no link.
func createAt(dir *os.File, name string, perm os.FileMode) (*os.File, error) {
	var fd int
	err := untilDone(func() (err error) {
		fd, err = unix.Openat(int(dir.Fd()), name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, uint32(perm.Perm()))
		return err
	})
	path := filepath.Join(dir.Name(), name)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}
