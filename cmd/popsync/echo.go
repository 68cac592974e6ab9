package main

import "golang.org/x/sys/unix"

// echoOff makes a terminal show nothing of what is typed, until it is restored.
func echoOff(fd int) error {
	t, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return err
	}
	t.Lflag &^= unix.ECHO
	return unix.IoctlSetTermios(fd, setTermios, t)
}
