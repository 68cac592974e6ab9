package postfix

import (
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is Postfix's master, whose process group holds the other daemons.
type process struct {
	cmd  *exec.Cmd
	life *os.File      // while it is open, the guard waits
	done chan struct{} // closed when the master has ended
	err  error         // why it ended; valid once done is closed
}

// guarded becomes the master, and leaves a guard behind, which kills all that the master started when the test is gone,
// even if it was killed itself. The kernel's parent-death signal does not do: it is lost when the master changes users.
const guarded = `( (read -r _ <&3; kill -KILL "-$$") >/dev/null 2>&1 & ); exec 3<&-; exec "$@"`

// spawn starts a master.
func spawn(args ...string) (*process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p := &process{cmd: exec.Command("/bin/sh", append([]string{"-c", guarded, "sh"}, args...)...), life: w, done: make(chan struct{})}
	p.cmd.ExtraFiles = []*os.File{r}
	if err := p.cmd.Start(); err != nil {
		w.Close()
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
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
	p.life.Close()
}
