package imap

import (
	"errors"
	"io"
	"os"

	"github.com/popsync/popsync/internal/foreign"
)

// replyError is a refusal: NO or BAD, or a BYE that came in place of an answer.
type replyError struct {
	verb   string // command, or "greeting"
	status string // NO, BAD or BYE
	code   string // TRYCREATE; "": none
	words  string // the text in lower case, for the table
	text   string // for people: escaped, clipped, without secrets
}

func (e *replyError) Error() string {
	s := e.verb + ": server said " + e.status
	if e.code != "" {
		s += " [" + foreign.Show([]byte(e.code), 64) + "]"
	}
	if e.text != "" {
		s += " " + e.text
	}
	return s
}

// connError means that the conversation broke: the network failed, or the server talked nonsense.
type connError struct {
	verb string
	err  error
	bye  string // what the server said as it hung up, like replyError's text; may be ""
}

func (e *connError) Error() string {
	s := e.verb + ": "
	switch {
	case e.err == io.EOF:
		s += "server closed the connection"
	case e.err == io.ErrUnexpectedEOF:
		s += "server closed the connection in the middle of an answer"
	case errors.Is(e.err, os.ErrDeadlineExceeded) && e.verb != "connect":
		s += "server did not answer in time"
	default:
		s += e.err.Error()
	}
	if e.bye != "" {
		s += ": it said BYE " + e.bye
	}
	return s
}

func (e *connError) Unwrap() error { return e.err }

// tlsError means that TLS could not be established. No password was sent.
type tlsError struct{ err error }

func (e *tlsError) Error() string { return "TLS handshake: " + printable(e.err.Error(), nil) }
func (e *tlsError) Unwrap() error { return e.err }

// Reasons for which nothing more is sent to a server.
var (
	errNoStartTLS = errors.New("the server offers no TLS here (STARTTLS)")
	errPreAuth    = errors.New("the server says that the login is done already, before TLS, which cannot start any more")
	errPlain      = errors.New("a password is not sent without TLS")
	errClosed     = errors.New("the destination is closed")
	errForbidden  = errors.New("the command holds a CR, LF or NUL, which cannot be sent")
)

// folderError is a mailbox name that this server cannot have.
type folderError struct{ text, hint string }

func (e *folderError) Error() string { return e.text }

// maxErrorText bounds server text kept in an error, in octets.
const maxErrorText = 512

// printable makes server text harmless wherever it is printed: secrets go, then see foreign.Show.
func printable(s string, secrets *foreign.Secrets) string {
	return secrets.Show([]byte(s), maxErrorText, false)
}
