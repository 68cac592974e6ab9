package pop3

import (
	"bytes"
	"errors"
)

// Longest lines we send, in octets with CRLF.
const (
	maxCommand    = 255   // RFC 2449, section 4
	maxCredential = 12288 // RFC 5034, section 4, for SASL; the same for USER and PASS, as long tokens exist
)

// Reasons why a command is not sent. They never name the argument, which may be a secret.
var (
	errForbidden   = errors.New("argument holds a CR, LF or NUL, which cannot be sent")
	errLongCommand = errors.New("command line would be too long")
	errVerb        = errors.New("not a command")
)

// appendCommand is the one place where commands are made: it appends "VERB ARG CRLF" to dst, or only "ARG CRLF" for
// an empty verb (the second step of AUTH). It refuses whatever could become a second command on the wire.
func appendCommand(dst []byte, verb string, arg []byte) ([]byte, error) {
	for i := range len(verb) {
		if verb[i] < 'A' || verb[i] > 'Z' {
			return dst, errVerb
		}
	}
	if bytes.ContainsAny(arg, "\r\n\x00") {
		return dst, errForbidden
	}
	limit := maxCommand
	switch verb {
	case "", "USER", "PASS":
		limit = maxCredential
	}
	if len(verb)+1+len(arg)+2 > limit {
		return dst, errLongCommand
	}
	dst = append(dst, verb...)
	if len(arg) > 0 {
		if verb != "" {
			dst = append(dst, ' ')
		}
		dst = append(dst, arg...)
	}
	return append(dst, '\r', '\n'), nil
}
