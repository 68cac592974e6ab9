package foreign

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// forms are the ways in which a peer may give a secret back: as it is, as it was sent, and as programs escape or encode what they
// quote. Case is left to whoever compares, but for letters beyond ASCII.
func forms(user, secret string) (all []string) {
	for _, s := range []string{secret, strings.ToUpper(secret), strings.ToLower(secret), latin1(secret), utf8Of(secret)} {
		if len(s) < least {
			continue
		}
		quoted := strconv.Quote(s)
		plain := strconv.QuoteToASCII(s)
		all = append(all, s, quoted[1:len(quoted)-1], plain[1:len(plain)-1], Show([]byte(s), 8*len(s)), ASCII(Show([]byte(s), 8*len(s))),
			strings.ReplaceAll(s, "\\", "\\\\"), url.QueryEscape(s), url.PathEscape(s), entities.Replace(s), hex.EncodeToString([]byte(s)))
		all = append(all, inBase64(s)...)
	}
	// The response of AUTH PLAIN (RFC 4616, section 2). It says nothing but the secret and the user, however short they are.
	return append(all, base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+secret)))
}

// entities are those of HTML.
var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")

// inBase64 is what base64 of any text around a secret has of it, at each of the three places where it may begin within a group.
func inBase64(secret string) (all []string) {
	for shift := range 3 {
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := enc.EncodeToString([]byte(strings.Repeat("\x00", shift) + secret))
			all = append(all, text[(shift*8+5)/6:(shift+len(secret))*8/6])
		}
	}
	return all
}

// latin1 is a text of UTF-8 in ISO 8859-1; "" if it cannot be, or is the same.
func latin1(s string) string {
	if !utf8.ValidString(s) || len(s) == utf8.RuneCountInString(s) {
		return ""
	}
	var b []byte
	for _, r := range s {
		if r > 0xff {
			return ""
		}
		b = append(b, byte(r))
	}
	return string(b)
}

// utf8Of is a text that is no UTF-8 as what it is in ISO 8859-1; "" for any other.
func utf8Of(s string) string {
	if utf8.ValidString(s) {
		return ""
	}
	var b strings.Builder
	for _, ch := range []byte(s) {
		b.WriteRune(rune(ch))
	}
	return b.String()
}
