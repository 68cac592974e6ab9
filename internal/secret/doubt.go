package secret

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Doubt is something about a secret that is hardly meant. It says nothing of the secret but this.
type Doubt int

// The doubts that there may be about a secret.
const (
	Marked   Doubt = iota // it begins with a byte order mark, which some editors put at the beginning of a file
	Leading               // it begins with a blank
	Trailing              // it ends with a blank
	Control               // a control character is in it
	Unseen                // a character without a shape is in it, such as a zero-width space
	Variable              // it looks like a variable of a shell: nobody expands it
)

// marks are byte order marks, of UTF-8 and of both kinds of UTF-16.
var marks = []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"}

// variable is a text that asks to be expanded: ${NAME} somewhere in it, or $NAME or %NAME% alone.
var variable = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}|^\$[A-Z_][A-Z0-9_]*$|^%[A-Z_][A-Z0-9_]*%$`)

// Doubts looks for what is hardly meant in a secret. Nothing of it is changed when it is sent.
func Doubts(secret string) (all []Doubt) {
	for _, mark := range marks {
		if rest, ok := strings.CutPrefix(secret, mark); ok {
			all, secret = append(all, Marked), rest
			break
		}
	}
	first, _ := utf8.DecodeRuneInString(secret)
	last, _ := utf8.DecodeLastRuneInString(secret)
	if unicode.IsSpace(first) {
		all = append(all, Leading)
	}
	if unicode.IsSpace(last) {
		all = append(all, Trailing)
	}
	inside := strings.TrimSpace(secret)
	if strings.ContainsFunc(inside, unicode.IsControl) {
		all = append(all, Control)
	}
	if strings.ContainsFunc(inside, func(r rune) bool { return unicode.Is(unicode.Cf, r) }) {
		all = append(all, Unseen)
	}
	if variable.MatchString(secret) {
		all = append(all, Variable)
	}
	return all
}
