// Floor fetches a mailbox with package floor and prints how long it took. It is a yardstick for benchmarks: it has
// none of the safety that mail needs.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"

	"github.com/popsync/popsync/bench/floor"
)

func main() {
	var o floor.Options
	flag.StringVar(&o.Addr, "addr", "127.0.0.1:110", "`host:port` of a POP3 server in plain text")
	flag.StringVar(&o.User, "user", "", "user name, or several, by commas: side by side, each into a Maildir of that name below -dir")
	passwordFile := flag.String("password-file", "", "`file` with the password on its first line")
	flag.StringVar(&o.Dir, "dir", "", "Maildir; made when missing")
	ca := flag.String("ca", "", "PEM `file` to trust: speaks TLS from the first byte")
	flag.IntVar(&o.Skip, "skip", 0, "messages at the head of the listing that are known")
	flag.BoolVar(&o.Delete, "delete", false, "delete messages on the server once they are durable")
	flag.BoolVar(&o.ListOnly, "list-only", false, "only list the mailbox")
	flag.IntVar(&o.Batch, "batch", 500, "messages made durable at once")
	flag.Parse()
	if err := run(o, *passwordFile, *ca); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(o floor.Options, passwordFile, ca string) error {
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
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return err
		}
		o.TLS = &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}
		o.TLS.RootCAs.AppendCertsFromPEM(pem)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	users := strings.Split(o.User, ",")
	errs := make([]error, len(users))
	var all sync.WaitGroup
	for i, user := range users {
		o := o
		if o.User = user; len(users) > 1 {
			o.Dir = filepath.Join(o.Dir, user)
		}
		all.Go(func() {
			res, err := floor.Run(ctx, o)
			if errs[i] = err; err == nil {
				fmt.Printf("%s: listed %d, stored %d messages, %d octets, %v\n", user, res.Listed, res.Messages, res.Bytes, res.Took)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
