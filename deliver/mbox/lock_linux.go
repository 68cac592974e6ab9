package mbox

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile locks a file by fcntl, without waiting. The lock is the descriptor's, not the process's: it keeps other Senders of this process out,
// which alone tells, and is not lost when one of them closes the file.
func lockFile(f *os.File) (alone bool, err error) {
	return true, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Whence: 0})
}
