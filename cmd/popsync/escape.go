package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/foreign"
)

// maxField is the longest that one piece of foreign text may get in a log field or a line of output, in octets.
const maxField = 1024

// printable makes foreign text (what a server, a mail, a path or another program says) harmless wherever it is shown: one line
// of printable characters with \xNN for every other octet, cut at 1 KiB. What is printable already stays as it is, so it may be
// applied twice. Whether a screen takes more than ASCII is its writer's affair.
func printable(s string) string { return foreign.Tidy(s, maxField) }

// plainWriter is what all commands print through: line ends, tabs and printable ASCII pass, and printable characters beyond where
// the locale says that the screen knows them; every other octet becomes \xNN. It is the last line of defence: it cannot tell a
// line end of ours from a foreign one, printable can.
type plainWriter struct {
	w    io.Writer
	utf8 bool
}

func (p plainWriter) Write(b []byte) (int, error) {
	clean := true
	for _, c := range b {
		clean = clean && shows(c)
	}
	if clean {
		return p.w.Write(b)
	}
	out := make([]byte, 0, len(b)+16)
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case shows(b[i]), p.utf8 && n > 1 && foreign.Shown(r):
			out = append(out, b[i:i+n]...)
		default:
			for _, c := range b[i : i+n] {
				out = foreign.Escape(out, c)
			}
		}
		i += n
	}
	if _, err := p.w.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

func shows(c byte) bool { return c >= ' ' && c <= '~' || c == '\n' || c == '\t' }

// speaksUTF8 tells whether the locale is one with UTF-8, as setlocale(3) finds it. In any other, an octet of UTF-8 may be a control
// character to the terminal.
func speaksUTF8(getenv func(string) string) bool {
	locale := cmp.Or(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG"))
	_, charset, _ := strings.Cut(strings.ToLower(locale), ".")
	charset, _, _ = strings.Cut(charset, "@")
	return charset == "utf-8" || charset == "utf8"
}

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
