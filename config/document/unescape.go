package document

import (
	"strconv"
	"strings"
)

// unescape resolves the escapes of a quoted key. What is no escape stays: the decoder refuses it anyway.
func unescape(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, `\`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		n := 0 // bytes of the escape after the backslash
		if after != "" {
			if i := strings.IndexByte(`btnfre"\`, after[0]); i >= 0 {
				b.WriteByte("\b\t\n\f\r\x1b\"\\"[i])
				n = 1
			} else if digits, ok := map[byte]int{'x': 2, 'u': 4, 'U': 8}[after[0]]; ok && len(after) > digits {
				if v, err := strconv.ParseUint(after[1:1+digits], 16, 32); err == nil {
					b.WriteRune(rune(v))
					n = 1 + digits
				}
			}
		}
		if n == 0 {
			b.WriteByte('\\')
		}
		s = after[n:]
	}
}
