package document

import (
	"strings"
)

// Positions maps the path of every key, table and list element to its line, from 1. The decoder gives positions for
// syntax errors only, hence this scanner.
type Positions map[Path]int

// maxDepth bounds how many lists, tables and parts of a dotted key may lie in one another.
const maxDepth = 100

// scanner walks over a document that the decoder will judge: on a valid document it finds what the decoder finds, on
// the valid beginning of a broken one too, and at the first thing that it doesn't understand it stops.
type scanner struct {
	doc   string
	at    int // next byte
	line  int // of doc[at], from 1
	depth int
	deep  int // line where depth went over maxDepth; 0: nowhere
	ok    bool
	pos   Positions
	lists map[Path]int // path of a list of tables -> tables so far
	open  bracket      // the innermost that was open where it stopped
}

// bracket is one that was opened; the zero bracket is none.
type bracket struct {
	line int  // from 1
	end  byte // what closes it
}

// scan returns the positions in doc. deep is the line where it nests deeper than maxDepth, or 0.
func scan(doc string) (pos Positions, deep int) {
	s := scanned(doc)
	return s.pos, s.deep
}

// scanned is a scanner at the end of doc, or at the first thing that it doesn't understand.
func scanned(doc string) *scanner {
	for _, bom := range []string{"\xff\xfe", "\xfe\xff", "\xef\xbb\xbf"} { // those that the decoder skips
		if rest, found := strings.CutPrefix(doc, bom); found {
			doc = rest
			break
		}
	}
	s := &scanner{doc: doc, line: 1, ok: true, pos: Positions{}, lists: map[Path]int{}}
	for table := Path(""); s.ok; {
		s.skip(true)
		switch {
		case s.at == len(doc):
			return s
		case s.peek() == '[':
			table = s.header()
		default:
			s.pair(table)
		}
	}
	return s
}

// header reads [name] or [[name]] and returns the path of the table that it opens.
func (s *scanner) header() Path {
	line := s.line
	s.at++
	list := s.take('[')
	path := s.key("")
	if list {
		s.pos.implied(path, line)
		n := s.lists[path]
		s.lists[path] = n + 1
		path = path.Index(n)
		s.want(']')
	}
	s.want(']')
	if s.ok {
		s.pos[path] = line
	}
	return path
}

// pair reads key = value in the given table.
func (s *scanner) pair(table Path) {
	line := s.line
	path := s.key(table)
	s.skip(false)
	s.want('=')
	if !s.ok {
		return
	}
	s.pos[path] = line
	s.skip(false)
	s.value(path)
}

// key reads a dotted key and returns its path under the given table. Parts before the last that are lists of tables
// mean their last table.
func (s *scanner) key(path Path) Path {
	for parts := 1; ; parts++ {
		s.skip(false)
		part := s.part()
		if parts > maxDepth {
			s.tooDeep()
		}
		if !s.ok {
			return path
		}
		path = path.Key(part)
		s.skip(false)
		if !s.take('.') {
			return path
		}
		s.pos.implied(path, s.line)
		if n := s.lists[path]; n > 0 {
			path = path.Index(n - 1)
		}
	}
}

// part reads one part of a key.
func (s *scanner) part() string {
	switch s.peek() {
	case '"':
		raw := s.quoted('"')
		return unescape(raw)
	case '\'':
		return s.quoted('\'')
	}
	start := s.at
	for s.at < len(s.doc) && Bare(s.doc[s.at]) {
		s.at++
	}
	s.ok = s.ok && s.at > start
	return s.doc[start:s.at]
}

// value skips a value and records what lies in it.
func (s *scanner) value(path Path) {
	if s.depth++; s.depth > maxDepth {
		s.tooDeep()
	}
	defer func() { s.depth-- }()
	if !s.ok {
		return
	}
	switch c := s.peek(); {
	case c == '"' || c == '\'':
		s.text(c)
	case c == '[':
		s.at++
		s.sequence(']', func(i int) {
			p := path.Index(i)
			s.pos[p] = s.line
			s.value(p)
		})
	case c == '{':
		s.at++
		s.sequence('}', func(int) { s.pair(path) })
	default: // number, date or boolean
		n := strings.IndexAny(s.doc[s.at:], ",]}#\r\n")
		if n < 0 {
			n = len(s.doc) - s.at
		}
		s.ok = s.ok && n > 0
		s.at += n
	}
}

// sequence reads what stands between commas up to end.
func (s *scanner) sequence(end byte, one func(i int)) {
	line := s.line
	defer func() {
		if !s.ok && s.open.line == 0 {
			s.open = bracket{line, end}
		}
	}()
	for i := 0; s.ok; i++ {
		s.skip(true)
		if s.take(end) {
			return
		}
		one(i)
		s.skip(true)
		if !s.take(',') {
			s.want(end)
			return
		}
	}
}

func (s *scanner) tooDeep() {
	if s.ok {
		s.ok, s.deep = false, s.line
	}
}

// implied records a table that a longer key implies; its own header, if there is one, is the better place.
func (p Positions) implied(path Path, line int) {
	if _, known := p[path]; !known {
		p[path] = line
	}
}

// Bare tells whether an octet may stand in a key without quotes.
func Bare(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

func isBare(key string) bool {
	for i := range len(key) {
		if !Bare(key[i]) {
			return false
		}
	}
	return key != ""
}
