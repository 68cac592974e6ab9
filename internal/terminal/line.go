package terminal

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Line prints a question on out and reads a line from the terminal in, which is shown while it is typed. The end of ctx ends it at
// once. io.EOF: the terminal gives no more.
func Line(ctx context.Context, in *os.File, out io.Writer, question string) (string, error) {
	fd := int(in.Fd())
	fmt.Fprint(out, question)
	line, err := readLine(ctx, fd)
	if err != nil {
		fmt.Fprintln(out)
	}
	if ctx.Err() != nil { // part of an answer must not be taken for a command by whoever reads next
		if was, err := unix.IoctlGetTermios(fd, getTermios); err == nil {
			_ = unix.IoctlSetTermios(fd, dropTermios, was)
		}
		return "", ctx.Err()
	}
	return line, err
}
