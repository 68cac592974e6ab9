package pop3

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/sasl"
	"github.com/popsync/popsync/internal/trust"
)

// ResponseError is a refusal: the server answered -ERR. The conversation is intact.
type ResponseError struct {
	Command string // the verb alone, or "greeting"
	Num     int    // message number, 0 when there is none
	Code    string // response code without brackets, upper-case (RFC 2449, section 8; RFC 3206); "" when there is none
	Text    string // the rest, made harmless by foreign.Show, at most 1 KiB; never a secret
	Gone    bool   // the text says that the server does not have this message any more; another listing tells whether that is so
}

func (e *ResponseError) Error() string {
	s := operation(e.Command, e.Num) + ": server refused"
	if e.Code != "" {
		s += " [" + e.Code + "]"
	}
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// ProtocolError means that the server sent what POP3 does not allow. The client is broken.
type ProtocolError struct {
	Command string // the verb alone, "greeting" or "STLS"
	Num     int    // message number, 0 when there is none
	Text    string // what the server sent, made harmless by foreign.Show, at most 1 KiB; never a secret
	Err     error  // what is wrong with it
}

func (e *ProtocolError) Error() string {
	s := operation(e.Command, e.Num) + ": " + e.Err.Error()
	if e.Text != "" {
		s += ": \"" + e.Text + "\""
	}
	return s
}

func (e *ProtocolError) Unwrap() error { return e.Err }

// LimitError means that the server sent more than is accepted. The client is broken.
type LimitError struct {
	Command string
	Num     int
	What    string // "status line", "listing line", "listing", "whole listing", "capabilities", "message", "header"
	Max     int    // octets, or lines for "listing" and "capabilities"
}

func (e *LimitError) Error() string {
	unit := "octets"
	if e.What == "listing" || e.What == "capabilities" {
		unit = "lines"
	}
	return fmt.Sprintf("%s: %s is longer than %d %s", operation(e.Command, e.Num), e.What, e.Max, unit)
}

// ConnError means that the connection failed, was closed, timed out or was given up because the context ended. The
// client is broken. Err keeps the cause: io.EOF (closed between replies), io.ErrUnexpectedEOF (closed inside one),
// os.ErrDeadlineExceeded, the context's error, or what the network said.
type ConnError struct {
	Command string // what was under way: a verb, "connect", "TLS handshake" or "greeting"
	Num     int    // message number at the head of the pipeline, 0 when there is none
	Err     error

	behindCapa bool // the peer hung up at the first command after it had refused CAPA
}

func (e *ConnError) Error() string {
	s := operation(e.Command, e.Num) + ": "
	switch {
	case e.Err == io.EOF:
		return s + "server closed the connection"
	case e.Err == io.ErrUnexpectedEOF:
		return s + "server closed the connection in the middle of a reply"
	case errors.Is(e.Err, ErrSlow):
		return s + "server sends too slowly"
	case e.Timeout() && e.Command != "connect":
		return s + "server did not answer in time"
	}
	return s + e.Err.Error()
}

func (e *ConnError) Unwrap() error { return e.Err }

// Timeout tells whether the server was too slow.
func (e *ConnError) Timeout() bool { return errors.Is(e.Err, os.ErrDeadlineExceeded) }

// TLSError means that TLS could not be established; nothing but CAPA and STLS was sent. Err keeps the cause: a *trust.Failure and
// what it wraps, ErrNoSTLS with a *ResponseError or without, ErrTLSFirst.
type TLSError struct {
	Op  string // "TLS handshake", "STLS" or "greeting"
	Err error
}

func (e *TLSError) Error() string { return "pop3: " + e.Op + ": " + e.Err.Error() }
func (e *TLSError) Unwrap() error { return e.Err }

// Class says why.
func (e *TLSError) Class() trust.Class {
	var failed *trust.Failure
	switch {
	case errors.As(e.Err, &failed):
		return failed.Class
	case errors.Is(e.Err, ErrNoSTLS):
		return trust.NoStartTLS
	case errors.Is(e.Err, ErrTLSFirst):
		return trust.TLSFirst
	}
	return trust.Unclear
}

// Hint is the next step for a person; "": there is none but trying again.
func (e *TLSError) Hint() string {
	var failed *trust.Failure
	if errors.As(e.Err, &failed) {
		return failed.Hint()
	}
	return e.Class().Hint()
}

// LoginError means that the server refused the login; Err is a *ResponseError. It must not be tried again at once.
type LoginError struct {
	Err    error
	Method string // that was refused last, as in sasl.Outcome; "": not known
}

func (e *LoginError) Error() string {
	r, ok := e.Err.(*ResponseError)
	if !ok {
		return "login refused: " + e.Err.Error()
	}
	s := "login refused by the server"
	if r.Code != "" {
		s += " [" + r.Code + "]"
	}
	if r.Text != "" {
		s += ": " + r.Text
	}
	return s
}

func (e *LoginError) Unwrap() error { return e.Err }

// SecretError means that the secret could not be read or cannot be sent. It was not sent to the server.
type SecretError struct {
	Err   error
	Token bool // it is an access token
}

func (e *SecretError) Error() string { return (&sasl.SecretError{Token: e.Token, Err: e.Err}).Error() }
func (e *SecretError) Unwrap() error { return e.Err }

// BrokenError is what a client answers to every call after the conversation broke; Err is what broke it.
type BrokenError struct{ Err error }

func (e *BrokenError) Error() string { return "pop3: connection is no longer usable: " + e.Err.Error() }
func (e *BrokenError) Unwrap() error { return e.Err }

// ErrNoSTLS means that TLS was required and the server does not offer STLS, or refused it.
var ErrNoSTLS = errors.New("the server offers no TLS here (STLS)")

// ErrStep means that the reply to LIST n names another message, or none: replies stand for other commands than they are
// taken for, or the server has no LIST with an argument. It is inside a *ProtocolError.
var ErrStep = errors.New("the reply names another message than was asked for")

// ErrCut means that a message ended, and that what follows is no reply: the server does not stuff dots (RFC 1939, section
// 3), and the end is that of a line in the message. It is inside a *ProtocolError.
var ErrCut = errors.New("message ended, but what follows is no reply: its lines were not dot-stuffed")

// Facts about wrong replies, inside *ProtocolError or *LimitError.
var (
	errNotPOP3     = errors.New("reply is neither +OK nor -ERR")
	errBareLF      = errors.New("line ends in a bare LF, not CRLF")
	errLongLine    = errors.New("line too long")
	errUnsolicited = errors.New("server sent more than was asked for")
	errBusy        = errors.New("pop3: client is in use by another call")
	errStale       = errors.New("pop3: message body used after its handler returned")
)

// errInjected is errUnsolicited where it was to be believed under TLS.
var errInjected = fmt.Errorf("%w, in plaintext behind its answer to STLS: that could be somebody between, who wants it to be believed under TLS; no password was sent", errUnsolicited)

func operation(command string, num int) string {
	if num > 0 {
		return "pop3: " + command + " " + strconv.Itoa(num)
	}
	return "pop3: " + command
}

// maxErrorText bounds server text kept in an error, in octets.
const maxErrorText = 1024

// escape makes server text harmless wherever it is printed: see foreign.Show.
func escape(b []byte) string { return foreign.Show(b, maxErrorText) }
