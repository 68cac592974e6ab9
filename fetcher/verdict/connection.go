package verdict

import (
	"errors"
	"io"
	"os"

	"github.com/popsync/popsync/pop3"
)

// Endless tells that a message became so much longer than listed that its end was not waited for.
func Endless(err error) bool {
	var limit *pop3.LimitError
	return errors.As(err, &limit) && limit.Command == "RETR" && limit.Num > 0
}

// NoTLS tells that TLS cannot come about, however long is waited: the certificate, the settings of both sides or what the port is
// for are the reason.
func NoTLS(err error) bool {
	var e *pop3.TLSError
	return errors.As(err, &e) && e.Class().Lasting()
}

// Chargeable tells whether an error that ended a session before anything of a message's answer came can be that
// message's fault: the server closed, stalled or garbled. A broken network is nobody's.
func Chargeable(err error) bool {
	var protocol *pop3.ProtocolError
	return Endless(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &protocol)
}

// SaysGone tells that a server refuses a message because it does not have it any more: another client deleted it after the
// listing. A code that names another reason counts for more than words.
func SaysGone(err error) bool {
	var r *pop3.ResponseError
	return errors.As(err, &r) && r.Gone && r.Code != "AUTH" && r.Code != "IN-USE" && r.Code != "LOGIN-DELAY"
}

// Disconnected tells that the connection ended, other than by silence.
func Disconnected(err error) bool {
	var conn *pop3.ConnError
	return errors.As(err, &conn) && !conn.Timeout()
}
