// Command popsync fetches mail by POP3 and delivers it. It wires the rooms of the project together, presents what they
// report, and turns it into exit codes; it decides nothing about mail.
package main

import (
	"os"
	"syscall"
	_ "time/tzdata" // the key timezone works where the system has no time zones

	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/guard"
	"github.com/popsync/popsync/internal/profile"
)

func main() { os.Exit(Main(os.Args[1:])) }

// Main runs the program with its arguments and returns the exit code.
func Main(args []string) int {
	defer profile.Begin()()
	syscall.Umask(0o077) // whatever is created is ours alone
	guard.NoDump()
	s := console.Standard()
	s.Undo = &console.Undo{}
	ctx, release := console.OnSignal(s.Undo)
	defer release()
	return execute(ctx, args, s)
}
