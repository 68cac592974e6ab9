//go:build !linux

package guard

import "golang.org/x/sys/unix"

// NoDump sees to it that the memory of the process, which holds passwords for moments, is not written to a core dump.
func NoDump() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }
