package document

import "strings"

// text skips a text of one line or of several.
func (s *scanner) text(quote byte) {
	fence := strings.Repeat(string(quote), 3)
	if !strings.HasPrefix(s.doc[s.at:], fence) {
		s.quoted(quote)
		return
	}
	for s.at += 3; s.at < len(s.doc); s.at++ {
		switch c := s.doc[s.at]; {
		case c == '\n':
			s.line++
		case c == '\\' && quote == '"':
			if s.at+1 < len(s.doc) && s.doc[s.at+1] != '\n' { // the newline is counted above
				s.at++
			}
		case c == quote && strings.HasPrefix(s.doc[s.at:], fence):
			s.at += 3
			for range 2 { // up to two more quotes belong to the text
				s.take(quote)
			}
			return
		}
	}
	s.ok = false
}

// quoted reads a text of one line and returns what stands between its quotes.
func (s *scanner) quoted(quote byte) string {
	start := s.at + 1
	for i := start; i < len(s.doc); i++ {
		switch c := s.doc[i]; {
		case c == '\n':
			s.ok = false
			return ""
		case c == '\\' && quote == '"':
			i++
		case c == quote:
			s.at = i + 1
			return s.doc[start:i]
		}
	}
	s.ok = false
	return ""
}

// skip passes over white space and, with lines, over ends of lines and comments.
func (s *scanner) skip(lines bool) {
	for s.at < len(s.doc) {
		switch c := s.doc[s.at]; {
		case c == ' ' || c == '\t':
		case lines && c == '\r':
		case lines && c == '\n':
			s.line++
		case lines && c == '#':
			n := strings.IndexByte(s.doc[s.at:], '\n')
			if n < 0 {
				s.at = len(s.doc)
				return
			}
			s.at += n
			continue
		default:
			return
		}
		s.at++
	}
}

// peek returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	if s.at < len(s.doc) {
		return s.doc[s.at]
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.at < len(s.doc) && s.doc[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) want(c byte) { s.ok = s.take(c) && s.ok }
