package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/pop3"
)

// patience is how long check waits for a greeting until it finds out whether TLS is expected at once; some servers delay it.
const patience = 3 * time.Second

// dialLooking is fetcher.Dial for who looks: where no greeting comes it finds out after seconds whether TLS is expected, not
// when the time for a greeting is over.
func dialLooking(ctx context.Context, o pop3.Options) (*pop3.Client, error) {
	if o.TLS == pop3.ImplicitTLS {
		return fetcher.Dial(ctx, o)
	}
	probe := o
	bounded, cancel := context.WithCancel(ctx)
	defer cancel()
	greeted := make(chan struct{})
	hear := sync.OnceFunc(func() { close(greeted) })
	o.Received = func(int) { hear() }
	found := make(chan error, 1)
	go func() {
		defer close(found)
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-greeted:
			return
		case <-bounded.Done():
			return
		case <-timer.C:
		}
		err := pop3.Diagnose(bounded, probe, &pop3.ConnError{Command: "greeting", Err: os.ErrDeadlineExceeded})
		if _, tls := errors.AsType[*pop3.TLSError](err); tls {
			found <- err
			cancel()
		}
	}()
	c, err := fetcher.Dial(bounded, o)
	if err == nil {
		return c, nil // the probe, if there is one, ends with bounded
	}
	cancel()
	if first := <-found; first != nil {
		err = first
	}
	return nil, err
}

// tlsWord is how a connection is protected, for the table and for JSON.
func tlsWord(t config.TLS) string {
	switch t {
	case config.TLSNone:
		return "plain"
	case config.TLSStartTLS:
		return "stls"
	}
	return "tls"
}

func tlsText(t config.TLS) string {
	switch t {
	case config.TLSNone:
		return "NOT encrypted"
	case config.TLSStartTLS:
		return "encrypted (STLS), certificate verified"
	}
	return "encrypted (TLS), certificate verified"
}

func capsText(caps pop3.Capabilities) string {
	has := func(b bool, name string) string {
		if b {
			return name
		}
		return "no " + name + " announced"
	}
	return strings.Join([]string{has(caps.UIDL, "UIDL"), has(caps.Top, "TOP"), has(caps.Pipelining, "PIPELINING")}, ", ")
}

// refusalText is what a server said to UIDL, in brackets.
func refusalText(l *pop3.Listing) string {
	if l.Refusal == "" {
		return ""
	}
	return fmt.Sprintf(" (to UIDL the server said: %s)", l.Refusal)
}
