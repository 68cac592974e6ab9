// Package headline reads what a person knows a message by: sender, date and subject. It is shown, and nothing else: no decision
// about a message may depend on it.
package headline

import (
	"bytes"
	"io"
	"mime"
	"net/mail"
	"strings"
	"time"
)

// Header is what a message says of itself, with encoded words decoded (RFC 2047). It comes from a stranger: whoever shows it
// makes it harmless first. "" is a field that is not there.
type Header struct{ From, Date, Subject string }

// most is how much of a message is looked at, in octets.
const most = 64 << 10

// Read reads the beginning of a message. What cannot be read says nothing.
func Read(r io.Reader) Header {
	text, _ := io.ReadAll(io.LimitReader(r, most))
	return Parse(text)
}

// Parse takes the first field of each name, unfolded (RFC 5322, section 2.2.3).
func Parse(text []byte) (h Header) {
	fields := map[string]*string{"from": &h.From, "date": &h.Date, "subject": &h.Subject}
	var into *string
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if into != nil {
				*into += " " + string(bytes.TrimLeft(line, " \t"))
			}
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		into = fields[strings.ToLower(string(bytes.TrimRight(name, " \t")))]
		if into != nil && *into != "" {
			into = nil
		}
		if into != nil {
			*into = string(value)
		}
	}
	var words mime.WordDecoder
	for _, field := range fields {
		*field = strings.TrimSpace(*field)
		if decoded, err := words.DecodeHeader(*field); err == nil {
			*field = decoded
		}
	}
	return h
}

// When is the date on this machine's clock; false where it is none.
func (h Header) When() (time.Time, bool) {
	t, err := mail.ParseDate(h.Date)
	return t.Local(), err == nil
}
