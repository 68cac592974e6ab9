package postfix

import (
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// process is Postfix's master, whose process group holds the other daemons.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the master has ended
	err  error         // why it ended; valid once done is closed
}

// spawn starts a program that dies with the test, even when the test is killed.
func spawn(name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.cmd.SysProcAttr = childAttr() // no group of its own: it makes a session, which the leader of a group cannot
	started := make(chan error, 1)
	go func() {
		// The kernel's parent-death signal follows the thread that forked, so that thread stays until the child ends.
		runtime.LockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
		}
		close(p.done)
	}()
	return p, <-started
}

// stop ends the master and the daemons of its process group.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // daemons in the midst of something outlive the master
	<-p.done
}
