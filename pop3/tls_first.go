package pop3

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/trust"
)

// ErrTLSFirst means that no greeting came in plaintext, and that the server speaks TLS from the first octet there. It is inside
// a *TLSError.
var ErrTLSFirst = errors.New("the server expects TLS at once on this port, and says nothing without")

// Diagnose looks once more at a server whose Dial without TLS failed with err, and returns what is known then. If no greeting
// came, it connects again, shakes hands and sends nothing else: a server that answers that expects TLS at once, whether or not
// its certificate is right. Any other err is returned as it is.
func Diagnose(ctx context.Context, o Options, err error) error {
	if o.TLS == ImplicitTLS || !silent(err) || ctx.Err() != nil || !expectsTLS(ctx, o.withDefaults()) {
		return err
	}
	return &TLSError{"greeting", fmt.Errorf("%w: %w", ErrTLSFirst, err)}
}

func expectsTLS(ctx context.Context, o Options) bool {
	o.Timeouts.TLS = min(o.Timeouts.TLS, o.Timeouts.Reply, 10*time.Second) // whoever speaks TLS at once begins soon
	conn, err := connect(ctx, o)
	if err != nil {
		return false
	}
	c := newClient(o, conn)
	defer c.Close()
	if err := c.begin(ctx, "TLS handshake"); err != nil {
		return false
	}
	defer c.end()
	err = c.handshake()
	var failed *trust.Failure
	return err == nil || errors.As(err, &failed) && failed.Answered()
}

// silent tells that instead of a greeting nothing came, or an alert of TLS.
func silent(err error) bool {
	var conn *ConnError
	var protocol *ProtocolError
	switch {
	case errors.As(err, &conn):
		return conn.Command == "greeting" && (conn.Timeout() || ended(conn.Err))
	case errors.As(err, &protocol):
		return protocol.Command == "greeting" && strings.HasPrefix(protocol.Text, `\x15\x03`)
	}
	return false
}
