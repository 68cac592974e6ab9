//go:build linux && (amd64 || arm64)

package crash

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Action is what happens to a call at its entry.
type Action int

const (
	Proceed Action = iota // the call is carried out
	Kill                  // the process is killed; the call is not carried out
	Fail                  // the call is not carried out and returns EIO
)

// Decide is asked at the entry of every call that may change something outside the process (see Call.Name), one after
// another in the order in which the kernel met them. It is called on a goroutine of its own thread and must not start
// processes. Calls that it does not want to count are its own affair.
type Decide func(Call) Action

// Result is how a traced program ended.
type Result struct {
	Killed bool // by us: Decide said Kill, or ctx ended
	Code   int  // exit code; -1 when a signal ended it
}

// Run starts cmd under ptrace, asks decide at every call, and waits for the end. Children of the program are traced
// with it. cmd must not have been started; Run sets SysProcAttr. When ctx ends the program is killed.
func Run(ctx context.Context, cmd *exec.Cmd, decide Decide) (Result, error) {
	return start(ctx, cmd, decide, false)
}

// RunPaths is Run, and asks at calls too that only look at a path or a descriptor, or change the mode or the owner of
// something: open (openat without O_CREAT), stat, readlink, access, chmod, chown, truncate, getdents, exec, symlink, xattr
// and utimes. Decide may change files before the call sees them.
func RunPaths(ctx context.Context, cmd *exec.Cmd, decide Decide) (Result, error) {
	return start(ctx, cmd, decide, true)
}

func start(ctx context.Context, cmd *exec.Cmd, decide Decide, paths bool) (Result, error) {
	type outcome struct {
		Result
		error
	}
	done := make(chan outcome, 1)
	go func() {
		// Every request must come from the thread that started the program. It is never unlocked: the thread ends with
		// the goroutine, and should anything be left of the program, it ends with the thread (PTRACE_O_EXITKILL).
		runtime.LockOSThread()
		r, err := run(ctx, cmd, decide, paths)
		done <- outcome{r, err}
	}()
	o := <-done
	return o.Result, o.error
}

func run(ctx context.Context, cmd *exec.Cmd, decide Decide, paths bool) (Result, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Ptrace, cmd.SysProcAttr.Setpgid = true, true
	cmd.Env = append(cmd.Environ(), become+"="+cmd.Path)
	if paths {
		cmd.Env = append(cmd.Env, seePaths+"=1")
	}
	program := cmd.Path
	if cmd.Err == nil {
		cmd.Path = "/proc/self/exe"
	}
	if err := cmd.Start(); err != nil {
		return Result{}, err
	}
	t := &tracer{pid: cmd.Process.Pid, decide: decide, paths: paths, threads: map[int]*thread{}}
	stop := context.AfterFunc(ctx, func() { _ = unix.Kill(t.pid, unix.SIGKILL) })
	err := t.trace()
	if !t.ended {
		_ = unix.Kill(t.pid, unix.SIGKILL)
		err = errors.Join(err, t.drain())
	}
	stop()
	_ = cmd.Wait() // only for what copies its output: the process has been waited for already
	if err == nil {
		err = context.Cause(ctx)
	}
	if err == nil && !t.begun {
		err = fmt.Errorf("%s could not be started", program)
	}
	r := Result{Killed: t.killed, Code: -1}
	if t.status.Exited() {
		r.Code = t.status.ExitStatus()
	}
	if !r.Killed && t.status.Signaled() && err == nil {
		err = fmt.Errorf("%s ended by %v, which was not ours", program, t.status.Signal())
	}
	return r, err
}

// tracer follows one program.
type tracer struct {
	pid     int
	decide  Decide
	paths   bool // calls that only look are asked about, too
	threads map[int]*thread
	begun   bool // the test binary has become the program
	killed  bool
	ended   bool
	status  unix.WaitStatus // of the program, once ended
}

// thread is what has to be remembered of one between its stops.
type thread struct {
	begun bool // its first SIGSTOP, which ptrace makes, was seen
}

const (
	traceOptions = unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_TRACECLONE |
		unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK
)

