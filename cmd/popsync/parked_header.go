package main

import (
	"bytes"
	"io"
	"mime"
	"net/mail"
	"strings"
)

// header is what a message says of itself, for people to know it by; printable, and of no use for anything else.
type header struct{ from, date, subject string }

// mostHeader is how much of a message is looked at, in octets.
const mostHeader = 64 << 10

// readHeader reads the beginning of a message. What cannot be read says nothing.
func readHeader(r io.Reader) header {
	text, _ := io.ReadAll(io.LimitReader(r, mostHeader))
	return parseHeader(text)
}

// parseHeader takes the first field of each name, unfolded (RFC 5322, section 2.2.3), and decodes encoded words (RFC 2047).
func parseHeader(text []byte) (h header) {
	fields := map[string]*string{"from": &h.from, "date": &h.date, "subject": &h.subject}
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
		value := strings.TrimSpace(*field)
		if decoded, err := words.DecodeHeader(value); err == nil {
			value = decoded
		}
		*field = printable(value)
	}
	return h
}

// when is the date on this machine's clock, or as it stands there if it is none.
func (h header) when() string {
	if t, err := mail.ParseDate(h.date); err == nil {
		return stamp(t.Local())
	}
	return h.date
}
