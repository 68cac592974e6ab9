package program

import (
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Talk is a program that runs while its caller talks to it.
type Talk struct {
	In  *os.File // what it reads; closing it is the caller's
	Out *os.File // what it prints; closing it is the caller's

	cmd   *exec.Cmd
	ended chan struct{} // closed when it has
	end   End           // once it has
}

// Start starts a program whose standard input and output are the caller's. Stdin, Stdout, Timeout, Grace and Hurry of the Job mean
// nothing here. The error is about the start: then nothing runs. The caller ends it with Stop, also when it has ended by itself.
func Start(j Job) (*Talk, error) {
	in, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	theirs, out, err := os.Pipe()
	if err != nil {
		ours.Close()
		return nil, err
	}
	defer out.Close()
	t := &Talk{In: ours, Out: theirs, cmd: j.command(), ended: make(chan struct{})}
	t.cmd.Stdin, t.cmd.Stdout = in, out
	if err := t.cmd.Start(); err != nil {
		ours.Close()
		theirs.Close()
		return nil, err
	}
	over := func() {}
	if j.Running != nil {
		over = j.Running(t.cmd.Process.Pid)
	}
	go func() {
		_ = t.cmd.Wait() // ending reads what became of it
		// What of its group outlives it goes as well, and now: later the number may be another's.
		_ = syscall.Kill(-t.cmd.Process.Pid, syscall.SIGKILL)
		t.end.Code, t.end.Signal, t.end.Err = ending(t.cmd.ProcessState)
		over()
		close(t.ended)
	}()
	return t, nil
}

// Ended waits for the end of the program, but not for longer than that; ok tells whether it has ended.
func (t *Talk) Ended(wait time.Duration) (end End, ok bool) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-t.ended:
		return t.end, true
	case <-timer.C:
		return End{}, false
	}
}

// Stop ends the program and what it started: by SIGTERM, and after the time of grace by SIGKILL.
func (t *Talk) Stop(grace time.Duration) {
	done := make(chan error)
	go func() {
		<-t.ended
		close(done)
	}()
	select {
	case <-t.ended:
	default:
		stop(t.cmd, done, grace)
	}
}
