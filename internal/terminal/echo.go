package terminal

import "golang.org/x/sys/unix"

// echoOff makes a terminal, whose settings are these, show nothing of what is typed and give it by lines, until it is
// restored. Ctrl-C stays a signal.
func echoOff(fd int, t unix.Termios) error {
	t.Lflag &^= unix.ECHO
	t.Lflag |= unix.ICANON | unix.ISIG
	t.Iflag |= unix.ICRNL
	return unix.IoctlSetTermios(fd, setTermios, &t)
}
