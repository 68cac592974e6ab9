package smtp

import (
	"errors"
	"io"
	"os"
	"strconv"

	"github.com/popsync/popsync/internal/foreign"
)

// replyError is a refusal, or a 421: then the server closes the connection (RFC 5321, section 3.8).
type replyError struct {
	verb  string // command, or "greeting", "end of data"
	reply reply
	text  string // for people: escaped, clipped, without secrets
}

func (e *replyError) Error() string {
	s := e.verb + ": server said " + strconv.Itoa(e.reply.code)
	if e.text != "" {
		s += " " + e.text
	}
	return s
}

// connError means that the conversation broke: the network failed, or the server talked nonsense.
type connError struct {
	verb string
	err  error
	text string // what the server sent last, like replyError's; may be ""
}

func (e *connError) Error() string {
	s := e.verb + ": "
	switch {
	case e.err == io.EOF:
		s += "server closed the connection"
	case e.err == io.ErrUnexpectedEOF:
		s += "server closed the connection in the middle of a reply"
	case errors.Is(e.err, os.ErrDeadlineExceeded) && e.verb != "connect":
		s += "server did not answer in time"
	default:
		s += e.err.Error()
	}
	if e.text != "" {
		s += ": \"" + e.text + "\""
	}
	return s
}

func (e *connError) Unwrap() error { return e.err }

// tlsError means that TLS could not be established. No password was sent.
type tlsError struct{ err error }

func (e *tlsError) Error() string { return "TLS handshake: " + printable(e.err.Error(), nil, false) }
func (e *tlsError) Unwrap() error { return e.err }

// Reasons for which nothing more is sent to a server.
var (
	errNoStartTLS = errors.New("the server offers no TLS here (STARTTLS)")
	errPlain      = errors.New("a password is not sent without TLS")
	errNoUTF8     = errors.New("an address is not ASCII, and the server does not offer SMTPUTF8")
	errClosed     = errors.New("the destination is closed")
)

// maxErrorText bounds server text kept in an error, in octets.
const maxErrorText = 512

// printable makes server text harmless wherever it is printed: secrets go, then see foreign.Show. cut: it ends before the server
// had ended.
func printable(s string, secrets *foreign.Secrets, cut bool) string {
	return secrets.Show([]byte(s), maxErrorText, cut)
}
