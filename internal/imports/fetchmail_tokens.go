package imports

import (
	"strconv"
	"strings"
)

// fmToken is a word of a fetchmailrc. A word in quotes is never a keyword.
type fmToken struct {
	line   int
	text   string
	quoted bool
	doubt  bool // it has \1 to \9, which versions of fetchmail read differently
}

// fetchmailTokens divides a fetchmailrc. What only makes it read like a sentence is left out.
func fetchmailTokens(s string) ([]fmToken, error) {
	var tokens []fmToken
	line := 1
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '\n':
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r' || c == ',' || c == ';' || c == ':':
			i++
		case c == '\\' && i+1 < len(s) && s[i+1] == '\n':
			line++
			i += 2
		case c == '#':
			for i < len(s) && s[i] != '\n' {
				i++
			}
		case c == '"' || c == '\'':
			end := strings.IndexByte(s[i+1:], c)
			if end < 0 {
				return nil, &Error{line, "a text without its closing quote"}
			}
			t, doubt := fetchmailEscapes(s[i+1 : i+1+end])
			tokens = append(tokens, fmToken{line, t, true, doubt})
			line += strings.Count(s[i:i+end+2], "\n")
			i += end + 2
			if i < len(s) && strings.IndexByte(" \t\r\n,;:=#", s[i]) < 0 {
				return nil, &Error{line, "a quote inside a text: fetchmail cannot escape quotes"}
			}
		case c == '=':
			tokens = append(tokens, fmToken{line: line, text: "="})
			i++
		default:
			n := strings.IndexAny(s[i:], " \t\r\n,;:=\"'")
			if n < 0 {
				n = len(s) - i
			}
			t, doubt := fetchmailEscapes(s[i : i+n])
			tokens = append(tokens, fmToken{line, t, false, doubt})
			i += n
		}
	}
	kept := tokens[:0]
	for _, t := range tokens {
		switch {
		case t.quoted:
		case t.text == "and", t.text == "with", t.text == "has", t.text == "wants", t.text == "options":
			continue
		}
		kept = append(kept, t)
	}
	return kept, nil
}

// fetchmailEscapes reads the escapes of a word.
func fetchmailEscapes(s string) (text string, doubt bool) {
	if !strings.Contains(s, `\`) {
		return s, false
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; {
		case c == '\n':
		case strings.IndexByte("ntbr", c) >= 0:
			b.WriteByte("\n\t\b\r"[strings.IndexByte("ntbr", c)])
		case c == '0':
			n := 1
			for n < 3 && i+n < len(s) && '0' <= s[i+n] && s[i+n] <= '7' {
				n++
			}
			v, _ := strconv.ParseUint(s[i:i+n], 8, 16)
			b.WriteByte(byte(v))
			i += n - 1
		case '1' <= c && c <= '9':
			doubt = true
		case c == 'x':
			n := 1
			for n < 3 && i+n < len(s) && strings.IndexByte("0123456789abcdefABCDEF", s[i+n]) >= 0 {
				n++
			}
			v, _ := strconv.ParseUint(s[i+1:i+n], 16, 16)
			b.WriteByte(byte(v))
			i += n - 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), doubt
}
