package secret

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/program"
	"github.com/popsync/popsync/internal/safepath"
)

const (
	commandTime  = 60 * time.Second // a person may have to unlock something
	commandGrace = 2 * time.Second  // for descendants that keep its output open after it has ended
)

var errTooMuch = fmt.Errorf("printed more than %d bytes", maxSize)

// output runs a program and returns the first line that it prints; what follows is ignored, because password stores
// print notes after the password. The program gets the environment, an empty standard input and a process group of its
// own, which is killed when the time is over. It must not read from the terminal; an agent or a window may.
func output(ctx context.Context, argv []string) (secret, hint string, err error) {
	return outputWithin(ctx, argv, commandTime, commandGrace)
}

func outputWithin(ctx context.Context, argv []string, within, grace time.Duration) (secret, hint string, err error) {
	path, hint, err := find(argv[0])
	if err != nil {
		return "", hint, err
	}
	stdout := &program.Output{Head: maxSize, Refuse: errTooMuch}
	// What it says on standard error goes nowhere: it might be the secret.
	end, err := program.Run(ctx, program.Job{Args: argv, Path: path, Stdout: stdout, Timeout: within, Drain: grace})
	if err != nil {
		return "", "", fmt.Errorf("can't be run: %w", cause(err))
	}
	said, _, full := stdout.Kept()
	switch {
	case full: // the writer's error made the program end by a broken pipe
		return "", "", errTooMuch
	case end.Err == nil:
		line, _, _ := strings.Cut(said, "\n")
		return strings.TrimSuffix(line, "\r"), "", nil
	case end.Stopped != nil && ctx.Err() != nil:
		return "", "", context.Cause(ctx)
	case end.Stopped != nil:
		return "", "", fmt.Errorf("no answer within %v", within)
	}
	return "", "run it yourself to see what it says", end.Err
}

// find looks for a program, and whether others could change it.
func find(name string) (path, hint string, err error) {
	path, err = program.Find(name)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", "is it installed, and in the PATH that popsync has?", errors.New("program not found")
	case err != nil:
		return "", "", fmt.Errorf("can't be run: %w", err)
	}
	// It is looked at where it was found: a folder earlier in PATH that others may write to can only be in the way.
	if err := safepath.Program(path, true); mend(err) != "" { // any other error comes when it is run
		return "", mend(err), fmt.Errorf("can't be run: %w", err)
	}
	return path, "", nil
}

// CheckCommand looks whether the program of a Command may be run, and runs nothing. The error is an *Error; nil for other Sources.
func (s Source) CheckCommand() error {
	if len(s.Command) == 0 {
		return nil
	}
	path, hint, err := find(s.Command[0])
	if err == nil {
		err = cause(safepath.Program(path, true))
	}
	if err == nil {
		return nil
	}
	name, _ := s.choose()
	return &Error{Source: name, Err: err, Hint: hint}
}
