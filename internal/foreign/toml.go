package foreign

import (
	"fmt"
	"strings"
)

// TOML rewrites a TOML document, whose texts beyond ASCII stand in double quotes, so that it says the same in characters that may be
// shown; encoders escape only what TOML wants escaped. ascii: in printable ASCII.
func TOML(doc string, ascii bool) string {
	var b strings.Builder
	for _, r := range doc {
		switch {
		case r < 0x80, !ascii && Shown(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
