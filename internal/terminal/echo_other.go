//go:build !linux

package terminal

import "golang.org/x/sys/unix"

const (
	getTermios  = unix.TIOCGETA
	setTermios  = unix.TIOCSETA
	dropTermios = unix.TIOCSETAF // and forgets what was typed
)
