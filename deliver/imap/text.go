package imap

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// textSum sums up the text of a message, without what servers are apt to change in it: CRs, and line ends at the end.
type textSum struct {
	sha    hash.Hash
	out    []byte
	breaks int // line ends that nothing has followed yet
}

func newTextSum() *textSum { return &textSum{sha: sha256.New()} }

func (s *textSum) Write(p []byte) (int, error) {
	for _, ch := range p {
		switch ch {
		case '\r':
			continue
		case '\n':
			s.breaks++
			continue
		}
		for ; s.breaks > 0; s.breaks-- {
			s.put('\n')
		}
		s.put(ch)
	}
	return len(p), nil
}

func (s *textSum) put(ch byte) {
	if s.out = append(s.out, ch); len(s.out) >= blockSize {
		s.sha.Write(s.out)
		s.out = s.out[:0]
	}
}

// sum ends it.
func (s *textSum) sum() string {
	s.sha.Write(s.out)
	s.out = s.out[:0]
	return hex.EncodeToString(s.sha.Sum(nil)[:16])
}

// splitter finds where the text of a message begins: behind its first empty line.
type splitter struct {
	text  *textSum
	found bool
	line  int // octets of this line that are no CR
}

// Write gives the text on, and says how much of p was the header.
func (s *splitter) Write(p []byte) (header int) {
	for i, ch := range p {
		switch {
		case s.found:
			s.text.Write(p[i:])
			return i
		case ch == '\n' && s.line == 0:
			s.found = true
		case ch == '\n':
			s.line = 0
		case ch != '\r':
			s.line++
		}
	}
	return len(p)
}
