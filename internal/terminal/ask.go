package terminal

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Ask prints a question on out and reads a line from the terminal in that is not shown. The end of ctx ends it at once.
// However it ends, the terminal is as it was before anything else is printed. guard is given what puts the terminal right,
// for whoever has to end the process meanwhile, and what it returns is called when that is not needed any more.
func Ask(ctx context.Context, in *os.File, out io.Writer, question string, guard func(restore func()) (done func())) (string, error) {
	fd := int(in.Fd())
	was, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return "", err
	}
	restore := func() { _ = unix.IoctlSetTermios(fd, setTermios, was) }
	defer guard(restore)()
	defer fmt.Fprintln(out) // the line end that was typed was not shown either
	defer restore()
	if err := echoOff(fd, *was); err != nil { // before the question: who types at once is not shown
		return "", err
	}
	fmt.Fprint(out, question)
	line, err := readLine(ctx, fd)
	if ctx.Err() != nil { // part of a password must not be taken for a command by whoever reads next
		_ = unix.IoctlSetTermios(fd, dropTermios, was)
		return "", ctx.Err()
	}
	return line, err
}

// readLook is how often a prompt looks whether it has to end.
const readLook = 50 * time.Millisecond

// readLine reads a line from a terminal without its end. io.EOF: there is none.
func readLine(ctx context.Context, fd int) (string, error) {
	var line []byte
	buf := make([]byte, 4096) // a terminal gives no more at once
	for ctx.Err() == nil {
		var ready unix.FdSet
		ready.Set(fd)
		look := unix.NsecToTimeval(int64(readLook))
		n, err := unix.Select(fd+1, &ready, nil, nil, &look)
		if err == nil && n > 0 {
			n, err = unix.Read(fd, buf)
			if err == nil && n == 0 && len(line) == 0 {
				return "", io.EOF
			}
			if err == nil {
				line = append(line, buf[:n]...)
				if text, _, whole := bytes.Cut(line, []byte("\n")); whole || n == 0 {
					return string(bytes.TrimSuffix(text, []byte("\r"))), nil
				}
			}
		}
		if err != nil && err != unix.EINTR && err != unix.EAGAIN {
			return "", err
		}
	}
	return "", ctx.Err()
}
