package document

import (
	"strconv"
	"strings"
)

// maxShown is how much of a bad value an error shows, in bytes after escaping.
const maxShown = 80

// secretWords mark keys whose values are never shown, and values that may contain such a line because a closing quote
// is missing.
var secretWords = []string{"pass", "secret", "token", "credential", "webhook"}

func secretLooking(s string) bool {
	s = strings.ToLower(s)
	for _, w := range secretWords {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// Showable tells whether a value of a key that is no secret may stand in an error.
func Showable(v string) bool {
	return !strings.ContainsAny(v, "\r\n") && !secretLooking(v)
}

// Shown quotes a bad value for an error, or stands in for it.
func Shown(v string) string {
	if !Showable(v) {
		return "this text"
	}
	q := strconv.Quote(v)
	if len(q) > maxShown {
		q = strings.ToValidUTF8(q[:maxShown-4], "") + `..."`
	}
	return q
}

// Limit bounds the text of an error that may quote the document.
func Limit(s string) string {
	const most = 300
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
