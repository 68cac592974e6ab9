package command

import "bytes"

// lineEnds turns CRLF into LF, whatever pieces the text comes in, and changes nothing else.
type lineEnds struct {
	keep bool // change nothing at all
	cr   bool // a CR came last; what follows decides about it
}

// append adds the converted p to dst, at most len(p)+1 octets.
func (l *lineEnds) append(dst, p []byte) []byte {
	if l.keep || len(p) == 0 {
		return append(dst, p...)
	}
	if l.cr && p[0] != '\n' {
		dst = append(dst, '\r')
	}
	if l.cr = p[len(p)-1] == '\r'; l.cr {
		p = p[:len(p)-1]
	}
	for {
		i := bytes.Index(p, []byte("\r\n"))
		if i < 0 {
			return append(dst, p...)
		}
		dst = append(append(dst, p[:i]...), '\n')
		p = p[i+2:]
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
