package pop3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"time"
)

// Misfit is why TLS cannot come about between a server and us, whenever it is tried.
type Misfit int

const (
	Fits            Misfit = iota // nothing of the following is known
	MisfitVersion                 // the server speaks TLS 1.1 at most
	MisfitCiphers                 // there is no key exchange or cipher that both know and that is safe
	MisfitPlaintext               // the server greets in plaintext where TLS was begun
	MisfitTLSFirst                // the server expects TLS where its greeting was awaited
	MisfitProtocol                // the server offers another protocol than POP3 inside TLS
)

// Alerts that say so (RFC 8446, section 6; RFC 7301, section 3.2).
const (
	alertHandshakeFailure     = 40
	alertProtocolVersion      = 70
	alertInsufficientSecurity = 71
	alertNoProtocol           = 120
)

// Misfit tells whether the settings of both sides are the reason, which no waiting changes.
func (e *TLSError) Misfit() Misfit {
	var record tls.RecordHeaderError
	switch {
	case errors.Is(e.Err, ErrTLSFirst):
		return MisfitTLSFirst
	case errors.As(e.Err, &record):
		if string(record.RecordHeader[:4]) == "+OK " || string(record.RecordHeader[:]) == "+OK\r\n" {
			return MisfitPlaintext
		}
	case strings.Contains(e.Err.Error(), "server selected unsupported protocol version"): // crypto/tls has no type for it
		return MisfitVersion
	}
	switch alertOf(e.Err) {
	case alertHandshakeFailure, alertInsufficientSecurity:
		return MisfitCiphers
	case alertProtocolVersion:
		return MisfitVersion
	case alertNoProtocol:
		return MisfitProtocol
	}
	return Fits
}

// alertOf is the alert that the server sent, 0 for none. Its type in crypto/tls has no name outside.
func alertOf(err error) uint64 {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return 0
	}
	if v := reflect.ValueOf(op.Err); v.Kind() == reflect.Uint8 {
		return v.Uint()
	}
	return 0
}

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
	c := &Client{opt: o, raw: conn, w: newWire(conn)}
	defer c.Close()
	if err := c.begin(ctx, "TLS handshake"); err != nil {
		return false
	}
	defer c.end()
	err = c.handshake()
	var failed *TLSError
	if !errors.As(err, &failed) {
		return err == nil
	}
	return failed.Certificate() || alertOf(failed.Err) != 0
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
