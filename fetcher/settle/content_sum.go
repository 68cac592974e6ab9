package settle

import (
	"bytes"
	"crypto/sha256"
	"hash"
)

// ContentSum is the SHA-256 by which a message is known again. Mailboxes write into the header of a message whether it was
// read (Status, X-Status): such lines do not count. The header is held until it is complete, within bounds; what is longer
// counts as a whole.
type ContentSum struct {
	whole  hash.Hash
	bare   hash.Hash // without the lines that do not count
	header []byte    // of a message whose header is not complete yet
	past   bool      // the header is over
	rested bool      // bare differs from whole
}

// headerHeld is how much of a header is held, in octets.
const headerHeld = 64 << 10

// NewContentSum is ready for a message.
func NewContentSum() *ContentSum {
	return &ContentSum{whole: sha256.New(), bare: sha256.New()}
}

// Reset makes it ready for the next message.
func (s *ContentSum) Reset() {
	s.whole.Reset()
	s.header, s.past, s.rested = s.header[:0], false, false
}

// Write takes the next octets; lines may end in CRLF or LF.
func (s *ContentSum) Write(b []byte) {
	s.whole.Write(b)
	if s.past {
		if s.rested {
			s.bare.Write(b)
		}
		return
	}
	if len(s.header) == 0 && headerEnds(b, 0) { // as nearly always: nothing needs to be held
		s.end(b)
		return
	}
	from := max(0, len(s.header)-3) // an empty line may lie across two pieces
	s.header = append(s.header, b...)
	if headerEnds(s.header, from) || len(s.header) > headerHeld {
		s.end(s.header)
	}
}

// headerEnds tells whether an empty line follows a line from position i on, or begins the message.
func headerEnds(h []byte, i int) bool {
	if len(h) > 0 && h[0] == '\n' || len(h) > 1 && h[0] == '\r' && h[1] == '\n' {
		return true
	}
	return bytes.Contains(h[i:], []byte("\n\r\n")) || bytes.Contains(h[i:], []byte("\n\n"))
}

// end looks through the header once it is complete; what follows it may be there too.
func (s *ContentSum) end(h []byte) {
	s.past = true
	if !mentionsStatus(h) {
		return
	}
	s.bare.Reset()
	skip, body := false, false
	for line := range bytes.Lines(h) {
		if !body {
			switch {
			case isEmpty(line):
				skip, body = false, true
			case line[0] != ' ' && line[0] != '\t':
				skip = isStatus(line)
			}
		}
		if skip {
			s.rested = true
			continue
		}
		s.bare.Write(line)
	}
}

// mentionsStatus is a quick look: most headers have no such line.
func mentionsStatus(h []byte) bool {
	for line := range bytes.Lines(h) {
		switch {
		case isStatus(line):
			return true
		case isEmpty(line):
			return false
		}
	}
	return false
}

func isEmpty(line []byte) bool { return len(bytes.TrimRight(line, "\r\n")) == 0 }

func isStatus(line []byte) bool {
	name, _, ok := bytes.Cut(line[:min(len(line), 10)], []byte(":"))
	return ok && (bytes.EqualFold(name, []byte("status")) || bytes.EqualFold(name, []byte("x-status")))
}

// Sums gives the sum that counts, and that of all octets.
func (s *ContentSum) Sums() (bare, whole [32]byte) {
	if !s.past {
		s.end(s.header) // a message of nothing but a header
	}
	s.whole.Sum(whole[:0])
	if !s.rested {
		return whole, whole
	}
	s.bare.Sum(bare[:0])
	return bare, whole
}
