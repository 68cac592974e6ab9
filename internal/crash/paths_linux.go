//go:build linux && (amd64 || arm64)

package crash

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// watchedPaths are the further calls of RunPaths that every architecture has.
var watchedPaths = []uint32{
	unix.SYS_OPENAT2, unix.SYS_NEWFSTATAT, unix.SYS_FSTAT, unix.SYS_STATX, unix.SYS_READLINKAT, unix.SYS_FACCESSAT,
	unix.SYS_FACCESSAT2, unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT,
	unix.SYS_TRUNCATE, unix.SYS_GETDENTS64, unix.SYS_EXECVE, unix.SYS_SYMLINKAT, unix.SYS_GETXATTR, unix.SYS_UTIMENSAT,
}

// describePath knows the calls that only look, or change what is no content.
func describePath(tid int, i *info) (c Call, ok bool) {
	a := i.args
	switch int(i.nr) {
	case unix.SYS_OPENAT, unix.SYS_OPENAT2:
		c = Call{Name: "open", Path: at(tid, a[0], a[1])}
	case unix.SYS_NEWFSTATAT, unix.SYS_STATX:
		c = Call{Name: "stat", Path: at(tid, a[0], a[1])}
	case unix.SYS_FSTAT:
		c = Call{Name: "stat", Path: descriptor(tid, a[0])}
	case unix.SYS_READLINKAT:
		c = Call{Name: "readlink", Path: at(tid, a[0], a[1])}
	case unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2:
		c = Call{Name: "access", Path: at(tid, a[0], a[1])}
	case unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2:
		c = Call{Name: "chmod", Path: at(tid, a[0], a[1])}
	case unix.SYS_FCHMOD:
		c = Call{Name: "chmod", Path: descriptor(tid, a[0])}
	case unix.SYS_FCHOWNAT:
		c = Call{Name: "chown", Path: at(tid, a[0], a[1])}
	case unix.SYS_FCHOWN:
		c = Call{Name: "chown", Path: descriptor(tid, a[0])}
	case unix.SYS_UTIMENSAT:
		c = Call{Name: "utimes", Path: at(tid, a[0], a[1])}
	case unix.SYS_SYMLINKAT:
		c = Call{Name: "symlink", Path: at(tid, a[1], a[2])}
	case unix.SYS_GETDENTS64:
		c = Call{Name: "getdents", Path: descriptor(tid, a[0])}
	case unix.SYS_TRUNCATE:
		c = Call{Name: "truncate", Path: text(tid, a[0])}
	case unix.SYS_EXECVE:
		c = Call{Name: "exec", Path: text(tid, a[0])}
	case unix.SYS_GETXATTR:
		c = Call{Name: "xattr", Path: text(tid, a[0])}
	default:
		return describeOldPath(tid, i)
	}
	c.Path = filepath.Clean(c.Path)
	return c, true
}
