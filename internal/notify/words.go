package notify

import (
	"strings"

	"github.com/popsync/popsync/internal/foreign"
)

const maxLine = 500 // octets of a text that comes from the caller

// line makes a text one line of printable characters: it may hold what a server said, and goes into mails and terminals.
func line(s string) string {
	s = strings.TrimSpace(s)
	if isLine(s) {
		return s
	}
	s = foreign.Tidy(strings.TrimSpace(blanks.Replace(s)), 4*len(s))
	if len(s) > maxLine {
		return strings.TrimSpace(strings.ToValidUTF8(s[:maxLine-4], "")) + " ..."
	}
	return s
}

var blanks = strings.NewReplacer("\t", " ", "\r", " ", "\n", " ")

func isLine(s string) bool { return len(s) <= maxLine && foreign.Tidy(s, maxLine) == s }

// word makes a cause a short word.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, strings.ToLower(s))
	if s == "" {
		return "unknown"
	}
	return s[:min(len(s), 32)]
}

// fitHost gives a name that can stand in an address (RFC 5321, section 4.1.2).
func fitHost(name string) string {
	if len(name) > 255 {
		return "localhost"
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.TrimFunc(label, func(r rune) bool {
			return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-'
		}) != "" {
			return "localhost"
		}
	}
	return name
}
