package pop3

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/trust"
)

// handshake starts TLS on the connection (RFC 8314, section 3; internal/trust says what a server has to prove). All that was
// received before is gone with the old reader.
func (c *Client) handshake() error {
	bounded, cancel := context.WithTimeoutCause(c.t.ctx, c.opt.Timeouts.TLS, os.ErrDeadlineExceeded)
	defer cancel()
	conn := trust.Client(&readAhead{Conn: c.raw, r: bufio.NewReaderSize(c.raw, bufferSize)}, c.opt.tlsConfig())
	c.t.w.replace(conn)
	c.t.w.setReadDeadline(time.Time{})
	c.t.w.setWriteDeadline(time.Time{})
	err := conn.HandshakeContext(bounded)
	if err != nil {
		c.t.w.log.Failed(err)
	}
	switch {
	case err == nil:
		c.t.w.log.Secured(conn.ConnectionState())
		return nil
	case c.t.ctx.Err() != nil:
		return c.t.fail("TLS handshake", 0, nil, err)
	case bounded.Err() != nil:
		return c.t.fail("TLS handshake", 0, nil, fmt.Errorf("no handshake within %v: %w", c.opt.Timeouts.TLS, os.ErrDeadlineExceeded))
	}
	c.t.broken = &TLSError{"TLS handshake", err}
	return c.t.broken
}

func (o Options) tlsConfig() *tls.Config {
	cfg := o.TLSConfig.Clone() // nil stays nil
	if cfg == nil {
		cfg = new(tls.Config)
	}
	if cfg.ServerName == "" {
		cfg.ServerName = strings.TrimSuffix(o.Host, ".")
	}
	if cfg.NextProtos == nil {
		cfg.NextProtos = []string{"pop3"}
	}
	if cfg.MinVersion == 0 {
		cfg.MinVersion = tls.VersionTLS12
	}
	return cfg
}

// startTLS sends STLS and starts TLS (RFC 2595, section 4). A server that does not want to is an error: nobody may
// strip TLS by hiding or refusing the command. What was learned in plaintext is dropped.
func (c *Client) startTLS() error {
	if c.caps.Known && !c.caps.STLS {
		c.t.broken = &TLSError{"STLS", ErrNoSTLS}
		return c.t.broken
	}
	err := c.t.exchange("STLS", nil, c.opt.Timeouts.Reply)
	var refused *ResponseError
	switch {
	case errors.As(err, &refused):
		c.t.broken = &TLSError{"STLS", fmt.Errorf("%w: %w", ErrNoSTLS, err)}
		return c.t.broken
	case err != nil:
		return err
	}
	// Anything after the +OK was put there before TLS, by whoever sits between, to be believed after it.
	if b := c.t.w.buffered(); len(b) > 0 {
		return c.t.fail("STLS", 0, b, errInjected)
	}
	c.caps = Capabilities{}
	return c.handshake()
}

// readAhead takes from the network in large pieces; crypto/tls would ask for one record's header, then its body.
type readAhead struct {
	net.Conn
	r *bufio.Reader
}

func (c *readAhead) Read(b []byte) (int, error) { return c.r.Read(b) }
