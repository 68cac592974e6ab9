package smtp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// blockSize is how much of a message is read at once, in octets.
const blockSize = 16 << 10

// survey is what a first reading of a message found.
type survey struct {
	read     int64  // octets as they are
	octets   int64  // with CRLF line ends, as SIZE counts them (RFC 1870, section 3)
	first    byte   // the first octet; 0 when there is none
	eightBit bool   // an octet above 127
	nul      bool   // a NUL
	bareCR   bool   // a CR without LF
	longest  int64  // octets of the longest line without CRLF
	header   []byte // the header with CRLF line ends, without the empty line; at most maxHeader octets
	whole    bool   // header is all of it

	collected bool // nothing more goes into header
}

// inspect reads a message from its start to its end.
func inspect(ctx context.Context, body io.ReadSeeker) (survey, error) {
	var s survey
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return s, err
	}
	var lines encoder
	in, out := make([]byte, blockSize), make([]byte, 0, 2*blockSize+2)
	for {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		n, err := body.Read(in)
		p := in[:n]
		if n > 0 && s.read == 0 {
			s.first = p[0]
		}
		s.read += int64(n)
		s.eightBit = s.eightBit || !ascii(p)
		s.nul = s.nul || bytes.IndexByte(p, 0) >= 0
		out = lines.append(out[:0], p)
		if err == io.EOF {
			out = lines.end(out)
		}
		s.octets += int64(len(out))
		s.collect(out, err == io.EOF)
		if err == io.EOF {
			break
		}
		if err != nil {
			return s, err
		}
	}
	s.bareCR, s.longest = lines.bareCR, lines.longest
	return s, nil
}

// collect adds to the header until it is complete, or as much of it as is looked at.
func (s *survey) collect(p []byte, last bool) {
	if s.collected {
		return
	}
	from := max(0, len(s.header)-3)
	s.header = append(s.header, p[:min(len(p), maxHeader-len(s.header))]...)
	i := bytes.Index(s.header[from:], []byte("\r\n\r\n"))
	switch {
	case bytes.HasPrefix(s.header, []byte("\r\n")):
		s.header, s.whole = nil, true
	case i >= 0:
		s.header, s.whole = s.header[:from+i+2], true
	case len(s.header) == maxHeader:
		s.header = s.header[:bytes.LastIndexByte(s.header, '\n')+1] // a line that was cut says nothing
	case last:
		s.whole = true
	default:
		return
	}
	s.collected = true
}

// unwanted says why the options refuse this content; nil when they don't.
func (s *survey) unwanted(o *Options) error {
	switch {
	case s.bareCR && o.BareCR == "refuse":
		return errors.New("the message has a CR without LF")
	case s.nul && o.NUL == "refuse":
		return errors.New("the message has a NUL")
	case s.longest > maxLine && o.LongLines == "refuse":
		return fmt.Errorf("the message has a line of %d octets; %d are allowed", s.longest, maxLine)
	}
	return nil
}
