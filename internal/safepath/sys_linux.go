package safepath

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// folderFlags open a folder that may be entered, readable or not.
const folderFlags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC

// lookFlags open a file to look at it, whether or not it may be read.
const lookFlags = unix.O_PATH | unix.O_CLOEXEC

const groupFiles = true

// fdPath is a path to what a descriptor has open: one that only enters a folder tells nothing of it.
func fdPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// hasList tells whether an access list may let more users in than the mode says. What cannot be asked may have one.
func hasList(path string) bool {
	n, err := unix.Getxattr(path, "system.posix_acl_access", nil)
	return n > 0 || err != nil && err != unix.ENODATA && err != unix.EOPNOTSUPP
}

// onProc tells whether a folder is one of the kernel's own, below /proc.
func onProc(fd int) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(fd, &st) == nil && st.Type == unix.PROC_SUPER_MAGIC
}
