package floor

import (
	"os"

	"golang.org/x/sys/unix"
)

// sync makes all that was written to the Maildir's filesystem durable, in one call.
func (m *maildir) sync([]string) error {
	return os.NewSyscallError("syncfs", unix.Syncfs(int(m.barrier.Fd())))
}