// wait returns the next thing that happens to a thread of ours. The program leads a process group of its own, so that
// this takes nothing from who waits for other children of this process, or of this thread.
func (t *tracer) wait() (tid int, ws unix.WaitStatus, err error) {
	for {
		tid, err = unix.Wait4(-t.pid, &ws, unix.WALL, nil)
		if err != unix.EINTR {
			return tid, ws, err
		}
	}
}

// trace lets the program go from stop to stop until it has ended.
func (t *tracer) trace() error {
	tid, ws, err := t.wait()
	if err != nil {
		return fmt.Errorf("waiting for the start: %w", err)
	}
	if tid != t.pid || !ws.Stopped() || ws.StopSignal() != unix.SIGTRAP {
		t.ended = tid == t.pid && !ws.Stopped()
		t.status = ws
		return fmt.Errorf("the program did not stop at its start: %#x", int(ws))
	}
	if err := unix.PtraceSetOptions(t.pid, traceOptions); err != nil {
		return fmt.Errorf("ptrace options: %w", err)
	}
	t.threads[t.pid] = &thread{begun: true}
	if err := t.resume(t.pid, 0); err != nil {
		return err
	}
	for !t.ended {
		tid, ws, err := t.wait()
		if err != nil {
			return fmt.Errorf("waiting: %w", err)
		}
		if err := t.stopped(tid, ws); err != nil {
			return err
		}
	}
	return nil
}

// stopped deals with one stop or end.
func (t *tracer) stopped(tid int, ws unix.WaitStatus) error {
	if !ws.Stopped() {
		delete(t.threads, tid)
		if tid == t.pid {
			t.ended, t.status = true, ws
		}
		return nil
	}
	th := t.threads[tid]
	if th == nil { // may come before the clone is reported
		th = &thread{}
		t.threads[tid] = th
	}
	deliver := 0
	switch sig := ws.StopSignal(); {
	case sig == unix.SIGTRAP && ws.TrapCause() == unix.PTRACE_EVENT_SECCOMP:
		if err := t.atCall(tid); err != nil {
			return err
		}
	case sig == unix.SIGTRAP && ws.TrapCause() == unix.PTRACE_EVENT_EXEC:
		t.begun = true
	case sig == unix.SIGTRAP && ws.TrapCause() > 0: // a clone
	case sig == unix.SIGSTOP && !th.begun:
		th.begun = true
	default:
		deliver = int(sig)
	}
	return t.resume(tid, deliver)
}

// resume lets a thread run to its next call. One that was killed meanwhile is not there any more.
func (t *tracer) resume(tid, signal int) error {
	if err := unix.PtraceCont(tid, signal); err != nil && err != unix.ESRCH {
		return fmt.Errorf("resuming: %w", err)
	}
	return nil
}

// atCall asks what is to happen, at the entry of a call that is watched.
func (t *tracer) atCall(tid int) error {
	info, err := callInfo(tid)
	if err == unix.ESRCH {
		return nil // killed meanwhile
	} else if err != nil {
		return fmt.Errorf("ptrace does not tell the call: %w", err)
	}
	if info.op != opSeccomp || t.killed || !t.begun {
		return nil
	}
	c, ok := describe(tid, info)
	if !ok && t.paths {
		c, ok = describePath(tid, info)
	}
	if !ok {
		return nil
	}
	switch t.decide(c) {
	case Kill:
		t.killed = true
		return unix.Kill(t.pid, unix.SIGKILL)
	case Fail:
		if err := skipCall(tid, unix.EIO); err != nil {
			return fmt.Errorf("making %s fail: %w", c.Name, err)
		}
	}
	return nil
}

// drain waits for the end of a program that was given up.
func (t *tracer) drain() error {
	for !t.ended {
		tid, ws, err := t.wait()
		if err != nil {
			return err
		}
		if tid == t.pid && !ws.Stopped() {
			t.ended, t.status = true, ws
		} else if ws.Stopped() {
			_ = unix.PtraceCont(tid, 0)
		}
	}
	return nil
}
