package smtp

import (
	"net/netip"
	"strings"
	"unicode/utf8"
)

// Longest parts of an address, in octets. RFC 5321, section 4.5.3.1 has 64 for the local part; bounce addresses of
// mailing lists are longer and are taken everywhere.
const (
	maxLocal  = 256
	maxDomain = 255
)

// validAddress tells whether s can be sent between angle brackets as it is: local part, "@", domain. It is the guard
// against injection: no control character, space or angle bracket passes. Dots are taken anywhere in a local part, as
// some providers give out such addresses.
func validAddress(s string) bool {
	i := strings.LastIndexByte(s, '@')
	return i > 0 && validLocal(s[:i]) && (validDomain(s[i+1:]) || validUTF8Domain(s[i+1:]) || validLiteral(s[i+1:]))
}

// validLocal takes atoms and dots, or a quoted string without spaces (RFC 5321, section 4.1.2).
func validLocal(s string) bool {
	if s == "" || len(s) > maxLocal || !utf8.ValidString(s) {
		return false
	}
	if s[0] == '"' {
		return validQuoted(s)
	}
	for i := range len(s) {
		if !atext(s[i]) && s[i] != '.' {
			return false
		}
	}
	return true
}

func validQuoted(s string) bool {
	if len(s) < 3 || s[len(s)-1] != '"' {
		return false
	}
	inner := s[1 : len(s)-1]
	for i := 0; i < len(inner); i++ {
		ch := inner[i]
		if ch == '\\' {
			if i++; i == len(inner) {
				return false
			}
			ch = inner[i]
		} else if ch == '"' {
			return false
		}
		if ch <= ' ' || ch == 0x7f || ch == '<' || ch == '>' {
			return false
		}
	}
	return true
}

// atext is RFC 5322, section 3.2.3, with the octets of UTF-8 (RFC 6532).
func atext(ch byte) bool {
	return ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z' || ch >= '0' && ch <= '9' || ch >= 0x80 ||
		strings.IndexByte("!#$%&'*+-/=?^_`{|}~", ch) >= 0
}

// validDomain takes letters, digits, hyphens and, as they are met, underscores, in labels.
func validDomain(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return validUTF8Domain(s)
}

func validUTF8Domain(s string) bool {
	if s == "" || len(s) > maxDomain || !utf8.ValidString(s) {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			ch := label[i]
			if !(ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z' || ch >= '0' && ch <= '9' || ch == '-' || ch == '_' || ch >= 0x80) {
				return false
			}
		}
	}
	return true
}

// validLiteral takes an address literal (RFC 5321, section 4.1.3).
func validLiteral(s string) bool {
	if len(s) < 2 || s[0] != '[' || s[len(s)-1] != ']' {
		return false
	}
	inner := s[1 : len(s)-1]
	v6, is6 := strings.CutPrefix(inner, "IPv6:")
	ip, err := netip.ParseAddr(v6)
	return err == nil && ip.Is6() == is6 && ip.Zone() == ""
}

func ascii[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// unique removes addresses that occurred before, but for the case of their domain.
func unique(list []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, a := range list {
		key := a
		if i := strings.LastIndexByte(a, '@'); i >= 0 {
			key = a[:i] + strings.ToLower(a[i:])
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, a)
		}
	}
	return out
}
