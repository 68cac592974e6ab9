package server

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/popsync/popsync/pop3"
)

// patience is how long DialLooking waits for a greeting until it finds out whether TLS is expected; some servers delay it.
const patience = 3 * time.Second

// DialLooking is Dial for a person who waits: where no greeting comes it finds out after seconds whether TLS is expected at once,
// not when the time for a greeting is over. It uses Options.Received.
func DialLooking(ctx context.Context, o pop3.Options) (*pop3.Client, error) {
	if o.TLS == pop3.ImplicitTLS {
		return Dial(ctx, o)
	}
	probe := o
	bounded, cancel := context.WithCancel(ctx)
	defer cancel()
	greeted := make(chan struct{})
	hear := sync.OnceFunc(func() { close(greeted) })
	o.Received = func(int) { hear() }
	looked, found := false, error(nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-greeted:
			return
		case <-bounded.Done():
			return
		case <-timer.C:
		}
		silence := &pop3.ConnError{Command: "greeting", Err: os.ErrDeadlineExceeded}
		if err := pop3.Diagnose(bounded, probe, silence); err != silence {
			found = err
			cancel()
		}
		looked = true
	}()
	c, err := Open(bounded, o, true, false)
	if err == nil {
		return c, nil // the probe, if there is one, ends with bounded
	}
	cancel()
	<-done
	switch {
	case found != nil:
		return nil, found
	case looked:
		return nil, err
	}
	return nil, pop3.Diagnose(ctx, probe, err)
}
