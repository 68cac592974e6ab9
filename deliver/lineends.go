package deliver

import "bytes"

// LineEnds turns CRLF into LF, whatever pieces the text comes in, and changes nothing else. The zero value is ready; nil
// changes nothing at all.
type LineEnds struct {
	cr bool // a CR came last; what follows decides about it
}

// Append adds the converted p to dst. At most len(p)+1 octets are added.
func (l *LineEnds) Append(dst, p []byte) []byte {
	if l == nil || len(p) == 0 {
		return append(dst, p...)
	}
	if l.cr && p[0] != '\n' {
		dst = append(dst, '\r')
	}
	l.cr = false
	for {
		i := bytes.IndexByte(p, '\r')
		if i < 0 {
			return append(dst, p...)
		}
		dst = append(dst, p[:i]...)
		p = p[i+1:]
		switch {
		case len(p) == 0:
			l.cr = true
			return dst
		case p[0] != '\n':
			dst = append(dst, '\r')
		}
	}
}

// End adds a CR that was the very last octet.
func (l *LineEnds) End(dst []byte) []byte {
	if l == nil || !l.cr {
		return dst
	}
	l.cr = false
	return append(dst, '\r')
}
