package smtp

import (
	"bytes"
	"iter"
	"strings"
)

// field is one header field, unfolded: line ends are gone, the white space after them stays.
type field struct{ name, value string }

// fields goes through a header with CRLF line ends from the top. It is tolerant: what is no field and continues none
// (the "From " of an mbox, garbage) is passed over.
func fields(header []byte) iter.Seq[field] {
	return func(yield func(field) bool) {
		for len(header) > 0 {
			end := fieldEnd(header)
			f, ok := parseField(header[:end])
			if ok && !yield(f) {
				return
			}
			header = header[end:]
		}
	}
}

// fieldEnd is the length of the first line and those that continue it (RFC 5322, section 2.2.3).
func fieldEnd(header []byte) int {
	for end := 0; ; {
		i := bytes.IndexByte(header[end:], '\n')
		if i < 0 {
			return len(header)
		}
		if end += i + 1; end == len(header) || header[end] != ' ' && header[end] != '\t' {
			return end
		}
	}
}

func parseField(b []byte) (field, bool) {
	name, value, ok := bytes.Cut(b, []byte(":"))
	n := strings.TrimRight(string(name), " \t") // obsolete, and still met (RFC 5322, section 4.5.8)
	if !ok || !validFieldName(n) {
		return field{}, false
	}
	return field{n, strings.TrimSpace(strings.ReplaceAll(string(value), "\r\n", ""))}, true
}

// validFieldName is RFC 5322, section 3.6.8.
func validFieldName(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == ':' {
			return false
		}
	}
	return s != ""
}

// lookup gives the value of the occurrence after skip ones, from the top.
func lookup(header []byte, name string, skip int) (value string, ok bool) {
	for f := range fields(header) {
		if !strings.EqualFold(f.name, name) {
			continue
		}
		if skip == 0 {
			return f.value, true
		}
		skip--
	}
	return "", false
}
