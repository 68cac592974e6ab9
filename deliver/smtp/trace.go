package smtp

import (
	"strings"

	"github.com/popsync/popsync/deliver"
)

// maxAccount is how much of an account's name goes into a Received line, in octets.
const maxAccount = 40

// added is what goes on top of a message.
func (o *Options) added(m deliver.Outgoing, s *survey) []byte {
	if s.first == ' ' || s.first == '\t' {
		return nil // it would continue our line
	}
	var b strings.Builder
	if o.Trace {
		// RFC 5321, section 4.4; POP3 is no registered protocol, but what fetchers have always said. The id is an atom.
		b.WriteString("Received: by " + o.TraceBy + "\r\n\t(popsync, account " + comment(m.Account) + ") with POP3\r\n\tid " +
			m.ID + ";\r\n\t" + o.Now().Format("Mon, 02 Jan 2006 15:04:05 -0700") + "\r\n")
	}
	if o.AddMessageID && s.whole {
		if _, ok := lookup(s.header, "Message-ID", 0); !ok {
			b.WriteString("Message-ID: <" + m.ID + ".popsync@" + o.TraceBy + ">\r\n")
		}
	}
	return []byte(b.String())
}

// comment makes text that can stand in a comment (RFC 5322, section 3.2.2).
func comment(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '(' || r == ')' || r == '\\' {
			return '_'
		}
		return r
	}, s)
	return s[:min(len(s), maxAccount)]
}

// validID tells whether a delivery id is what the contract says.
func validID(s string) bool {
	for i := range len(s) {
		if ch := s[i]; !(ch >= 'a' && ch <= 'z' || ch >= '0' && ch <= '9') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
