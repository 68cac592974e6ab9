package smtp

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/popsync/popsync/internal/trust"
)

// dial connects, starts TLS as asked for and logs in. ctx bounds all of it.
func dial(ctx context.Context, o *Options) (*session, error) {
	bounded, cancel := context.WithTimeout(ctx, o.Timeouts.Connect)
	network, address := o.endpoint()
	conn, err := o.Dial(bounded, network, address)
	cancel()
	log := o.Transcript.Connect(o.Address, err)
	if err != nil {
		return nil, &connError{verb: "connect", err: err}
	}
	c := &session{o: o, w: newWire(conn)}
	c.w.log = log
	if err := c.open(ctx); err != nil {
		if !c.broken {
			c.quit(ctx)
		}
		c.w.close()
		return nil, err
	}
	return c, nil
}

func (c *session) open(ctx context.Context) error {
	defer c.bind(ctx)()
	if c.o.TLS == ImplicitTLS {
		if err := c.handshake(ctx); err != nil {
			return err
		}
	}
	if err := c.greet(); err != nil {
		return err
	}
	if err := c.hello(); err != nil {
		return err
	}
	if c.o.heard != nil {
		c.o.heard()
	}
	if c.o.TLS == StartTLS {
		if err := c.startTLS(ctx); err != nil {
			return err
		}
		if err := c.hello(); err != nil {
			return err
		}
	}
	if !c.o.logsIn() {
		return nil
	}
	return c.login(ctx)
}

// startTLS sends STARTTLS and starts TLS (RFC 3207). A server that does not want to is an error: nobody may strip TLS
// by hiding or refusing the command. What was learned in plaintext is dropped by the next EHLO.
func (c *session) startTLS(ctx context.Context) error {
	if !c.offers("STARTTLS") {
		return errNoStartTLS
	}
	r, err := c.command("STARTTLS", "STARTTLS")
	if err != nil {
		return err
	}
	if r.code != 220 {
		return c.unexpected("STARTTLS", r)
	}
	// Whatever follows the reply was put there before TLS, by whoever sits between, to be believed after it.
	if c.w.in.Buffered() > 0 {
		return c.fail("STARTTLS", errInjected, nil)
	}
	return c.handshake(ctx)
}

func (c *session) handshake(ctx context.Context) error {
	bounded, cancel := context.WithTimeoutCause(ctx, c.o.Timeouts.TLS, os.ErrDeadlineExceeded)
	defer cancel()
	c.w.deadline(c.w.raw.SetDeadline, c.o.Timeouts.TLS+time.Second) // the context is first
	conn := trust.Client(c.w.raw, c.o.TLSConfig)
	c.w.replace(conn)
	err := conn.HandshakeContext(bounded)
	if err == nil {
		state := conn.ConnectionState()
		c.w.log.Secured(state)
		c.tls = &state
		if c.o.secured != nil {
			c.o.secured(state)
		}
		return nil
	}
	c.w.log.Failed(err)
	c.broken = true
	if bounded.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("no handshake within %v: %w", c.o.Timeouts.TLS, os.ErrDeadlineExceeded)
	}
	return &tlsError{err}
}
