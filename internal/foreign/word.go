package foreign

import (
	"fmt"
	"strings"
)

// Word writes any octets as one word for a POSIX shell, in printable ASCII: as they are where that is safe, else in single quotes,
// and as $'...' (POSIX.1-2024) where some are not printable ASCII. A word that begins with '-' is no option behind "--" only; that
// is its caller's affair.
func Word(s string) string {
	safe, plain := s != "" && s[0] != '-', true
	for i := range len(s) {
		safe = safe && safeInWord(s[i])
		plain = plain && s[i] >= ' ' && s[i] <= '~'
	}
	switch {
	case safe:
		return s
	case plain:
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	out := make([]byte, 0, 2*len(s)+3)
	out = append(out, "$'"...)
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'' || c == '\\':
			out = append(out, '\\', c)
		case c < ' ' || c > '~':
			out = Escape(out, c)
		default:
			out = append(out, c)
		}
	}
	return string(append(out, '\''))
}

func safeInWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_.,:@%+/=-", c) >= 0
}

// Token writes all but visible ASCII as \xNN in capitals, the blank and the backslash too, so that a program can turn it back:
// one word for an environment variable.
func Token(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || c == '\\' {
			fmt.Fprintf(&b, `\x%02X`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
