package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/popsync/popsync/config"
)

// prompt asks the person at the terminal. Accounts that ask at the same time wait for each other, and lines of the log wait
// for the answer.
func (a *app) prompt(c config.Account) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		a.asking.Lock()
		defer a.asking.Unlock()
		if err := ctx.Err(); err != nil { // while another account asked
			return "", err
		}
		fd := int(a.in.Fd())
		if !term.IsTerminal(fd) {
			return "", errors.New("no password is configured, and there is no terminal to ask on: set password_file or password_command")
		}
		defer a.live.hold()()
		defer a.lines.hold()()
		return a.ask(ctx, fd, fmt.Sprintf("Password for %s at %s (account %s): ", printable(c.Username), printable(c.Host), c.Name))
	}
}

// ask prints a question and reads a line that is not shown. The end of ctx ends it at once. However it ends, the terminal is
// as it was before anything else is printed.
func (a *app) ask(ctx context.Context, fd int, question string) (string, error) {
	was, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return "", err
	}
	restore := func() { _ = unix.IoctlSetTermios(fd, setTermios, was) }
	defer a.undo.add(restore)()
	defer fmt.Fprintln(a.err) // the line end that was typed was not shown either
	defer restore()
	if err := echoOff(fd, *was); err != nil { // before the question: who types at once is not shown
		return "", err
	}
	fmt.Fprint(a.err, question)
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
