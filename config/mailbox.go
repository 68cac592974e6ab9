package config

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/popsync/popsync/config/document"
)

// checkMailbox accepts local@domain as it may stand between angle brackets (RFC 5321, section 4.1.2; RFC 6531): no
// control character, space, quote or angle bracket passes. Dots are taken anywhere in the local part, as they are met.
func checkMailbox(s string) *fault {
	const hint = "write name@domain, and nothing around it"
	i := strings.LastIndexByte(s, '@')
	ok := i > 0 && i <= 256 && utf8.ValidString(s) && checkDomain(s[i+1:]) == nil
	for _, r := range s[:max(i, 0)] {
		ok = ok && (r >= 0x80 && visible(r) || r < 0x80 && (atext(byte(r)) || r == '.'))
	}
	if !ok {
		return &fault{text: document.Shown(s) + " is not an address", hint: hint}
	}
	return nil
}

// atext is RFC 5322, section 3.2.3.
func atext(c byte) bool {
	return document.Bare(c) || strings.IndexByte("!#$%&'*+/=?^`{|}~", c) >= 0
}

// visible tells whether a character beyond ASCII may be in an address (RFC 6531 has no such limit).
func visible(r rune) bool { return unicode.IsPrint(r) && !unicode.IsSpace(r) }

// checkDomain accepts a domain, in whatever script.
func checkDomain(s string) *fault {
	ok := len(s) <= 255
	for label := range strings.SplitSeq(s, ".") {
		ok = ok && label != "" && label[0] != '-' && label[len(label)-1] != '-'
		for _, r := range label {
			ok = ok && (r >= 0x80 && visible(r) || r < 0x80 && document.Bare(byte(r)))
		}
	}
	if !ok {
		return &fault{text: document.Shown(s) + " is not a domain", hint: "such as example.org"}
	}
	return nil
}

// checkHelo accepts a domain in ASCII, or nothing.
func checkHelo(s string) *fault {
	if s == "" {
		return nil
	}
	for i := range len(s) {
		if s[i] >= 0x80 {
			return &fault{text: document.Shown(s) + " is not a domain in ASCII", hint: "write the form that begins with xn--"}
		}
	}
	return checkDomain(s)
}

// checkSender accepts an address and two words.
func checkSender(s string) *fault {
	words := []string{"original", "null"}
	if s == words[0] || s == words[1] {
		return nil
	}
	if f := checkMailbox(s); f != nil {
		f.text += ", nor original or null"
		if hint := document.DidYouMean(s, words); hint != "" {
			f.hint = hint
		}
		return f
	}
	return nil
}

// checkPrefix accepts what a local part may begin with.
func checkPrefix(s string) *fault {
	for _, r := range s {
		if r == utf8.RuneError || r >= 0x80 && !visible(r) || r < 0x80 && !atext(byte(r)) && r != '.' {
			return &fault{text: document.Shown(s) + " is nothing that an address can begin with", hint: `such as "example-org-"`}
		}
	}
	if len(s) > 64 {
		return &fault{text: "is longer than 64 octets", hint: "write only what all the addresses begin with"}
	}
	return nil
}

// checkField accepts the name of a header field (RFC 5322, section 3.6.8).
func checkField(s string) *fault {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == ':' {
			return &fault{text: document.Shown(s) + " is not the name of a header field", hint: "such as X-Original-To, without the colon"}
		}
	}
	if s == "" {
		return &fault{text: "must not be empty"}
	}
	return nil
}

// someOf accepts a list of at least one and at most most texts that check accepts, each different from the others.
func someOf(dst *[]string, most int, hint string, check func(string) *fault) convert {
	return func(v any) *fault {
		list, f := texts(v, hint)
		if f != nil {
			return f
		}
		if len(list) > most {
			return &fault{text: fmt.Sprintf("%d are too many, the most is %d", len(list), most)}
		}
		seen := map[string]bool{}
		for i, s := range list {
			if f := check(s); f != nil {
				f.at = document.Path("").Index(i)
				return f
			}
			if seen[canonical(s)] {
				return &fault{text: document.Shown(s) + " is there already", at: document.Path("").Index(i)}
			}
			seen[canonical(s)] = true
		}
		*dst = list
		return nil
	}
}

// canonical is the form of an address or a domain in which the case of the domain doesn't matter.
func canonical(s string) string {
	i := strings.LastIndexByte(s, '@') + 1
	return s[:i] + strings.ToLower(s[i:])
}
