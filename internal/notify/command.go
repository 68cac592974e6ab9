package notify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/program"
)

const (
	commandTime  = 30 * time.Second
	commandDrain = 2 * time.Second // for descendants that keep standard error open after the command has ended
)

// Command runs a program for each notice, directly and never by a shell. It gets the text on standard input, nothing of
// popsync's environment, and a process group of its own, which is killed after 30 seconds. Exit code 0 means told; any
// other way to end is tried again. Its environment is
//
//	PATH, LANG, HOME, USER, LOGNAME, and TZ if popsync has it
//	POPSYNC_ID       the same whenever this notice is sent
//	POPSYNC_ACCOUNT  name of the account
//	POPSYNC_KIND     trouble, recovered
//	POPSYNC_CAUSE    a short class, such as login or network
//	POPSYNC_SINCE    when the incident began (RFC 3339)
//	POPSYNC_WHAT     what failed last, one line of printable UTF-8, as are the next two
//	POPSYNC_NEXT     what a person should do; may be empty
//	POPSYNC_SUBJECT  the notice in one line
type Command struct {
	args    []string
	timeout time.Duration
	drain   time.Duration
}

// NewCommand takes the absolute path of a program and its arguments, all of them literal. It does not look at the
// program: that may be repaired while popsync runs.
func NewCommand(args []string) (*Command, error) {
	if len(args) == 0 || !filepath.IsAbs(args[0]) {
		return nil, errors.New("a command needs the absolute path of a program")
	}
	if slices.ContainsFunc(args, func(a string) bool { return strings.ContainsRune(a, 0) }) {
		return nil, errors.New("an argument of a command cannot contain NUL")
	}
	program.CloseInherited()
	return &Command{args: slices.Clone(args), timeout: commandTime, drain: commandDrain}, nil
}

// Name is "command".
func (c *Command) Name() string { return "command" }

// Send runs the program and waits for its end.
func (c *Command) Send(ctx context.Context, n Notice) error { return c.Run(ctx, environ(n), n.Text()) }

// Run runs the program as Send does, in another environment (see program.Environ), and waits for its end. It reads text, of at most 4,096
// octets.
func (c *Command) Run(ctx context.Context, env []string, text string) error {
	if err := c.Check(); err != nil {
		return err
	}
	stdin, err := filled(text)
	if err != nil {
		return err
	}
	defer stdin.Close()
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", c.args[0], context.Cause(ctx))
	}
	stderr := &program.Output{Head: 1 << 10}
	end, err := program.Run(ctx, program.Job{
		Args: c.args, Env: env, Dir: "/", Stdin: stdin, Stderr: stderr, Timeout: c.timeout, Drain: c.drain,
	})
	switch {
	case err != nil: // it was not started
	case end.Err == nil:
		return nil
	case end.Stopped != nil && ctx.Err() != nil:
		err = context.Cause(ctx)
	case end.Stopped != nil:
		err = end.Stopped
	default:
		err = end.Err
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // it would say the path again
	}
	head, _, _ := stderr.Kept()
	if said := line(head); said != "" {
		return fmt.Errorf("%s: %w: %s", c.args[0], err, said)
	}
	return fmt.Errorf("%s: %w", c.args[0], err)
}

// filled gives a pipe to read text from. All of it is there before the program starts, so that even the death of popsync
// cannot look like the end of a shorter one; any pipe holds 4,096 octets.
func filled(text string) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	_, err = w.WriteString(text)
	if err := errors.Join(err, w.Close()); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// environ is all that a command gets of the world outside.
func environ(n Notice) []string {
	return append(program.Environ(),
		"POPSYNC_ID="+n.ID,
		"POPSYNC_ACCOUNT="+n.Account,
		"POPSYNC_KIND="+n.Kind,
		"POPSYNC_CAUSE="+n.Cause,
		"POPSYNC_SINCE="+n.Since.Format(time.RFC3339),
		"POPSYNC_WHAT="+n.What,
		"POPSYNC_NEXT="+n.Next,
		"POPSYNC_SUBJECT="+n.Subject(),
	)
}
