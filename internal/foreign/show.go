package foreign

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Show makes text harmless wherever it is printed: printable characters stay, every other octet becomes \xNN. So does a backslash that
// stands before what would make it look like that, or at the end of the text, so that nobody can write what looks escaped; any other
// one stays. Text in UTF-8 is shown as what it says, and text in two older encodings
// where it cannot be anything else: see decode. All other text that is not ASCII is escaped. The result has at most most octets, and
// is cut between characters with "...".
func Show(text []byte, most int) string { return show(decode(text), most, true) }

// Tidy is Show for text that may have gone through it before: what is printable stays, the backslash too, so that it may be applied
// twice.
func Tidy(s string, most int) string {
	if len(s) <= most && tidy(s) {
		return s
	}
	return show(s, most, false)
}

// Shown tells whether a character is printed as it is: letters, digits, punctuation and symbols of any script. Control characters,
// those that change the direction or the joining of others, separators of lines and characters without a shape are not.
func Shown(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r >= ' ' && r <= '~'
	case r == utf8.RuneError, r == 0x115f, r == 0x1160, r == 0x3164, r == 0xffa0: // the latter are printable by name only
		return false
	}
	return unicode.IsPrint(r) && !unicode.Is(unicode.Variation_Selector, r) || r == 0x3000 // the blank of CJK
}

func tidy(s string) bool {
	for _, r := range s {
		if !Shown(r) {
			return false
		}
	}
	return true
}

func show(s string, most int, backslash bool) string {
	const cut = "..."
	whole := utf8.ValidString(s) // else nobody knows what its parts that look like UTF-8 say
	out := make([]byte, 0, min(len(s)+len(s)/4, most)+16)
	fits := 0 // what stays if not all does
	for i := 0; i < len(s); {
		r, n := rune(s[i]), 1
		if whole {
			r, n = utf8.DecodeRuneInString(s[i:])
		}
		if Shown(r) && (whole || r < utf8.RuneSelf) && !(backslash && r == '\\' && looksEscaped(s[i+1:])) {
			out = append(out, s[i:i+n]...)
		} else {
			for _, ch := range []byte(s[i : i+n]) {
				out = Escape(out, ch)
			}
		}
		if i += n; len(out) > most {
			return string(append(out[:fits], cut...))
		}
		if len(out) <= most-len(cut) {
			fits = len(out)
		}
	}
	return string(out)
}

// looksEscaped tells whether a text begins like what Escape appends behind its backslash, or ends before that is certain.
func looksEscaped(behind string) bool {
	for i := range min(len(behind), 3) {
		ch := behind[i]
		hex := ch >= '0' && ch <= '9' || ch >= 'a' && ch <= 'f' || ch >= 'A' && ch <= 'F'
		if i == 0 && ch != 'x' || i > 0 && !hex {
			return false
		}
	}
	return true
}

// Escape appends \xNN.
func Escape(dst []byte, ch byte) []byte {
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'x', hex[ch>>4], hex[ch&15])
}

// ASCII escapes every octet of a text that is not ASCII, for screens that may take it for something else.
func ASCII(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return s
	}
	out := make([]byte, 0, 2*len(s))
	for _, ch := range []byte(s) {
		if ch < utf8.RuneSelf {
			out = append(out, ch)
		} else {
			out = Escape(out, ch)
		}
	}
	return string(out)
}
