package foreign

import (
	"unicode/utf16"
	"unicode/utf8"
)

// JSON rewrites a JSON document so that it says the same in printable ASCII: encoding/json leaves C1 control characters
// and marks that change the direction of text as they are.
func JSON(doc []byte) []byte {
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
