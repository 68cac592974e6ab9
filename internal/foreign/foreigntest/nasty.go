// Package foreigntest has the text that servers, mails and file names bring along, for the tests of whatever shows it.
package foreigntest

import "strings"

// Nasty is text that must not reach a screen as it is, each by what is nasty about it.
func Nasty() map[string]string {
	return map[string]string{
		"escape sequence": "\x1b[2J\x1b]0;title\x07\x1b[31mred",
		"C1":              "\u009b2J and raw \x9b31m",
		"line ends":       "first\r\nlevel=info msg=forged\n\r\u2028\u2029\u0085",
		"direction":       "\u202egnp.exe\u202c \u2066\u2069\u200f",
		"NUL and DEL":     "a\x00b\x7f",
		"not UTF-8":       "\xff\xfe\xc3(",
		"quotes":          `"}\",{"level":"info","msg":"forged"`,
		"much text":       strings.Repeat("a", 1<<14),
		"much control":    strings.Repeat("\x1b", 1<<14),
		"emoji":           "\U0001f4a9",
	}
}

// Odd is where a text has its first octet that is not printable ASCII; -1: nowhere.
func Odd(s string) int {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return i
		}
	}
	return -1
}
