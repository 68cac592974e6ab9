package dialer

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/program"
	"github.com/popsync/popsync/internal/safepath"
)

const (
	commandStderr = 2 << 10                // octets of what the program complains about that are kept
	commandDrain  = 200 * time.Millisecond // for its descendants that keep standard error open
	commandGrace  = 500 * time.Millisecond // from SIGTERM to SIGKILL
	commandEnd    = 2 * time.Second        // for the program to end when its output has
)

// run starts the command; its standard input and output are the connection. It has popsync's own environment: ssh needs its agent.
func (d *Dialer) run(address string) (net.Conn, error) {
	host, port, _ := net.SplitHostPort(address)
	args := append([]string{}, d.o.Command...)
	for i := range args[1:] {
		args[i+1] = strings.NewReplacer("{host}", host, "{port}", port).Replace(args[i+1])
	}
	via, path, err := d.find(address)
	if err != nil {
		return nil, err
	}
	complaint := &program.Output{Head: commandStderr}
	talk, err := program.Start(program.Job{Args: args, Path: path, Stderr: complaint, Drain: commandDrain, Running: d.o.Running})
	if err != nil {
		if e, ok := errors.AsType[*os.PathError](err); ok { // its text has the path once more
			err = e.Err
		}
		return nil, &Error{Fault: NoProgram, Via: via, Target: address, Err: err}
	}
	return &pipe{talk: talk, via: via, target: address, complaint: complaint}, nil
}

// find looks for the program of the command, and whether others could change it.
func (d *Dialer) find(target string) (via, path string, err error) {
	via = "connect_command " + shown(d.o.Command[0])
	cannot := func(err error, mend string) (string, string, error) {
		return via, "", &Error{Fault: NoProgram, Via: via, Target: target, Err: err, Mend: mend}
	}
	path, err = program.Find(d.o.Command[0])
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return cannot(errors.New("program not found"), "is it installed, and in the PATH that popsync has?")
	case err != nil:
		return cannot(err, "")
	}
	fault, ok := errors.AsType[*safepath.Error](safepath.Program(path, true))
	if ok { // any other error comes when it is run
		return cannot(fault, fault.Mend)
	}
	return via, path, nil
}

// pipe is a program as a connection.
type pipe struct {
	talk        *program.Talk
	via, target string
	complaint   *program.Output
	brought     atomic.Bool // something came from the server
	closing     atomic.Bool
	once        sync.Once
}

// Read gives what the program prints. Its end is the end of the connection if it ended well; otherwise it is an *Error, which is
// no io.EOF: a tunnel that broke says nothing of the server.
func (p *pipe) Read(b []byte) (int, error) {
	n, err := p.talk.Out.Read(b)
	if n > 0 {
		p.brought.Store(true)
	}
	if err == io.EOF && n == 0 {
		if failed := p.failure(); failed != nil {
			return 0, failed
		}
	}
	return n, asNet(err)
}

// Write passes octets to the program.
func (p *pipe) Write(b []byte) (int, error) {
	n, err := p.talk.In.Write(b)
	return n, asNet(err)
}

// failure is why the program ended, if not well. What it complained about is shown only as long as nothing came from the server:
// nothing secret was sent by then. Later it could be in there, by a program that shows what passes.
func (p *pipe) failure() error {
	end, ok := p.talk.Ended(commandEnd)
	if !ok || end.Err == nil || p.closing.Load() {
		return nil
	}
	err := end.Err
	if head, _, lost := p.complaint.Kept(); !p.brought.Load() && strings.TrimSpace(head) != "" {
		said := strings.Join(strings.Fields(head), " ")
		if lost {
			said += " ..."
		}
		err = fmt.Errorf("%w: %s", err, foreign.Show([]byte(said), commandStderr))
	}
	return &Error{Fault: Ended, Via: p.via, Target: p.target, Err: err}
}

// Close ends the program and all that it started.
func (p *pipe) Close() error {
	p.once.Do(func() {
		p.closing.Store(true)
		p.talk.In.Close()
		p.talk.Out.Close()
		p.talk.Stop(commandGrace)
	})
	return nil
}

// LocalAddr and RemoteAddr are no addresses of a network.
func (p *pipe) LocalAddr() net.Addr  { return nowhere{} }
func (p *pipe) RemoteAddr() net.Addr { return nowhere{} }

// SetDeadline sets both deadlines.
func (p *pipe) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.SetWriteDeadline(t))
}

// SetReadDeadline bounds the wait for what the program prints.
func (p *pipe) SetReadDeadline(t time.Time) error { return p.talk.Out.SetReadDeadline(t) }

// SetWriteDeadline bounds the wait for the program to read.
func (p *pipe) SetWriteDeadline(t time.Time) error { return p.talk.In.SetWriteDeadline(t) }

// asNet makes an error of a file what a connection would say.
func asNet(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return net.ErrClosed
	}
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}

// nowhere is where a program is, as an address.
type nowhere struct{}

func (nowhere) Network() string { return "program" }
func (nowhere) String() string  { return "program" }
