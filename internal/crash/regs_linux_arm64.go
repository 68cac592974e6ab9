package crash

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const auditArch = unix.AUDIT_ARCH_AARCH64

// watchedOld is empty: the calls that take no descriptor of a directory do not exist here.
var watchedOld []uint32

func describeOld(int, *info) (c Call, ok bool) { return c, false }

var watchedOldPaths []uint32

func describeOldPath(int, *info) (c Call, ok bool) { return c, false }

// skipCall makes the call at whose entry a thread stands return an error instead: the kernel carries no call -1 out and
// leaves the result, register x0, as it finds it. The number of the call is a register set of its own.
func skipCall(tid int, errno unix.Errno) error {
	var r unix.PtraceRegs
	if err := unix.PtraceGetRegSetArm64(tid, unix.NT_PRSTATUS, (*unix.PtraceRegsArm64)(&r)); err != nil {
		return err
	}
	r.Regs[0] = -uint64(errno)
	if err := unix.PtraceSetRegSetArm64(tid, unix.NT_PRSTATUS, (*unix.PtraceRegsArm64)(&r)); err != nil {
		return err
	}
	const systemCall = 0x404 // NT_ARM_SYSTEM_CALL
	nr := int32(-1)
	iov := unix.Iovec{Base: (*byte)(unsafe.Pointer(&nr)), Len: uint64(unsafe.Sizeof(nr))}
	_, _, e := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SETREGSET, uintptr(tid), systemCall, uintptr(unsafe.Pointer(&iov)), 0, 0)
	if e != 0 {
		return e
	}
	return nil
}
