package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/popsync/popsync/deliver"
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
	var stdout, stderr capture
	cmd := &exec.Cmd{
		Path: args[0], Args: args, Env: env, Dir: s.o.Dir, Stdin: stdin, Stdout: &stdout, Stderr: &stderr,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
		WaitDelay:   s.drain,
	}
	if err := cmd.Start(); err != nil {
		return ending{}, err
	}
	defer s.o.Running(cmd.Process.Pid)()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	timeout := time.NewTimer(s.o.Timeout)
	defer timeout.Stop()

	var stopped error
	grace := s.grace
	select {
	case <-ended:
	case <-timeout.C:
		stopped = fmt.Errorf("no end within %v", s.o.Timeout)
	case <-ctx.Done():
		stopped, grace = ctx.Err(), s.hurry
	}
	if stopped != nil && !stop(cmd, ended, grace) {
		return ending{code: -1, stopped: fmt.Errorf("%w, and SIGKILL does not end it", stopped)}, nil
	}
	end := ending{code: -1, stopped: stopped, said: stderr.said()}
	if end.said == "" {
		end.said = stdout.said()
	}
	// What Wait returned does not matter: a descendant that keeps the output open is no failure.
	if state := cmd.ProcessState; state != nil {
		end.code = state.ExitCode()
		if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			end.signal = ws.Signal()
		}
	}
	return end, nil
}

// stop ends the command and what it started, by SIGKILL after the time of grace, and tells whether it has ended. The group's
// number cannot be somebody else's: it stays taken until the command was waited for and the last member is gone, and the last
// signal follows at once.
func stop(cmd *exec.Cmd, ended <-chan error, grace time.Duration) bool {
	group := -cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM) // errors: it is gone
	select {
	case <-ended:
		_ = syscall.Kill(group, syscall.SIGKILL) // descendants that ignored SIGTERM
		return true
	case <-time.After(grace):
	}
	_ = syscall.Kill(group, syscall.SIGKILL)
	_ = cmd.Process.Kill() // it may have left its group
	select {
	case <-ended:
		return true
	case <-time.After(grace): // it hangs in the kernel; the lane must not
		return false
	}
}

// closeInherited sees to it that descriptors which popsync was given when it was started, by a careless parent, are not
// passed on. All that Go opens is closed in a command anyway.
func closeInherited() {
	open, _ := os.ReadDir("/dev/fd") // where there is none there is nothing to be done
	for _, f := range open {
		if fd, err := strconv.Atoi(f.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
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
