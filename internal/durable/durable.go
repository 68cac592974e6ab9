// Package durable makes files survive a power cut: synced writes, directory syncs, renames that never replace, and a
// barrier for many files at once. It is the only package of popsync that may rename or sync.
//
// It decides nothing about mail, retries no failed sync (the kernel reports a write-back error once and may say OK the
// next time) and logs nothing. Directories are given as open descriptors where a name could come to mean something else
// in the meantime. Built for Unix systems; Linux gets one syncfs for many files where that can be trusted.
package durable

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// SyncDir makes the names in a directory durable. A filesystem that cannot sync directories at all says so with EINVAL
// or ENOTSUP; that is no error, since nothing more can be done there.
func SyncDir(dir *os.File) error {
	err := dir.Sync()
	if err == nil || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return fmt.Errorf("syncing a directory: %w", err)
}
