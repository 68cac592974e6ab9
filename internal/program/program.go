// Package program runs programs of the user's: the command of a destination, of an alarm, of a password, of a connection. Each is
// run directly, never by a shell, in a process group of its own, for a bounded time; what it prints is bounded too. When it has to
// end, all of its group does. Only one that carries a connection runs for as long as its caller wants, and talks to it: see Start.
//
// Its callers are deliver/command, internal/dialer, internal/notify, internal/oauth/tokens and internal/secret. Theirs is what the
// program reads, what its exit code means, which of its words may be repeated, and to have internal/safepath find, before each run, that nobody else could have
// replaced it.
package program

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Job is one run of a program.
type Job struct {
	Args    []string      // the program and its arguments, all of them literal
	Path    string        // where the program lies; "": at Args[0]
	Env     []string      // its environment; nil: popsync's own. See Environ
	Dir     string        // its working directory; "": popsync's own
	Stdin   *os.File      // what it reads, which stays the caller's; nil: nothing
	Stdout  *Output       // keeps what it prints; nil: that goes nowhere
	Stderr  *Output       // the same
	Timeout time.Duration // how long it may run
	Grace   time.Duration // when that is over: from SIGTERM to SIGKILL, and then until it is given up; 0: SIGKILL at once
	Hurry   time.Duration // the same when the context ends
	Drain   time.Duration // for descendants that keep its output open after it has ended

	// Running is told the process group of the program when it was started, and what it returns is called when that has ended:
	// for whoever must end at once and leave nothing behind. nil: nobody asks.
	Running func(group int) (ended func())
}

// patience is how long a program that was sent SIGKILL without grace may take to end.
const patience = 10 * time.Second

// End is how a program ended.
type End struct {
	Code   int            // exit code; negative when a signal ended it, or nobody knows
	Signal syscall.Signal // the signal; 0 for none
	Err    error          // nil: exit code 0; else "exit status 1", "signal: killed" and the like
	// Stopped is why it was sent a signal: its time was over, or the error of the context; nil: it ended by itself. It may have
	// ended well nevertheless, just then: see Err.
	Stopped error
	Alive   bool // not even SIGKILL has ended it; its output may still grow
}

// Run starts a program and waits for its end. The error is about the start: then nothing ran. When Run has returned the program
// has ended, unless it is Alive; a descendant that outlived it by itself goes on.
func Run(ctx context.Context, j Job) (End, error) {
	cmd := j.command()
	if j.Stdin != nil {
		cmd.Stdin = j.Stdin
	}
	if j.Stdout != nil {
		cmd.Stdout = j.Stdout
	}
	if err := cmd.Start(); err != nil {
		return End{}, err
	}
	if j.Running != nil {
		defer j.Running(cmd.Process.Pid)()
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	timeout := time.NewTimer(j.Timeout)
	defer timeout.Stop()

	var end End
	grace := j.Grace
	select {
	case <-ended:
	case <-timeout.C:
		end.Stopped = fmt.Errorf("no end within %v", j.Timeout)
	case <-ctx.Done():
		end.Stopped, grace = ctx.Err(), j.Hurry
	}
	if end.Stopped != nil && !stop(cmd, ended, grace) {
		err := fmt.Errorf("%w, and SIGKILL does not end it", end.Stopped)
		return End{Code: -1, Err: err, Stopped: err, Alive: true}, nil
	}
	end.Code, end.Signal, end.Err = ending(cmd.ProcessState)
	return end, nil
}

func (j *Job) command() *exec.Cmd {
	cmd := &exec.Cmd{
		Path: cmp.Or(j.Path, j.Args[0]), Args: j.Args, Env: j.Env, Dir: j.Dir,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
		WaitDelay:   j.Drain,
	}
	if j.Stderr != nil {
		cmd.Stderr = j.Stderr
	}
	return cmd
}

// Find is where a program lies: one that is named without a folder is looked up in PATH, and exec.ErrNotFound if it is not there.
func Find(name string) (string, error) {
	if filepath.Base(name) != name {
		return name, nil
	}
	return exec.LookPath(name)
}

// ending reads how a program ended. What Wait returned beside it does not matter: a descendant that keeps the output open is no
// failure.
func ending(state *os.ProcessState) (code int, signal syscall.Signal, err error) {
	if state == nil {
		return -1, 0, errors.New("its end was missed")
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		signal = ws.Signal()
	}
	if !state.Success() {
		err = &exec.ExitError{ProcessState: state}
	}
	return state.ExitCode(), signal, err
}

// stop ends the program and what it started, by SIGKILL after the time of grace, and tells whether it has ended. The group's
// number cannot be somebody else's: it stays taken until the program was waited for and the last member is gone, and the last
// signal follows at once.
func stop(cmd *exec.Cmd, ended <-chan error, grace time.Duration) bool {
	group := -cmd.Process.Pid
	wait := patience
	if grace > 0 {
		wait = grace
		_ = syscall.Kill(group, syscall.SIGTERM) // errors: it is gone
		select {
		case <-ended:
			_ = syscall.Kill(group, syscall.SIGKILL) // descendants that ignored SIGTERM
			return true
		case <-time.After(grace):
		}
	}
	_ = syscall.Kill(group, syscall.SIGKILL)
	_ = cmd.Process.Kill() // it may have left its group
	select {
	case <-ended:
		return true
	case <-time.After(wait): // it hangs in the kernel; whoever waits for it must not
		return false
	}
}
