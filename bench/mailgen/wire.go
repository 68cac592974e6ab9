package mailgen

import "bytes"

// Wire is what a client holds after undoing the dots (RFC 1939, section 3) when a server sends message: the same
// octets, with CRLF at the end where that was missing, since the terminator takes its own line. An empty message
// stays empty.
func Wire(message []byte) []byte {
	if len(message) == 0 || bytes.HasSuffix(message, []byte("\r\n")) {
		return message
	}
	return append(bytes.Clone(message), "\r\n"...)
}

// Stored is what must be in a Maildir for message: Wire with every CRLF made LF and nothing else changed.
func Stored(message []byte) []byte {
	return bytes.ReplaceAll(Wire(message), []byte("\r\n"), []byte("\n"))
}
