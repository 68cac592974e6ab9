package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

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
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("no answer within %v", within))
	defer cancel()
	stdout := &capture{}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	if cmd.Err == nil {
		// It is looked at where it was found: a folder earlier in PATH that others may write to can only be in the way.
		if err := safepath.Program(cmd.Path, true); mend(err) != "" { // any other error comes when it is run
			return "", mend(err), fmt.Errorf("can't be run: %w", err)
		}
	}
	cmd.Stdout = stdout // what it says on standard error goes nowhere: it might be the secret
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = grace
	err = cmd.Run()
	line, _, _ := strings.Cut(stdout.buf.String(), "\n")
	line = strings.TrimSuffix(line, "\r")
	var exit *exec.ExitError
	switch {
	case stdout.full: // the writer's error made the program end by a broken pipe
		return "", "", errTooMuch
	case ctx.Err() != nil && err != nil:
		return "", "", context.Cause(ctx)
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // the latter: it ended well, a descendant goes on
		return line, "", nil
	case errors.As(err, &exit):
		return "", "run it yourself to see what it says", exit
	case errors.Is(err, exec.ErrNotFound):
		return "", "is it installed, and in the PATH that popsync has?", errors.New("program not found")
	}
	return "", "", fmt.Errorf("can't be run: %w", cause(err))
}

// capture keeps maxSize octets and refuses the rest. The buffer is not embedded: its ReadFrom would let io.Copy go past
// the bound.
type capture struct {
	buf  bytes.Buffer
	full bool
}

func (c *capture) Write(p []byte) (int, error) {
	room := maxSize - c.buf.Len()
	if len(p) <= room {
		return c.buf.Write(p)
	}
	c.full = true
	c.buf.Write(p[:room])
	return room, errTooMuch
}
