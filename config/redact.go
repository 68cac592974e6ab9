package config

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

// showable tells whether a value of a key that is no secret may stand in an error.
func showable(v string) bool {
	return !strings.ContainsAny(v, "\r\n") && !secretLooking(v)
}

// shown quotes a bad value for an error, or stands in for it.
func shown(v string) string {
	if !showable(v) {
		return "this text"
	}
	q := strconv.Quote(v)
	if len(q) > maxShown {
		q = strings.ToValidUTF8(q[:maxShown-4], "") + `..."`
	}
	return q
}

// limit bounds the text of an error that may quote the document.
func limit(s string) string {
	const most = 300
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
