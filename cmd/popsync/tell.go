package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/terminal"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// tell prints one statement, broken into lines on a terminal.
func (a *app) tell(format string, args ...any) {
	width := 0 // what is no terminal gets whole lines
	if a.outTerm {
		width, _ = a.outSize()
	}
	fmt.Fprintln(a.out, screen.Wrap(words.Clip(fmt.Sprintf(format, args...)), "  ", width))
}

// confirm asks the person at the terminal. Where there is none, what is asked must have been said by --yes. again is the
// command line with it.
func (a *app) confirm(ctx context.Context, question, again string) (bool, error) {
	if !terminal.Is(a.in) {
		return false, fail(exitUsage, "there is no terminal to ask on: to do it without a question say: popsync %s", again)
	}
	width := 0
	if a.errTerm {
		width, _ = a.errSize()
	}
	fmt.Fprintf(a.err, "%s (yes/no) ", screen.Wrap(words.Clip(question), "  ", width))
	answer := make(chan string, 1)
	go func() { answer <- line(a.in) }() // it cannot be interrupted, and ends with the process
	select {
	case said := <-answer:
		switch strings.ToLower(strings.TrimSpace(said)) {
		case "yes", "y":
			return true, nil
		}
		a.tell("nothing was changed")
		return false, nil
	case <-ctx.Done():
		fmt.Fprintln(a.err)
		return false, fail(exitTemp, "stopped; nothing was changed")
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

// unlessBusy words the error of a command that has to wait for a pass; others are judged.
func unlessBusy(name string, err error) error {
	if errors.Is(err, uidl.ErrBusy) {
		return &exitError{exitTemp, nextstep.With(fmt.Errorf("%s: a pass is running, so nothing was changed", name), "say it again when the pass has ended")}
	}
	return judged(err)
}

// begin is the command that has an account's next pass begin now.
func (a *app) begin(ctx context.Context, cfg *config.Config, name string) string {
	if _, _, err := a.findDaemon(ctx, cfg); err == nil {
		return "popsync wake " + name
	}
	return "popsync run " + name
}
