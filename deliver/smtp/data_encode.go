package smtp

import "bytes"

// encoder makes every line end in CRLF, whatever pieces a message comes in, and stuffs dots if told to. CRLF stays,
// bare LF and bare CR become CRLF: neither is ever in what it gives out, so no receiver can see a line end where
// another sees none. The zero value is ready and stuffs no dots.
type encoder struct {
	stuff   bool  // a dot that begins a line is doubled (RFC 5321, section 4.5.2)
	cr      bool  // a CR came last; what follows decides about it
	inLine  bool  // the line has at least one octet
	column  int64 // octets of the line
	longest int64 // octets of the longest line without CRLF
	bareCR  bool  // there was one
}

// append adds the converted p to dst: at most 2*len(p)+2 octets.
func (e *encoder) append(dst, p []byte) []byte {
	for len(p) > 0 {
		if e.cr {
			e.cr = false
			dst = e.newline(dst)
			if p[0] == '\n' {
				p = p[1:]
				continue
			}
			e.bareCR = true
		}
		n := bytes.IndexAny(p, "\r\n")
		if n < 0 {
			return e.text(dst, p)
		}
		dst = e.text(dst, p[:n])
		if p[n] == '\r' {
			e.cr = true
		} else {
			dst = e.newline(dst)
		}
		p = p[n+1:]
	}
	return dst
}

func (e *encoder) text(dst, p []byte) []byte {
	if len(p) == 0 {
		return dst
	}
	if !e.inLine && e.stuff && p[0] == '.' {
		dst = append(dst, '.')
	}
	e.inLine = true
	e.column += int64(len(p))
	e.longest = max(e.longest, e.column)
	return append(dst, p...)
}

func (e *encoder) newline(dst []byte) []byte {
	e.inLine, e.column = false, 0
	return append(dst, '\r', '\n')
}

// end completes the last line.
func (e *encoder) end(dst []byte) []byte {
	if e.cr {
		e.cr, e.bareCR = false, true
		return e.newline(dst)
	}
	if e.inLine {
		return e.newline(dst)
	}
	return dst
}
