package pop3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/trust"
)

// talk is the conversation of a session: one command, one reply, and what becomes of errors. Only the call under way touches it.
type talk struct {
	w           *wire
	opt         *Options
	secrets     *foreign.Secrets // struck out of server text; nil: none are known yet
	cmd         []byte           // scratch for a command
	capaRefused bool             // CAPA was answered -ERR
	broken      error            // what broke the conversation
	ctx         context.Context  // of the call under way; nil: none is
}

// fail turns what went wrong while command was under way into a typed error, and breaks the client. text is what the
// server sent.
func (t *talk) fail(command string, num int, text []byte, err error) error {
	var noTLS *trust.Failure // behind a handshake: the server refuses our certificate
	switch {
	case t.ctx != nil && t.ctx.Err() != nil:
		err = &ConnError{Command: command, Num: num, Err: context.Cause(t.ctx)}
	case errors.Is(err, errBareLF), errors.Is(err, errNotPOP3), errors.Is(err, errUnsolicited), errors.Is(err, ErrCut), errors.Is(err, ErrStep):
		err = &ProtocolError{command, num, t.clean(text), err}
	case errors.As(err, &noTLS):
		err = &TLSError{"TLS handshake", noTLS}
	default:
		behind := t.capaRefused && (command == "USER" || command == "STLS") && ended(err)
		err = &ConnError{Command: command, Num: num, Err: err, behindCapa: behind}
	}
	t.broken = err
	return err
}

func (t *talk) limit(command string, num int, what string, most int) error {
	t.broken = &LimitError{command, num, what, most}
	return t.broken
}

// clean makes server text fit for an error: secrets struck out, then escaped, then cut. It may have been cut before, by whoever
// stopped reading or sending.
func (t *talk) clean(text []byte) string { return t.secrets.Show(text, maxErrorText, true) }

func (t *talk) strike(text []byte) []byte { return t.secrets.Strike(text) }

// refusal is a -ERR with its text after the space.
func (t *talk) refusal(verb string, num int, text []byte) error {
	code, rest := parseCode(t.strike(text))
	return &ResponseError{verb, num, code, t.secrets.Show(rest, maxErrorText, false), num > 0 && saysGone(text)} // by what was said, before a secret is struck out
}

// command appends a command to dst. What cannot be sent is the caller's fault and leaves the client as it is.
func (t *talk) command(dst []byte, verb string, arg []byte) ([]byte, error) {
	dst, err := appendCommand(dst, verb, arg)
	if err != nil {
		return dst, fmt.Errorf("%s: %w", operation(verb, 0), err)
	}
	return dst, nil
}

// inStep fails when the server sent something although nothing is outstanding.
func (t *talk) inStep(verb string, num int) error {
	if b := t.w.buffered(); len(b) > 0 {
		return t.fail(verb, num, b, errUnsolicited)
	}
	return nil
}

// exchange sends one command and reads the status line of its reply, within patience.
func (t *talk) exchange(verb string, arg []byte, patience time.Duration) error {
	if err := t.send(verb, arg, patience); err != nil {
		return err
	}
	return t.status(verb, 0, patience)
}

// send sends one command while nothing is outstanding. The scratch buffer is wiped, for it may hold a secret.
func (t *talk) send(verb string, arg []byte, patience time.Duration) error {
	if err := t.inStep(verb, 0); err != nil {
		return err
	}
	cmd, err := t.command(t.cmd[:0], verb, arg)
	if err != nil {
		return err
	}
	err = t.w.write(cmd, time.Now().Add(patience))
	clear(cmd)
	t.cmd = cmd
	if err != nil {
		return t.fail(verb, 0, nil, err)
	}
	return nil
}

// status reads a status line: nil for +OK, *ResponseError for -ERR; anything else breaks the client.
func (t *talk) status(verb string, num int, patience time.Duration) error {
	_, err := t.statusText(verb, num, patience)
	return err
}

// statusText is status, and returns the text after +OK; it is valid until the next read.
func (t *talk) statusText(verb string, num int, patience time.Duration) ([]byte, error) {
	line, err := t.replyLine(verb, num, time.Now().Add(patience))
	if err != nil {
		return nil, err
	}
	ok, text, err := parseStatus(line)
	switch {
	case err != nil:
		return nil, t.fail(verb, num, line, err)
	case !ok:
		return nil, t.refusal(verb, num, text)
	}
	return text, nil
}

// replyLine reads one line of at most Limits.StatusLine octets, all of it before deadline.
func (t *talk) replyLine(verb string, num int, deadline time.Time) ([]byte, error) {
	t.w.deadline = deadline
	line, err := t.w.line(t.opt.Limits.StatusLine)
	t.w.deadline = time.Time{}
	switch {
	case err == errLongLine:
		return nil, t.limit(verb, num, "status line", t.opt.Limits.StatusLine)
	case (err == io.EOF || err == io.ErrUnexpectedEOF) && len(line) > 0 && !plausibleStatus(line):
		return nil, t.fail(verb, num, line, errNotPOP3) // a peer that says something else and hangs up
	case err != nil:
		return nil, t.fail(verb, num, line, err)
	}
	return line, nil
}

// patience is when a reply that is asked for now must have come.
func (t *talk) patience() time.Time { return time.Now().Add(t.opt.Timeouts.Reply) }
