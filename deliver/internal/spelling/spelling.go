// Package spelling is how identities, tickets and notes are written: in printable ASCII, and each thing in one way only. It
// knows none of them, reads no file and returns no errors. Its callers are deliver and the destinations that keep files.
package spelling

import (
	"encoding/base32"
	"fmt"
	"strings"
)

// IDLen is the length of an ID: five bits a letter, so 128 random bits fit.
const IDLen = 26

// Base32 is RFC 4648, section 6, in lower case and without padding: safe on filesystems that fold case.
var Base32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// IsID tells whether s is 26 letters of Base32: so it never is a path that leads elsewhere.
func IsID(s string) bool { return len(s) == IDLen && IsBase32(s) }

// IsBase32 tells whether s consists of letters of Base32; "" does.
func IsBase32(s string) bool { return Only(s, "abcdefghijklmnopqrstuvwxyz234567") }

// Only tells whether s consists of characters of a set; "" does.
func Only(s, set string) bool { return strings.Trim(s, set) == "" }

// Escape makes a text printable ASCII without spaces. url.PathUnescape takes it back.
func Escape(text string) string {
	plain := func(c byte) bool { return c > ' ' && c < 0x7f && c != '%' }
	i := 0
	for i < len(text) && plain(text[i]) {
		i++
	}
	if i == len(text) {
		return text
	}
	var b strings.Builder
	b.WriteString(text[:i])
	for ; i < len(text); i++ {
		if c := text[i]; plain(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
