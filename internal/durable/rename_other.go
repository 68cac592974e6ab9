//go:build unix && !linux && !darwin

package durable

import "golang.org/x/sys/unix"

// renameExclusive does not exist here, so that every rename is link and unlink.
func renameExclusive(int, string, int, string) error { return unix.ENOSYS }
