//go:build linux && (amd64 || arm64)

package crash

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A program that stops at every system call is several times slower than one that stops only where it matters. A
// process can limit its stops, but only for itself and what it becomes. So Run does not start the program but this test
// binary once more, which sets the filter and turns into the program, before any test or other package begins.
const (
	become   = "POPSYNC_CRASH_BECOME" // path of the program
	seePaths = "POPSYNC_CRASH_PATHS"  // set: with the calls that only look
)

func init() {
	path, ok := os.LookupEnv(become)
	if !ok {
		return
	}
	runtime.LockOSThread() // the filter is the thread's
	_, paths := os.LookupEnv(seePaths)
	err := errors.Join(os.Unsetenv(become), os.Unsetenv(seePaths))
	if err == nil {
		err = setFilter(paths)
	}
	if err == nil {
		err = syscall.Exec(path, os.Args, os.Environ())
	}
	fmt.Fprintln(os.Stderr, "crash:", err)
	os.Exit(127)
}

// watched are the calls that describe knows and every architecture has.
var watched = []uint32{
	unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_SENDTO, unix.SYS_WRITEV, unix.SYS_PWRITEV, unix.SYS_SENDMSG, unix.SYS_FSYNC,
	unix.SYS_FDATASYNC, unix.SYS_SYNCFS, unix.SYS_FTRUNCATE, unix.SYS_FALLOCATE, unix.SYS_MKDIRAT, unix.SYS_RENAMEAT,
	unix.SYS_RENAMEAT2, unix.SYS_LINKAT, unix.SYS_UNLINKAT,
}

// setFilter has the thread stop for its tracer at the watched calls (seccomp, RET_TRACE); all others go on unseen.
func setFilter(paths bool) error {
	const number, architecture, thirdArgument = 0, 4, 16 + 2*8 // in struct seccomp_data; the low half, both are little-endian
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	jump := func(test uint16, k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, K: k, Jt: yes, Jf: no}
	}
	end := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	program := []unix.SockFilter{
		load(architecture),
		jump(unix.BPF_JEQ, auditArch, 1, 0),
		end(unix.SECCOMP_RET_ALLOW),
		load(number),
		jump(unix.BPF_JEQ, unix.SYS_OPENAT, 0, 4),
		load(thirdArgument),
		jump(unix.BPF_JSET, unix.O_CREAT, 0, 1),
		end(unix.SECCOMP_RET_TRACE),
		end(unix.SECCOMP_RET_ALLOW),
	}
	calls := slices.Concat(watched, watchedOld)
	if paths {
		program[6].Jf = 0 // every openat
		calls = slices.Concat(calls, watchedPaths, watchedOldPaths)
	}
	for _, nr := range calls {
		program = append(program, jump(unix.BPF_JEQ, nr, 0, 1), end(unix.SECCOMP_RET_TRACE))
	}
	program = append(program, end(unix.SECCOMP_RET_ALLOW))
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&fprog)), 0, 0); err != nil {
		return fmt.Errorf("seccomp: %w", err)
	}
	return nil
}
