package command

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/program"
)

const hintFiles = "raise the limit of open files (ulimit -n), or lower 'parallel'"

// ending is how a command ended.
type ending struct {
	code    int            // exit code; negative when a signal ended it, or nobody knows
	signal  syscall.Signal // the signal; 0 for none
	stopped error          // why popsync sent it a signal; nil when it ended by itself
	said    string         // standard error, else standard output; printable, clipped
}

// run starts the command and waits for its end. The error is about the start: then nothing ran.
func (s *Sender) run(ctx context.Context, args, env []string, stdin *os.File) (ending, error) {
	stdout, stderr := &program.Output{Head: keepOutput, Tail: keepOutput}, &program.Output{Head: keepOutput, Tail: keepOutput}
	end, err := program.Run(ctx, program.Job{
		Args: args, Env: env, Dir: s.o.Dir, Stdin: stdin, Stdout: stdout, Stderr: stderr,
		Timeout: s.o.Timeout, Grace: s.grace, Hurry: s.hurry, Drain: s.drain, Running: s.o.Running,
	})
	if err != nil {
		return ending{}, err
	}
	e := ending{code: end.Code, signal: end.Signal, stopped: end.Stopped}
	if !end.Alive {
		e.said = cmp.Or(said(stderr), said(stdout))
	}
	return e, nil
}

// notStarted is about the machine or the settings, never about a message.
func (s *Sender) notStarted(err error) error {
	e := &deliver.Error{Op: "start", Place: s.Place(), Scope: deliver.WholeTarget, Err: err}
	var path *fs.PathError
	if errors.As(err, &path) {
		e.Err = path.Err // it would say the path again
		if path.Op == "chdir" {
			e.Op, e.Place = "enter", path.Path
			e.Hint = "see 'dir' of this destination"
			return e
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Hint = "if the file is there, the program named in its first line is not"
	case errors.Is(err, fs.ErrPermission):
		e.Hint = "let the user that runs popsync execute it"
	case errors.Is(err, syscall.ENOEXEC):
		e.Hint = "a script needs a first line such as #!/bin/sh"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		e.Hint = hintFiles
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM):
		e.Hint = "too many processes or too little memory: lower 'parallel'"
	}
	return e
}
