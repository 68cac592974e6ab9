package durable

import (
	"os"

	"golang.org/x/sys/unix"
)

// systemStartWrite asks to begin, never to wait: waiting would take an error away from the sync that is to report it
// (sync_file_range(2)).
func systemStartWrite(f *os.File, off, n int64) error {
	return untilDone(func() error {
		return unix.SyncFileRange(int(f.Fd()), off, n, unix.SYNC_FILE_RANGE_WRITE)
	})
}
