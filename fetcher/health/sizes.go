package health

// The size that LIST gives is the length of the message as RETR sends it (RFC 1939, section 11), which is what makes a body
// prove itself. Many servers give another one: they count LF for CRLF, or stuffed dots, or a header that they do not send.
// Most do so by a rule, which is learned; of the others a size is no evidence.

// Rules for the size of a message.
const (
	RuleExact   = iota // its octets
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

// Measured is what a message turned out to be.
type Measured struct {
	Size        int64 // as listed; 0: unknown
	Octets      int64
	Lines, Dots int64 // and how many lines begin with a dot
	Uncounted   bool  // lines and dots were not counted
}

// right tells that a message is as long as listed; many servers list a last line without its end as it is stored, and send
// CRLF behind it.
func (m Measured) right() bool { return m.Octets == m.Size || m.Octets == m.Size+2 }

func (s *sizes) fit(rule int, m Measured) bool {
	if m.Uncounted && rule != RuleExact && rule != ruleOffset {
		return false
	}
	switch rule {
	case RuleExact:
		return m.right()
	case ruleShort:
		return m.Octets-m.Lines == m.Size
	case ruleLong:
		return m.Octets+m.Lines == m.Size
	case ruleStuffed:
		return m.Octets+m.Dots == m.Size
	}
	return s.Offset != 0 && m.Octets-m.Size == s.Offset
}

// Rule is the one that the server's sizes follow, -1 if none is known.
func (s *sizes) Rule() int {
	for rule, n := range s.Fits {
		if n >= enoughFits && !s.None {
			return rule
		}
	}
	return -1
}

// Exact tells that a message is as long as it should be.
func (s *sizes) Exact(m Measured) bool {
	if m.Size == 0 || s.None {
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

// Short tells that a message may not be whole: it is shorter than listed, or not what the rule makes of its size. Where sizes
// are no evidence, only half of a message counts as short.
func (s *sizes) Short(m Measured) bool {
	switch {
	case m.Size == 0 || s.Exact(m):
		return false
	case s.None:
		return m.Octets < m.Size/2
	}
	return m.Octets < m.Size || s.Rule() > RuleExact
}

// Learn looks at a message that is whole as far as anybody knows. One of the same size as the last says nothing new.
func (s *sizes) Learn(m Measured, now int64) {
	if m.Size == 0 {
		return
	}
	before := s.Rule()
	other := m.Size != s.Last
	s.Last = m.Size
	if off := m.Octets - m.Size; off != s.Offset && off != 0 {
		s.Offset, s.Fits[ruleOffset] = off, 0
	}
	for rule := range s.Fits {
		switch {
		case m.Uncounted && rule != RuleExact && rule != ruleOffset && m.right():
		case !s.fit(rule, m):
			s.Fits[rule] = 0
		case other && s.Fits[rule] < manyFits:
			s.Fits[rule]++
		}
	}
	if s.None && s.Fits[RuleExact] >= manyFits {
		s.None, s.Lies = false, 0
	}
	if s.Rule() != before {
		s.Since = now
	}
}

// Lied notes a message that was read as short on two days.
func (s *sizes) Lied(m Measured, now int64) {
	if m.Size == s.Last && s.Lies > 0 {
		return
	}
	s.Last = m.Size
	if s.Lies++; s.Lies >= enoughLies && !s.None {
		*s = sizes{None: true, Since: now, Lies: s.Lies}
	}
}
