package pop3test

import (
	"bufio"
	"bytes"
	"io"
)

// writeMessage sends a message with its terminator (RFC 1939, section 3): a dot is added in front of a dot that
// begins the message or follows CRLF, and CRLF at the end when it is missing. With lines of at least 0 only the header
// and that many lines of the body are sent; lines end in LF, with or without CR.
func writeMessage(w *bufio.Writer, r io.Reader, lines int) error {
	s := stuffer{w: w, bol: true}
	if lines >= 0 {
		r = &topReader{r: bufio.NewReader(r), left: lines}
	}
	if _, err := io.Copy(&s, r); err != nil {
		return err
	}
	if !s.bol {
		_, _ = w.WriteString("\r\n")
	}
	_, err := w.WriteString(".\r\n")
	return err
}

type stuffer struct {
	w   *bufio.Writer
	bol bool // the last two octets were CRLF, or nothing was sent
	cr  bool // the last octet was CR
}

func (s *stuffer) Write(b []byte) (int, error) {
	all := len(b)
	for len(b) > 0 {
		if s.bol && b[0] == '.' {
			if err := s.w.WriteByte('.'); err != nil {
				return 0, err
			}
		}
		n := len(b)
		if s.cr && b[0] == '\n' {
			n = 1
		} else if i := bytes.Index(b, []byte("\r\n")); i >= 0 {
			n = i + 2
		}
		piece := b[:n]
		s.bol = bytes.HasSuffix(piece, []byte("\r\n")) || s.cr && n == 1 && piece[0] == '\n'
		s.cr = piece[n-1] == '\r'
		if _, err := s.w.Write(piece); err != nil {
			return 0, err
		}
		b = b[n:]
	}
	return all, nil
}

// topReader gives the header, the empty line after it, and some lines of the body.
type topReader struct {
	r    *bufio.Reader
	left int
	body bool
	line []byte
}

func (t *topReader) Read(p []byte) (int, error) {
	for len(t.line) == 0 {
		if t.body && t.left == 0 {
			return 0, io.EOF
		}
		line, err := t.r.ReadBytes('\n')
		if len(line) == 0 {
			return 0, err
		}
		if t.body {
			t.left--
		} else if len(bytes.TrimRight(line, "\r\n")) == 0 {
			t.body = true
		}
		t.line = line
	}
	n := copy(p, t.line)
	t.line = t.line[n:]
	return n, nil
}
