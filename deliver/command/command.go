// Package command hands messages to a program that files them: a mail delivery agent such as maildrop, procmail or
// dovecot-lda, or a filter of one's own.
//
// The program is run directly, never by a shell. It gets the whole message as a file on standard input, a clean
// environment and a process group of its own, and answers by its exit code (verdict.go has the table; the numbers are
// those of sysexits.h). It never gets part of a message: the copy that it reads is complete before it starts, so even
// the death of popsync cannot look like the end of a short message.
//
// Nothing is retried here, and nothing is logged. docs/recipes-command.md tells users what this package does.
package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/program"
)

// What LineEnds may be.
const (
	LF   = "lf"   // CRLF becomes LF, nothing else changes: what delivery agents expect
	CRLF = "crlf" // the octets as received
)

// DefaultTimeout is how long a command may run unless Options say otherwise.
const DefaultTimeout = 10 * time.Minute

// Options say which program is run, and how.
type Options struct {
	// Args is the program, by its absolute path, and its arguments. In the arguments, but not in the path, {sender},
	// {account} and {id} are replaced by the values of POPSYNC_SENDER, POPSYNC_ACCOUNT and POPSYNC_DELIVERY_ID.
	// All other text is literal.
	Args []string
	// Timeout is how long the program may run for one message; 0 means DefaultTimeout.
	Timeout time.Duration
	// Parallel is how many messages are handed over at once; 0 means 1.
	Parallel int
	// LineEnds is LF or CRLF; "" means LF.
	LineEnds string
	// Trace puts a Received line on top of the message (RFC 5321, section 4.4), unless that would swallow the message's
	// first line: one that begins with a blank.
	Trace bool
	// TraceBy is the host in the Received line; "" means this machine's name.
	TraceBy string
	// Dir is the program's working directory, an absolute path; "" means "/".
	Dir string
	// TempDir is where the copy lies that the program reads, nameless and for the user alone; "" means os.TempDir.
	TempDir string
	// Now gives the time for the Received line; nil means time.Now.
	Now func() time.Time
	// Running is told the process group of each program that was started, and what it returns is called when that has ended:
	// for whoever must end at once and leave nothing behind. nil: nobody asks.
	Running func(group int) (ended func())
}

// Sender runs a command for each message. It keeps nothing open in between.
type Sender struct {
	o     Options
	user  []string      // the part of the environment that is the same for all messages
	grace time.Duration // between SIGTERM and SIGKILL, and then until the process is given up
	hurry time.Duration // the same when popsync itself is told to end
	drain time.Duration // for descendants that keep the output open after the command has ended
	taken atomic.Int64  // when the command last took a message, in Unix seconds; 0: never
}

var (
	_ deliver.Sender  = (*Sender)(nil)
	_ deliver.Checker = (*Sender)(nil)
)

// New checks the options, but not the program itself: it may be repaired while popsync runs.
func New(o Options) (*Sender, error) {
	if len(o.Args) == 0 || !filepath.IsAbs(o.Args[0]) {
		return nil, errors.New("a command needs the absolute path of a program")
	}
	for _, a := range o.Args {
		if strings.ContainsRune(a, 0) {
			return nil, errors.New("an argument of a command cannot contain NUL")
		}
	}
	if o.LineEnds == "" {
		o.LineEnds = LF
	}
	if o.LineEnds != LF && o.LineEnds != CRLF {
		return nil, fmt.Errorf("line ends of a command are %q or %q, not %q", LF, CRLF, o.LineEnds)
	}
	if o.Dir == "" {
		o.Dir = "/"
	}
	if !filepath.IsAbs(o.Dir) {
		return nil, errors.New("the working directory of a command is an absolute path")
	}
	if o.Timeout < 0 || o.Parallel < 0 {
		return nil, errors.New("a command's timeout and parallel cannot be negative")
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	o.Parallel = max(o.Parallel, 1)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.TraceBy == "" {
		o.TraceBy, _ = os.Hostname() // an unusable name is replaced
	}
	program.CloseInherited()
	return &Sender{o: o, user: program.Environ(), grace: 5 * time.Second, hurry: 500 * time.Millisecond, drain: 2 * time.Second}, nil
}

// Place is the path of the program.
func (s *Sender) Place() string { return s.o.Args[0] }

// Lanes is Options.Parallel.
func (s *Sender) Lanes() int { return s.o.Parallel }

// Close has nothing to end.
func (s *Sender) Close() error { return nil }

// Send runs the program with the message on standard input and waits for its end. Exit code 0 means delivered, whether
// it read the message or not: what a program needs to know is its own affair. After Send has returned, with whatever
// result, the program has ended, but for one that not even SIGKILL ends.
func (s *Sender) Send(ctx context.Context, m deliver.Outgoing) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.Check(ctx, ""); err != nil {
		return err
	}
	from, first, err := s.envelope(m)
	if err != nil {
		return err
	}
	var top string
	if s.o.Trace && !deliver.Continues(first) {
		top = deliver.Received(s.o.TraceBy, m.Account, m.ID, s.o.Now())
	}
	stdin, err := s.stage(ctx, m, top)
	if err != nil {
		return err
	}
	defer stdin.Close()
	end, err := s.run(ctx, expand(s.o.Args, m, from), append(environ(m, from), s.user...), stdin)
	if err != nil {
		return s.notStarted(err)
	}
	now := s.o.Now().Unix()
	e := end.verdict()
	if e == nil {
		s.taken.Store(now)
		return nil
	}
	e.Vouched = e.Envelope && now-s.taken.Load() < 3600
	e.Op, e.Place = "run", s.Place()
	return e
}
