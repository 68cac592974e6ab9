package crash

import (
	"golang.org/x/sys/unix"
)

const auditArch = unix.AUDIT_ARCH_X86_64

// watchedOld are the calls that describeOld knows.
var watchedOld = []uint32{unix.SYS_OPEN, unix.SYS_CREAT, unix.SYS_MKDIR, unix.SYS_RENAME, unix.SYS_LINK, unix.SYS_UNLINK, unix.SYS_RMDIR}

// watchedOldPaths are those of RunPaths.
var watchedOldPaths = []uint32{unix.SYS_STAT, unix.SYS_LSTAT, unix.SYS_ACCESS, unix.SYS_READLINK, unix.SYS_CHMOD, unix.SYS_CHOWN, unix.SYS_LCHOWN, unix.SYS_SYMLINK}

// describeOldPath is describeOld for RunPaths.
func describeOldPath(tid int, i *info) (c Call, ok bool) {
	a := i.args
	name, ok := map[uint64]string{
		unix.SYS_OPEN: "open", unix.SYS_STAT: "stat", unix.SYS_LSTAT: "stat", unix.SYS_ACCESS: "access", unix.SYS_READLINK: "readlink",
		unix.SYS_CHMOD: "chmod", unix.SYS_CHOWN: "chown", unix.SYS_LCHOWN: "chown", unix.SYS_SYMLINK: "symlink",
	}[i.nr]
	if !ok {
		return c, false
	}
	if name == "symlink" {
		a[0] = a[1]
	}
	return Call{Name: name, Path: text(tid, a[0])}, true
}

// describeOld knows the calls that newer architectures do not have any more.
func describeOld(tid int, i *info) (c Call, ok bool) {
	a := i.args
	switch int(i.nr) {
	case unix.SYS_OPEN:
		if a[1]&unix.O_CREAT == 0 {
			return c, false
		}
		c = Call{Name: "openat", Path: text(tid, a[0])}
	case unix.SYS_CREAT:
		c = Call{Name: "openat", Path: text(tid, a[0])}
	case unix.SYS_MKDIR:
		c = Call{Name: "mkdir", Path: text(tid, a[0])}
	case unix.SYS_RENAME:
		c = Call{Name: "rename", Path: text(tid, a[0]), To: text(tid, a[1])}
	case unix.SYS_LINK:
		c = Call{Name: "link", Path: text(tid, a[0]), To: text(tid, a[1])}
	case unix.SYS_UNLINK, unix.SYS_RMDIR:
		c = Call{Name: "unlink", Path: text(tid, a[0])}
	default:
		return c, false
	}
	return c, true
}

// skipCall makes the call at whose entry a thread stands return an error instead: the kernel carries no call -1 out and
// leaves the result as it finds it.
func skipCall(tid int, errno unix.Errno) error {
	var r unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &r); err != nil {
		return err
	}
	r.Orig_rax = ^uint64(0)
	r.Rax = -uint64(errno)
	return unix.PtraceSetRegs(tid, &r)
}
