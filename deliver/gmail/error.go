package gmail

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/foreign"
)

// refusal is an answer of Gmail's that is none of success.
type refusal struct {
	verb    string   // what was asked for: "import"
	status  int      // of HTTP
	reasons []string // of the error and its details, as Google writes them: invalidArgument, SERVICE_DISABLED; none: it gave none
	words   string   // the message in lower case, for the table
	text    string   // for people: escaped, clipped, without secrets
	wait    time.Duration
	via     *conn
}

func (e *refusal) Error() string {
	s := fmt.Sprintf("%s: Gmail said %d", e.verb, e.status)
	if len(e.reasons) > 0 {
		s += " " + e.reasons[0]
	}
	if e.text != "" {
		s += ": " + e.text
	}
	return s
}

// is tells whether one of the reasons is given.
func (e *refusal) is(reasons ...string) bool {
	return slices.ContainsFunc(e.reasons, func(given string) bool {
		return slices.ContainsFunc(reasons, func(r string) bool { return strings.EqualFold(r, given) })
	})
}

// says tells whether the message has one of the words.
func (e *refusal) says(words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(e.words, w) })
}

// connError means that there is no answer: the network failed, or what came is none of Gmail's.
type connError struct {
	verb  string
	err   error
	whole bool // the whole request was sent, or may have been
}

func (e *connError) Error() string {
	s := e.verb + ": "
	switch {
	case errors.Is(e.err, io.ErrUnexpectedEOF), errors.Is(e.err, io.EOF):
		return s + "the server closed the connection without an answer"
	case errors.Is(e.err, os.ErrDeadlineExceeded), timeout(e.err):
		return s + "the server did not answer in time"
	}
	return s + e.err.Error()
}

func (e *connError) Unwrap() error { return e.err }

func timeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// tlsError means that TLS could not be established. No token was sent.
type tlsError struct{ err error }

func (e *tlsError) Error() string { return "TLS handshake: " + foreign.Tidy(e.err.Error(), maxText) }
func (e *tlsError) Unwrap() error { return e.err }

// tokenError means that there is no access token.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

// recordError means that the file of sessions could not be written.
type recordError struct{ err error }

func (e *recordError) Error() string { return e.err.Error() }
func (e *recordError) Unwrap() error { return e.err }

// sourceError means that our own copy could not be read.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// mergedError is of a message that Gmail has taken for another one.
type mergedError struct{}

func (mergedError) Error() string {
	return "merged by Gmail: it has a message of ours with the same Message-ID, and keeps only that one"
}
func (mergedError) Unwrap() error { return deliver.ErrInferred }

// otherError means that the login is not the one of the mailbox.
type otherError struct{ text, hint string }

func (e *otherError) Error() string { return e.text }

var (
	errEmpty  = errors.New("it is empty, and Gmail takes that for no message")
	errBig    = errors.New("it is larger than Gmail takes by its interface (150 MB; by IMAP 34 MB, and 25 MB of attachments where people send)")
	errClosed = errors.New("the destination is closed")
	errAnswer = errors.New("the answer is none of Gmail's")
	errPlace  = errors.New("the upload was to go to another host than Gmail's")
)

// maxText bounds foreign text kept in an error, in octets.
const maxText = 512
