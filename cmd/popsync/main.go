// Command popsync fetches mail by POP3 and delivers it. It wires the rooms of the project together, presents what they
// report, and turns it into exit codes; it decides nothing about mail.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // the key timezone works where the system has no time zones
)

func main() { os.Exit(Main(os.Args[1:])) }

// Main runs the program with its arguments and returns the exit code.
func Main(args []string) int {
	defer profile()()
	syscall.Umask(0o077) // whatever is created is ours alone
	noDump()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return execute(ctx, args, std())
}
