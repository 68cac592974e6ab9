package command

import (
	"strings"
	"time"
)

// received is the Time-stamp-line of RFC 5321, section 4.4, folded so that no line has more than 78 characters. The
// account stands in a comment: its name need not be a domain.
func received(account, id, host string, now time.Time) string {
	if len(host) > 64 || !dotted(host, "-") {
		host = "localhost"
	}
	return "Received: from popsync\r\n" +
		" (account " + word(account) + ")\r\n" +
		" by " + host + " with POP3\r\n" +
		" id " + word(id) + ";\r\n" +
		" " + now.Format("Mon, 2 Jan 2006 15:04:05 -0700") + "\r\n"
}

// word keeps a name from ending the comment or the line that it stands in. Names that popsync accepts pass unchanged.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(letters+"._-", r) {
			return r
		}
		return '_'
	}, s)
	return s[:min(len(s), 64)]
}
