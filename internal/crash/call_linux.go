//go:build linux && (amd64 || arm64)

package crash

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Call is one system call at its entry.
type Call struct {
	// Name is write, pwrite64, writev, sendto, sendmsg, fsync, fdatasync, syncfs, ftruncate, fallocate, openat (with
	// O_CREAT), mkdir, rename, link or unlink, whatever the exact call was.
	Name string
	// Path is the file, by its descriptor or its name: absolute, or as the program gave it; "socket" and "pipe" for
	// these, "anon" for what the kernel makes (event and timer descriptors). For rename and link it is the old name.
	Path  string
	To    string // new name of a rename or link
	Bytes int    // to be written
	Head  []byte // up to 64 octets of what goes into a socket
}

func (c Call) String() string {
	s := c.Name + " " + c.Path
	if c.To != "" {
		s += " -> " + c.To
	}
	if c.Bytes > 0 {
		s += fmt.Sprintf(" (%d octets)", c.Bytes)
	}
	if len(c.Head) > 0 {
		s += fmt.Sprintf(" %q", c.Head)
	}
	return s
}

// info is struct ptrace_syscall_info, which names calls and arguments the same way on every architecture.
type info struct {
	op   uint8
	_    [3]uint8
	arch uint32
	ip   uint64
	sp   uint64
	nr   uint64
	args [6]uint64
	_    uint64 // more at other stops
}

const (
	getSyscallInfo = 0x420e // PTRACE_GET_SYSCALL_INFO, since Linux 5.3
	opSeccomp      = 3      // of a stop that a filter asked for
)

func callInfo(tid int) (*info, error) {
	var i info
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, getSyscallInfo, uintptr(tid), unsafe.Sizeof(i), uintptr(unsafe.Pointer(&i)), 0, 0)
	if errno != 0 {
		return nil, errno
	}
	return &i, nil
}

// describe tells what a call is about; false for calls that are not watched.
func describe(tid int, i *info) (c Call, ok bool) {
	a := i.args
	switch int(i.nr) {
	case unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_SENDTO:
		c = Call{Name: map[uint64]string{unix.SYS_WRITE: "write", unix.SYS_PWRITE64: "pwrite64", unix.SYS_SENDTO: "sendto"}[i.nr],
			Path: descriptor(tid, a[0]), Bytes: int(a[2])}
		if c.Path == "socket" {
			c.Head = memory(tid, a[1], min(c.Bytes, 64))
		}
	case unix.SYS_WRITEV, unix.SYS_PWRITEV, unix.SYS_SENDMSG:
		c = Call{Name: map[uint64]string{unix.SYS_WRITEV: "writev", unix.SYS_PWRITEV: "writev", unix.SYS_SENDMSG: "sendmsg"}[i.nr],
			Path: descriptor(tid, a[0])}
	case unix.SYS_FSYNC:
		c = Call{Name: "fsync", Path: descriptor(tid, a[0])}
	case unix.SYS_FDATASYNC:
		c = Call{Name: "fdatasync", Path: descriptor(tid, a[0])}
	case unix.SYS_SYNCFS:
		c = Call{Name: "syncfs", Path: descriptor(tid, a[0])}
	case unix.SYS_FTRUNCATE:
		c = Call{Name: "ftruncate", Path: descriptor(tid, a[0])}
	case unix.SYS_FALLOCATE:
		c = Call{Name: "fallocate", Path: descriptor(tid, a[0])}
	case unix.SYS_OPENAT:
		if a[2]&unix.O_CREAT == 0 {
			return c, false
		}
		c = Call{Name: "openat", Path: at(tid, a[0], a[1])}
	case unix.SYS_MKDIRAT:
		c = Call{Name: "mkdir", Path: at(tid, a[0], a[1])}
	case unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2:
		c = Call{Name: "rename", Path: at(tid, a[0], a[1]), To: at(tid, a[2], a[3])}
	case unix.SYS_LINKAT:
		c = Call{Name: "link", Path: at(tid, a[0], a[1]), To: at(tid, a[2], a[3])}
	case unix.SYS_UNLINKAT:
		c = Call{Name: "unlink", Path: at(tid, a[0], a[1])}
	default:
		return describeOld(tid, i)
	}
	return c, true
}

// descriptor names what a descriptor refers to.
func descriptor(tid int, fd uint64) string {
	s, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, int32(fd)))
	if err != nil {
		return "closed"
	}
	if !strings.HasPrefix(s, "/") {
		kind, _, _ := strings.Cut(s, ":")
		return strings.TrimSuffix(kind, "_inode")
	}
	return s
}

// at resolves a name relative to a directory's descriptor.
func at(tid int, dir, name uint64) string {
	s := text(tid, name)
	if strings.HasPrefix(s, "/") || int32(dir) == unix.AT_FDCWD {
		return s
	}
	return filepath.Join(descriptor(tid, dir), s)
}

// text reads a string that ends in NUL.
func text(tid int, addr uint64) string {
	b := memory(tid, addr, unix.PathMax)
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return string(b[:i])
	}
	return string(b)
}

// memory reads up to n octets; fewer where the mapping ends.
func memory(tid int, addr uint64, n int) []byte {
	b := make([]byte, n)
	got := 0
	for got < n { // page by page: a read that touches an unmapped page returns nothing of it
		page := os.Getpagesize()
		step := min(n-got, page-int((addr+uint64(got))%uint64(page)))
		local := []unix.Iovec{{Base: &b[got]}}
		local[0].SetLen(step)
		k, err := unix.ProcessVMReadv(tid, local, []unix.RemoteIovec{{Base: uintptr(addr) + uintptr(got), Len: step}}, 0)
		if err != nil || k == 0 {
			break
		}
		got += k
		if bytes.IndexByte(b[got-k:got], 0) >= 0 {
			break
		}
	}
	return b[:got]
}
