package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/popsync/popsync/internal/trust"
)

// errTLSFirst means that no greeting came in plaintext, and that the server speaks TLS from the first octet there.
var errTLSFirst = errors.New("the server expects TLS at once on this port, and says nothing without")

const (
	patience  = 3 * time.Second  // without a greeting, until it is found out whether TLS is expected; some servers delay it
	probeTime = 10 * time.Second // for that
)

// dialLooking is dial for who looks; greeted tells that the server has. Where a server says nothing in plaintext, it connects once more,
// shakes hands and sends nothing else: a server that answers that expects TLS at once, whether or not its certificate is right.
func dialLooking(ctx context.Context, o *Options) (c *session, greeted bool, err error) {
	heard := make(chan struct{})
	o.greeted = func() {
		if !greeted {
			greeted = true
			close(heard)
		}
	}
	if o.TLS == ImplicitTLS {
		c, err = dial(ctx, o)
		return c, greeted, err
	}
	bounded, cancel := context.WithCancel(ctx)
	defer cancel()
	ended, found := make(chan struct{}), make(chan bool, 1)
	go func() {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-heard:
			found <- false
		case <-ended:
			found <- false
		case <-bounded.Done():
			found <- false
		case <-timer.C:
			first := expectsTLS(bounded, *o)
			if found <- first; first {
				cancel()
			}
		}
	}()
	c, err = dial(bounded, o)
	close(ended)
	if err == nil {
		return c, greeted, nil // the probe, if there is one, ends with bounded
	}
	if <-found {
		return nil, false, &tlsError{errTLSFirst}
	}
	return nil, greeted, err
}

// expectsTLS tells whether a server shakes hands at once.
func expectsTLS(ctx context.Context, o Options) bool {
	bounded, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	conn, err := o.Dial(bounded, "tcp", o.Address)
	if err != nil {
		return false
	}
	defer conn.Close()
	cfg := o.TLSConfig.Clone() // nil stays nil
	if cfg == nil {
		cfg = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if cfg.ServerName == "" { // a destination without TLS
		cfg.ServerName, _, _ = net.SplitHostPort(o.Address)
	}
	err = trust.Client(conn, cfg).HandshakeContext(bounded)
	var failed *trust.Failure
	return err == nil || errors.As(err, &failed) && failed.Answered()
}
