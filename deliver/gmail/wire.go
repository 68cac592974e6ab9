package gmail

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/popsync/popsync/internal/transcript"
	"github.com/popsync/popsync/internal/trust"
)

// conn is a connection with TLS on it. net/http speaks HTTP/1.1 on it, since nothing tells it of another protocol.
type conn struct {
	*trust.Conn
	log   *transcript.Conn
	block time.Duration
}

// Write bounds the time of each piece.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.block)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func (c *conn) Close() error {
	c.log.Closed()
	return c.Conn.Close()
}

// newTransport keeps as many connections as there are lanes. It follows no redirect and takes no proxy from the environment.
func newTransport(o *Options) *http.Transport {
	return &http.Transport{
		DialTLSContext:         func(ctx context.Context, network, addr string) (net.Conn, error) { return dial(ctx, o, addr) },
		DisableCompression:     true,
		MaxIdleConns:           o.Connections,
		MaxIdleConnsPerHost:    o.Connections,
		IdleConnTimeout:        time.Minute,
		ResponseHeaderTimeout:  o.Timeouts.Reply,
		MaxResponseHeaderBytes: 64 << 10,
		WriteBufferSize:        32 << 10,
	}
}

// dial connects and starts TLS.
func dial(ctx context.Context, o *Options, address string) (*conn, error) {
	bounded, cancel := context.WithTimeoutCause(ctx, o.Timeouts.Connect, os.ErrDeadlineExceeded)
	raw, err := o.Dial(bounded, "tcp", address)
	cancel()
	log := o.Transcript.Connect(address, err)
	if err != nil {
		return nil, &connError{verb: "connect", err: err}
	}
	cfg := o.TLSConfig.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(address)
	}
	c := &conn{Conn: trust.Client(raw, cfg), log: log, block: o.Timeouts.Block}
	bounded, cancel = context.WithTimeoutCause(ctx, o.Timeouts.TLS, os.ErrDeadlineExceeded)
	defer cancel()
	if err := c.HandshakeContext(bounded); err != nil {
		log.Failed(err)
		if bounded.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("no handshake within %v: %w", o.Timeouts.TLS, os.ErrDeadlineExceeded)
		}
		c.Close()
		return nil, &tlsError{err}
	}
	log.Secured(c.ConnectionState())
	return c, nil
}

// secured is how a connection is protected; nil: there is none.
func (c *conn) secured() *tls.ConnectionState {
	if c == nil {
		return nil
	}
	state := c.ConnectionState()
	return &state
}
