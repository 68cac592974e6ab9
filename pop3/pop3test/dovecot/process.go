package dovecot

import (
	"bytes"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// process is a Dovecot master with its children.
type process struct {
	cmd  *exec.Cmd
	said bytes.Buffer  // what it said before it had a log; valid once done is closed
	done chan struct{} // closed when the master has ended
	err  error         // why it ended; valid once done is closed
}

// spawn starts a program that dies with the test, even when the test is killed.
func spawn(name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.cmd.SysProcAttr = childAttr()
	p.cmd.Stderr = &p.said
	p.cmd.WaitDelay = time.Second // its children have standard error too
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

// stop ends the master and, should it hang, its whole process group.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // children that outlived the master; mostly there are none
	<-p.done
}
