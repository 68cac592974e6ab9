package secret

import (
	"os"
	"syscall"
)

// As statfs(2) has them.
const (
	tmpfs    = 0x01021994
	readOnly = 0x1
)

// fixedInMemory tells that a file lies on a tmpfs that is mounted read-only.
func fixedInMemory(f *os.File) bool {
	var st syscall.Statfs_t
	if err := syscall.Fstatfs(int(f.Fd()), &st); err != nil {
		return false
	}
	return st.Type == tmpfs && st.Flags&readOnly != 0
}
