// Package console is the command line that a person reads and types at: it says things in lines that fit, asks, and complains. It also
// sees to it that a command ends when it is told to, and that the terminal and programs are as they were then.
//
// All commands use it, and the rooms that do their work. What it prints was made harmless before: see internal/screen.
package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/terminal"
	"github.com/popsync/popsync/internal/words"
)

// Console is where a command reads and writes.
type Console struct {
	In       *os.File
	Out, Err io.Writer
	// OutTerm and ErrTerm tell whether a person is watching.
	OutTerm, ErrTerm bool
	// OutSize and ErrSize are the sizes of the terminals, in characters; 0: not known.
	OutSize, ErrSize func() (width, height int)
	// Undo is what is to be put right if the process ends at once; nil: nothing is, as it does not.
	Undo *Undo
}

// Standard is the console of this process.
func Standard() *Console {
	return &Console{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		OutTerm: terminal.Is(os.Stdout), ErrTerm: terminal.Is(os.Stderr),
		OutSize: sizeOf(os.Stdout), ErrSize: sizeOf(os.Stderr),
	}
}

func sizeOf(f *os.File) func() (width, height int) {
	return func() (width, height int) { return terminal.Size(f) }
}

// Width is how wide the lines of standard output may be; 0: what is no terminal gets whole lines.
func (c *Console) Width() int {
	if !c.OutTerm {
		return 0
	}
	width, _ := c.OutSize()
	return width
}

// Tell prints one statement, broken into lines on a terminal.
func (c *Console) Tell(format string, args ...any) {
	width := c.Width()
	fmt.Fprintln(c.Out, screen.Wrap(words.Clip(fmt.Sprintf(format, args...)), "  ", width))
}

// Confirm asks the person at the terminal. Where there is none, what is asked must have been said by --yes. again is the
// command line with it.
func (c *Console) Confirm(ctx context.Context, question, again string) (bool, error) {
	if !terminal.Is(c.In) {
		return false, exit.Errorf(exit.Usage, "there is no terminal to ask on: to do it without a question say: popsync %s", again)
	}
	width := 0
	if c.ErrTerm {
		width, _ = c.ErrSize()
	}
	fmt.Fprintf(c.Err, "%s (yes/no) ", screen.Wrap(words.Clip(question), "  ", width))
	answer := make(chan string, 1)
	go func() { answer <- line(c.In) }() // it cannot be interrupted, and ends with the process
	select {
	case said := <-answer:
		switch strings.ToLower(strings.TrimSpace(said)) {
		case "yes", "y":
			return true, nil
		}
		c.Tell("nothing was changed")
		return false, nil
	case <-ctx.Done():
		fmt.Fprintln(c.Err)
		return false, exit.Errorf(exit.Temp, "stopped; nothing was changed")
	}
}

// line reads up to the end of a line, and no further.
func line(r io.Reader) string {
	var b strings.Builder
	for octet := make([]byte, 1); b.Len() < 100; {
		n, err := r.Read(octet)
		if n == 0 || err != nil || octet[0] == '\n' {
			break
		}
		b.WriteByte(octet[0])
	}
	return b.String()
}

// Complain says what ended a command, and the next step if there is one. A terminal gets lines that fit it; what is read by
// a program, whole ones.
func (c *Console) Complain(text, hint string) {
	width := 0
	if c.ErrTerm && c.ErrSize != nil {
		width, _ = c.ErrSize()
	}
	for i, line := range strings.Split(text, "\n") {
		if i == 0 {
			line = "popsync: " + line
		}
		if width > 0 && line == strings.TrimLeft(line, " \t") {
			line = screen.Wrap(line, "  ", width)
		}
		fmt.Fprintln(c.Err, line)
	}
	if hint == "" {
		return
	}
	if hint = "Next step: " + hint; width > 0 {
		hint = screen.Wrap(hint, "  ", width)
	}
	fmt.Fprintln(c.Err, hint)
}

// Printed is the end of a command: what could not be written makes it fail, unless it failed for another reason already,
// which tells more.
func Printed(out *screen.Output, err error) error {
	lost := out.Err()
	if ours, _ := errors.AsType[*exit.Error](err); lost == nil || ours != nil {
		return err
	}
	return exit.With(exit.IO, nextstep.With(fmt.Errorf("standard output: %w", lost), "see that there is room where it leads to; what was done stays done"))
}
