//go:build !linux

package durable

import (
	"os"

	"golang.org/x/sys/unix"
)

func systemStartWrite(*os.File, int64, int64) error { return unix.ENOSYS }
