//go:build unix && !linux

package mbox

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile locks a file by fcntl, without waiting. It keeps other processes out, and no other Sender of this one.
func lockFile(f *os.File) (alone bool, err error) {
	return false, unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Whence: 0})
}
