package smtp

import (
	"strings"

	"github.com/popsync/popsync/deliver"
)

// added is what goes on top of a message.
func (o *Options) added(m deliver.Outgoing, s *survey) []byte {
	if deliver.Continues(s.first) {
		return nil // it would continue our line
	}
	var b strings.Builder
	if o.Trace {
		b.WriteString(deliver.Received(o.TraceBy, m.Account, m.ID, o.Now()))
	}
	if o.AddMessageID && s.whole {
		if _, ok := lookup(s.header, "Message-ID", 0); !ok {
			b.WriteString("Message-ID: <" + m.ID + ".popsync@" + o.TraceBy + ">\r\n")
		}
	}
	return []byte(b.String())
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
