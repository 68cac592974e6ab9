package durable

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// canSyncfs tells whether syncfs reports the write-back errors of every file (since Linux 5.8) on a filesystem where
// that was tried: elsewhere it may sync less, or report nothing.
func canSyncfs(fd int) bool {
	var fs unix.Statfs_t
	var uts unix.Utsname
	if unix.Fstatfs(fd, &fs) != nil || unix.Uname(&uts) != nil || !atLeast(unix.ByteSliceToString(uts.Release[:]), 5, 8) {
		return false
	}
	switch int64(fs.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC:
		return true
	}
	return false
}

// atLeast compares a kernel release such as "6.1.0-13-amd64" with major.minor. What it cannot read is too old.
func atLeast(release string, major, minor int) bool {
	first, rest, _ := strings.Cut(release, ".")
	digits := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if digits >= 0 {
		rest = rest[:digits]
	}
	a, err := strconv.Atoi(first)
	b, err2 := strconv.Atoi(rest)
	if err != nil || err2 != nil {
		return false
	}
	return a > major || a == major && b >= minor
}

func syncfs(dir *os.File) error {
	return untilDone(func() error { return unix.Syncfs(int(dir.Fd())) })
}
