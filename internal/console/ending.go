package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/popsync/popsync/internal/exit"
)

// How a command ends before it is done. A signal (Ctrl-C, SIGTERM, a hangup) ends its context: prompts and waits end at once,
// a pass within three seconds, with what was received whole settled. After five the process ends whatever hangs, as a kill
// would end it, and a second signal ends it at once. Whatever way that goes, the terminal is as it was.

const (
	// sameSignal is how soon after the first signal a second one is the same: timeout(1) sends one to the process and one to
	// its group, a shell that ends passes a hangup on.
	sameSignal = 200 * time.Millisecond
	// Patience is how long a command may take to end, sayStopping after how much of it a person is told why it does not yet.
	Patience    = 4700 * time.Millisecond
	sayStopping = 300 * time.Millisecond
)

// OnSignal is a context that ends with the first signal. The second one ends the process. An interrupt or a hangup that was ignored
// when popsync began, as nohup and shells without job control have it, stays so: whoever arranged that meant it.
func OnSignal(u *Undo) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancel(context.Background())
	got := make(chan os.Signal, 4)
	signal.Notify(got, syscall.SIGTERM)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(got, s)
		}
	}
	go func() {
		<-got
		cancel()
		first := time.Now()
		for s := range got {
			if time.Since(first) >= sameSignal {
				u.All()
				signal.Reset(s)
				_ = syscall.Kill(os.Getpid(), s.(syscall.Signal)) // so that whoever waits sees what ended it
				return
			}
		}
	}()
	return ctx, func() { signal.Stop(got); cancel() }
}

// Ends bounds the time until a command has ended whose context is over; over is called when it has. say is where a person is told
// why it does not yet. The daemon looks after that itself.
func (c *Console) Ends(ctx context.Context, say io.Writer) (over func()) {
	if c.Undo == nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
		select {
		case <-done:
			return
		case <-time.After(sayStopping):
			if c.ErrTerm {
				fmt.Fprintln(say, "popsync: stopping, as soon as what came whole is safe; Ctrl-C ends it now")
			}
		}
		select {
		case <-done:
		case <-time.After(Patience - sayStopping):
			c.Undo.All()
			fmt.Fprintln(c.Err, "popsync: stopped; what hung was abandoned, as by a kill: the next run settles it")
			os.Exit(exit.Temp)
		}
	}()
	return func() { close(done) }
}

// Finish says what ended a command, if it was an error, and returns the exit code. command is its whole name, as it is typed.
func (c *Console) Finish(ctx context.Context, err error, command string) int {
	code := exit.CodeOf(err)
	if err == nil || errors.Is(err, exit.ErrReported) {
		return code
	}
	text, hint := exit.Apart(err)
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || text == "stopped") { // whatever it was at
		text, hint, code = "stopped", "", exit.Temp
	}
	c.Complain(text, hint)
	if code == exit.Usage {
		fmt.Fprintf(c.Err, "See '%s --help'.\n", command)
	}
	return code
}

// Signals gives the signals that a daemon obeys without ending; release lets go of them. It takes SIGHUP away from those that end
// a command. A reader of standard error that went away must not end the service either: without SIGPIPE a write fails, and
// that is all.
func Signals() (_ <-chan os.Signal, release func()) {
	ch := make(chan os.Signal, 8)
	signal.Reset(syscall.SIGHUP)
	signal.Notify(ch, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	signal.Ignore(syscall.SIGPIPE)
	return ch, func() { signal.Stop(ch) }
}
