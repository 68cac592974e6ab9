package deliver

import (
	"strings"
	"time"
)

// Received is a trace line (RFC 5321, section 4.4: Time-stamp-line), with CRLF, for a message that leaves POP3: it names
// the account, by whose comment since its name need not be a domain, and the delivery id, by which a resend can be told.
// by is the host, "" or an unfit name: "localhost". No line of it has more than 78 characters.
func Received(by, account, id string, at time.Time) string {
	if !fitHost(by) {
		by = "localhost"
	}
	return "Received: from popsync\r\n" +
		" (account " + fitWord(account) + ")\r\n" +
		" by " + by + " with POP3\r\n" +
		" id " + fitWord(id) + ";\r\n" +
		" " + at.Format("Mon, 2 Jan 2006 15:04:05 -0700") + "\r\n"
}

// Continues tells whether a message begins with what would make its first line a part of a line put on top of it.
func Continues(first byte) bool { return first == ' ' || first == '\t' }

// fitHost tells whether a name is a domain (RFC 5321, section 4.1.2) of at most 64 octets.
func fitHost(name string) bool {
	if len(name) > 64 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' || strings.TrimFunc(label, isLetterDigitHyphen) != "" {
			return false
		}
	}
	return true
}

func isLetterDigitHyphen(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-'
}

// fitWord keeps a name from ending the comment or the line that it stands in. Names that popsync accepts pass unchanged.
func fitWord(s string) string {
	s = strings.Map(func(r rune) rune {
		if isLetterDigitHyphen(r) || r == '.' || r == '_' {
			return r
		}
		return '_'
	}, s)
	return s[:min(len(s), 64)]
}
