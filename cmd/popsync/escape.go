package main

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/popsync/popsync/config"
)

// maxField is the longest that one piece of foreign text may get in a log field or a line of output, in octets.
const maxField = 1024

// printable makes foreign text (what a server, a mail, a path or another program says) harmless wherever it is shown:
// one line of printable ASCII with \xNN for every other octet, cut at 1 KiB, never within an escape. What is printable
// ASCII already stays as it is, so it may be applied twice.
func printable(s string) string {
	plain := len(s) <= maxField
	for i := 0; plain && i < len(s); i++ {
		plain = isPrintable(s[i])
	}
	if plain {
		return s
	}
	const cut = "..."
	out := make([]byte, 0, min(4*len(s), maxField))
	whole := 0 // what is kept if the rest does not fit
	for i := range len(s) {
		out = appendPrintable(out, s[i])
		if len(out) > maxField {
			return string(append(out[:whole], cut...))
		}
		if len(out) <= maxField-len(cut) {
			whole = len(out)
		}
	}
	return string(out)
}

func isPrintable(c byte) bool { return c >= ' ' && c <= '~' }

func appendPrintable(out []byte, c byte) []byte {
	if isPrintable(c) {
		return append(out, c)
	}
	const hex = "0123456789abcdef"
	return append(out, '\\', 'x', hex[c>>4], hex[c&15])
}

// asciiWriter is what all commands print through: line ends, tabs and printable ASCII pass, every other octet becomes
// \xNN. It is the last line of defence: it cannot tell a line end of ours from a foreign one, printable can.
type asciiWriter struct{ w io.Writer }

func (a asciiWriter) Write(b []byte) (int, error) {
	clean := true
	for _, c := range b {
		clean = clean && shows(c)
	}
	if clean {
		return a.w.Write(b)
	}
	out := make([]byte, 0, len(b)+16)
	for _, c := range b {
		if shows(c) {
			out = append(out, c)
		} else {
			out = appendPrintable(out, c)
		}
	}
	if _, err := a.w.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

func shows(c byte) bool { return isPrintable(c) || c == '\n' || c == '\t' }

// asciiJSON rewrites a JSON document so that it says the same in printable ASCII: encoding/json leaves C1 control
// characters and marks that change the direction of text as they are.
func asciiJSON(doc []byte) []byte {
	out := make([]byte, 0, len(doc))
	const hex = "0123456789abcdef"
	escape := func(u uint16) {
		out = append(out, '\\', 'u', hex[u>>12], hex[u>>8&15], hex[u>>4&15], hex[u&15])
	}
	for len(doc) > 0 {
		r, n := utf8.DecodeRune(doc)
		switch {
		case r < 0x7f:
			out = append(out, doc[0])
		case r > 0xffff:
			a, b := utf16.EncodeRune(r)
			escape(uint16(a))
			escape(uint16(b))
		default:
			escape(uint16(r))
		}
		doc = doc[n:]
	}
	return out
}

// writeJSON prints one object on one line.
func writeJSON(w io.Writer, v any) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(asciiJSON(doc), '\n'))
	return err
}

// errorText is the error that ends a command, for people. What is wrong with a configuration is printable already, one
// line for each problem; what cobra says quotes only the command line.
func errorText(err error) string {
	var problems config.Error
	var ours *exitError
	if errors.As(err, &problems) || !errors.As(err, &ours) {
		return strings.TrimSpace(err.Error())
	}
	return printable(strings.TrimSpace(err.Error()))
}
