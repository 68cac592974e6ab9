package fetcher

// The size that LIST gives is the length of the message as RETR sends it (RFC 1939, section 11), which is what makes a body
// prove itself. Many servers give another one: they count LF for CRLF, or stuffed dots, or a header that they do not send.
// Most do so by a rule, which is learned; of the others a size is no evidence.

// Rules for the size of a message.
const (
	ruleExact   = iota // its octets
	ruleShort          // line ends as one octet
	ruleLong           // line ends as three
	ruleStuffed        // with the dots that are stuffed
	ruleOffset         // by a number that is always the same
	rules
)

var ruleNames = [rules]string{"right", "line ends counted as one octet", "line ends counted as three octets", "stuffed dots counted", "off by the same number"}

const (
	enoughFits = 10 // messages of different sizes that make a rule
	manyFits   = 50 // messages in a row that are as long as listed make sizes of a server that had none evidence again
	enoughLies = 20 // messages of different sizes, each read as short on two days, make its sizes no evidence
)

// sizes is what was learned of a server's sizes; stored with the account.
type sizes struct {
	Fits   [rules]int `json:"fits"`             // for how many messages in a row each rule was true
	Offset int64      `json:"offset,omitempty"` // of ruleOffset: octets less size
	Last   int64      `json:"last,omitempty"`   // size of the one that was looked at last
	Lies   int        `json:"lies,omitempty"`   // messages that were short and stayed so
	Since  int64      `json:"since,omitempty"`  // when rule changed (Unix seconds)
	None   bool       `json:"none,omitempty"`   // sizes are no evidence
}

// measured is what a message turned out to be.
type measured struct {
	size        int64 // as listed; 0: unknown
	octets      int64
	lines, dots int64 // and how many lines begin with a dot
	uncounted   bool  // lines and dots were not counted
}

// right tells that a message is as long as listed; many servers list a last line without its end as it is stored, and send
// CRLF behind it.
func (m measured) right() bool { return m.octets == m.size || m.octets == m.size+2 }

func (s *sizes) fit(rule int, m measured) bool {
	if m.uncounted && rule != ruleExact && rule != ruleOffset {
		return false
	}
	switch rule {
	case ruleExact:
		return m.right()
	case ruleShort:
		return m.octets-m.lines == m.size
	case ruleLong:
		return m.octets+m.lines == m.size
	case ruleStuffed:
		return m.octets+m.dots == m.size
	}
	return s.Offset != 0 && m.octets-m.size == s.Offset
}

// rule is the one that the server's sizes follow, -1 if none is known.
func (s *sizes) rule() int {
	for rule, n := range s.Fits {
		if n >= enoughFits && !s.None {
			return rule
		}
	}
	return -1
}

// exact tells that a message is as long as it should be.
func (s *sizes) exact(m measured) bool {
	if m.size == 0 || s.None {
		return false
	}
	if m.right() {
		return true
	}
	for rule, n := range s.Fits {
		if n >= enoughFits && s.fit(rule, m) {
			return true
		}
	}
	return false
}

// short tells that a message may not be whole: it is shorter than listed, or not what the rule makes of its size. Where sizes
// are no evidence, only half of a message counts as short.
func (s *sizes) short(m measured) bool {
	switch {
	case m.size == 0 || s.exact(m):
		return false
	case s.None:
		return m.octets < m.size/2
	}
	return m.octets < m.size || s.rule() > ruleExact
}

// learn looks at a message that is whole as far as anybody knows. One of the same size as the last says nothing new.
func (s *sizes) learn(m measured, now int64) {
	if m.size == 0 {
		return
	}
	before := s.rule()
	other := m.size != s.Last
	s.Last = m.size
	if off := m.octets - m.size; off != s.Offset && off != 0 {
		s.Offset, s.Fits[ruleOffset] = off, 0
	}
	for rule := range s.Fits {
		switch {
		case m.uncounted && rule != ruleExact && rule != ruleOffset && m.right():
		case !s.fit(rule, m):
			s.Fits[rule] = 0
		case other && s.Fits[rule] < manyFits:
			s.Fits[rule]++
		}
	}
	if s.None && s.Fits[ruleExact] >= manyFits {
		s.None, s.Lies = false, 0
	}
	if s.rule() != before {
		s.Since = now
	}
}

// lied notes a message that was read as short on two days.
func (s *sizes) lied(m measured, now int64) {
	if m.size == s.Last && s.Lies > 0 {
		return
	}
	s.Last = m.size
	if s.Lies++; s.Lies >= enoughLies && !s.None {
		*s = sizes{None: true, Since: now, Lies: s.Lies}
	}
}
