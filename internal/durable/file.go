package durable

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
)

// WriteFile makes path hold exactly data, replacing what was there; perm is used as it is but for the umask. After a
// crash path is the old file or the new one, whole. nil means that it survives a power cut. A crash may leave a file
// named .NAME.RANDOM beside it.
func WriteFile(path string, data []byte, perm os.FileMode) error {
	return writeFile(path, data, perm, replace(path))
}

// WriteShared is WriteFile with exactly the mode perm, whatever the umask, for a file that other users read.
func WriteShared(path string, data []byte, perm os.FileMode) error {
	rename := replace(path)
	return writeFile(path, data, 0o600, func(dir *os.File, tmp string) error {
		// Before the rename: nobody may meet the new file while it is closed to him.
		if err := os.Chmod(filepath.Join(dir.Name(), tmp), perm); err != nil {
			return err
		}
		return rename(dir, tmp)
	})
}

func replace(path string) func(dir *os.File, tmp string) error {
	return func(dir *os.File, tmp string) error {
		return os.Rename(filepath.Join(filepath.Dir(path), tmp), path)
	}
}

// CreateFile is WriteFile for a file that must not exist yet: then the error is an fs.ErrExist and nothing changed.
func CreateFile(path string, data []byte, perm os.FileMode) error {
	return writeFile(path, data, perm, func(dir *os.File, tmp string) error {
		return RenameNoReplace(dir, tmp, dir, filepath.Base(path))
	})
}

func writeFile(path string, data []byte, perm os.FileMode, rename func(dir *os.File, tmp string) error) (err error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	tmp := fmt.Sprintf(".%s.%s", filepath.Base(path), rand.Text())
	full := filepath.Join(dir.Name(), tmp)
	f, err := os.OpenFile(full, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(full)
		}
	}()
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if err := rename(dir, tmp); err != nil {
		return err
	}
	return SyncDir(dir)
}
