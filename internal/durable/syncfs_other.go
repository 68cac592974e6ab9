//go:build !linux

package durable

import (
	"os"

	"golang.org/x/sys/unix"
)

func canSyncfs(int) bool { return false }

func syncfs(*os.File) error { return unix.ENOSYS }
