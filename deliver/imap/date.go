package imap

import (
	"net/mail"
	"strings"
	"time"
)

// internalDate is when the last server on the way received a message, as APPEND wants it (RFC 9051, section 6.3.12), so that it stands where it belongs
// in programs that sort by arrival. "" where that is not known, or hardly true: then the server takes the time of now.
func internalDate(received string, now time.Time) string {
	i := strings.LastIndexByte(received, ';')
	if i < 0 {
		return ""
	}
	at, err := mail.ParseDate(strings.TrimSpace(received[i+1:]))
	if err != nil || at.Before(time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)) || at.After(now.Add(24*time.Hour)) {
		return ""
	}
	return at.UTC().Format("02-Jan-2006 15:04:05 -0700")
}
