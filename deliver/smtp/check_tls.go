package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/popsync/popsync/internal/trust"
)

// errTLSFirst means that no greeting came in plaintext, and that the server speaks TLS from the first octet there.
var errTLSFirst = errors.New("the server expects TLS at once on this port, and says nothing without")

const (
	patience  = 3 * time.Second  // without a greeting, until it is found out whether TLS is expected; some servers delay it
	probeTime = 10 * time.Second // for that
)

// dialLooking is dial for who looks. Where a server says nothing in plaintext, it connects once more, shakes hands and sends
// nothing else: a server that answers that expects TLS at once, whether or not its certificate is right.
func dialLooking(ctx context.Context, o *Options) (*session, error) {
	if network, _ := o.endpoint(); o.TLS == ImplicitTLS || network == "unix" {
		return dial(ctx, o)
	}
	bounded, cancel := context.WithCancel(ctx)
	defer cancel()
	greeted := make(chan struct{})
	o.greeted = sync.OnceFunc(func() { close(greeted) })
	found := make(chan bool, 1)
	go func() {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-greeted:
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
	c, err := dial(bounded, o)
	o.greeted()
	if err == nil {
		return c, nil // the probe, if there is one, ends with bounded
	}
	if <-found {
		return nil, &tlsError{errTLSFirst}
	}
	return nil, err
}

// expectsTLS tells whether a server shakes hands at once.
func expectsTLS(ctx context.Context, o Options) bool {
	bounded, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	network, address := o.endpoint()
	conn, err := o.Dial(bounded, network, address)
	if err != nil {
		return false
	}
	defer conn.Close()
	cfg := o.TLSConfig.Clone() // nil stays nil
	if cfg == nil {
		cfg = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if cfg.ServerName == "" { // a destination without TLS
		cfg.ServerName, _, _ = net.SplitHostPort(address)
	}
	err = trust.Client(conn, cfg).HandshakeContext(bounded)
	var failed *trust.Failure
	return err == nil || errors.As(err, &failed) && failed.Answered()
}
