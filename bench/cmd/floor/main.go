// Floor fetches a mailbox with package floor and prints how long it took. It is a yardstick for benchmarks: it has
// none of the safety that mail needs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/popsync/popsync/bench/floor"
)

func main() {
	var o floor.Options
	flag.StringVar(&o.Addr, "addr", "127.0.0.1:110", "`host:port` of a POP3 server in plain text")
	flag.StringVar(&o.User, "user", "", "user name")
	passwordFile := flag.String("password-file", "", "`file` with the password on its first line")
	flag.StringVar(&o.Dir, "dir", "", "Maildir; made when missing")
	flag.BoolVar(&o.Delete, "delete", false, "delete messages on the server once they are durable")
	flag.BoolVar(&o.ListOnly, "list-only", false, "only list the mailbox")
	flag.IntVar(&o.Batch, "batch", 500, "messages made durable at once")
	flag.Parse()
	if err := run(o, *passwordFile); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(o floor.Options, passwordFile string) error {
	if o.User == "" || passwordFile == "" || o.Dir == "" && !o.ListOnly {
		return fmt.Errorf("-user, -password-file and -dir (or -list-only) are needed")
	}
	b, err := os.ReadFile(passwordFile)
	if err != nil {
		return err
	}
	for i, c := range b {
		if c == '\r' || c == '\n' {
			b = b[:i]
			break
		}
	}
	o.Password = string(b)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	res, err := floor.Run(ctx, o)
	if err != nil {
		return err
	}
	fmt.Printf("listed %d, stored %d messages, %d octets, %v\n", res.Listed, res.Messages, res.Bytes, res.Took)
	return nil
}
