//go:build linux

package terminal

import "golang.org/x/sys/unix"

const (
	getTermios  = unix.TCGETS
	setTermios  = unix.TCSETS
	dropTermios = unix.TCSETSF // and forgets what was typed
)
