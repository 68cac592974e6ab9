package spool

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
)

// asideSuffix is of a message that a ledger which may have forgotten it did not name: kept for a person to look at, and
// for nobody else.
const asideSuffix = ".aside"

// SetAside renames each message that no held ticket names to NAME.aside (NAME.sent to NAME.sent.aside), durably. From then
// on it is neither counted nor swept, and no ticket opens it. n is how many this call has renamed, where the folder; after an
// error some may be renamed, and the next call goes on.
//
// A held ticket of a newer popsync might name anything, so then nothing is renamed.
func (s *Target) SetAside(held []deliver.Ticket) (n int, where string, err error) {
	if err := s.identified("set aside"); err != nil {
		return 0, "", err
	}
	keep, err := named("set aside", s.path, held)
	if err != nil {
		return 0, s.path, err
	}
	files, err := list(s.dir)
	if err != nil {
		return 0, s.path, s.failed("set aside", err)
	}
	moved := map[string]bool{}
	var errs []error
	for _, file := range files {
		name := strings.TrimSuffix(file, sentSuffix)
		if keep[name] {
			continue
		}
		if err := s.setAside(file); err != nil {
			errs = append(errs, err)
			continue
		}
		moved[name] = true
	}
	if len(moved) > 0 {
		// Without this a power cut could bring the old names back, for a later Sweep to remove.
		errs = append(errs, s.barrier.Sync(nil, s.dir))
	}
	errs = append(errs, s.scan(nil))
	return len(moved), s.path, s.failed("set aside", errors.Join(errs...))
}

func (s *Target) setAside(file string) error {
	err := s.rename(s.dir, file, s.dir, file+asideSuffix)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	// Where the system has no such rename, an interruption leaves both names of one file.
	was, err1 := disk.StatAt(s.dir, file)
	is, err2 := disk.StatAt(s.dir, file+asideSuffix)
	if err1 != nil || err2 != nil || was.Ino != is.Ino {
		return err
	}
	if err := unix.Unlinkat(int(s.dir.Fd()), file, 0); err != nil {
		return &os.PathError{Op: "unlink", Path: file, Err: err}
	}
	return nil
}
