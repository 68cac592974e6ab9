package deliver

import "bytes"

// lineEnds turns CRLF into LF, whatever pieces the text comes in, and changes nothing else. The zero value is ready.
type lineEnds struct {
	cr bool // a CR came last; what follows decides about it
}

// append adds the converted p to dst. At most len(p)+1 octets are added.
func (l *lineEnds) append(dst, p []byte) []byte {
	if len(p) == 0 {
		return dst
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

// end adds a CR that was the very last octet.
func (l *lineEnds) end(dst []byte) []byte {
	if l.cr {
		dst = append(dst, '\r')
	}
	l.cr = false
	return dst
}
