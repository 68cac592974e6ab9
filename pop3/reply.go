package pop3

import (
	"bytes"
	"strings"
)

// parseStatus takes a status line without its CRLF apart: "+OK" or "-ERR", then the end or a space and text
// (RFC 1939, section 3).
func parseStatus(line []byte) (ok bool, text []byte, err error) {
	switch {
	case bytes.HasPrefix(line, []byte("+OK")):
		ok, text = true, line[3:]
	case bytes.HasPrefix(line, []byte("-ERR")):
		text = line[4:]
	default:
		return false, nil, errNotPOP3
	}
	if len(text) > 0 {
		if text[0] != ' ' {
			return false, nil, errNotPOP3
		}
		text = text[1:]
	}
	return ok, text, nil
}

// plausibleStatus tells whether b, possibly cut short, can be the start of a status line.
func plausibleStatus(b []byte) bool {
	for _, s := range []string{"+OK", "-ERR"} {
		n := min(len(b), len(s))
		if string(b[:n]) == s[:n] && (len(b) <= n || b[n] == ' ' || b[n] == '\r') {
			return true
		}
	}
	return false
}

// maxCode is the longest response code that is taken for one; real ones have some ten octets.
const maxCode = 64

// parseCode takes a response code off the start of the text of a -ERR (RFC 2449, section 8): levels of visible ASCII
// between slashes, in brackets. Text that merely looks similar is left whole.
func parseCode(text []byte) (code string, rest []byte) {
	if len(text) == 0 || text[0] != '[' {
		return "", text
	}
	n := bytes.IndexByte(text, ']')
	if n < 2 || n-1 > maxCode {
		return "", text
	}
	for _, ch := range text[1:n] {
		if ch <= ' ' || ch > '~' || ch == '[' {
			return "", text
		}
	}
	return strings.ToUpper(string(text[1:n])), bytes.TrimPrefix(text[n+1:], []byte(" "))
}
