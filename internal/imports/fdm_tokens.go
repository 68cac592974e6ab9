package imports

import (
	"strings"
)

// fdmToken is a word, a text in quotes, or a sign of an fdm.conf.
type fdmToken struct {
	line   int
	text   string
	quoted bool
	runs   bool // it holds $(command), whose output would stand here
}

// fdmTokens divides an fdm.conf, puts values in place of its macros, and leaves out what assigns them.
func fdmTokens(s string) (tokens []fdmToken, macros map[string]string, err error) {
	macros = map[string]string{}
	line := 1
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '\n':
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r' || c == ',' || c == ';':
			i++
		case c == '\\' && i+1 < len(s) && s[i+1] == '\n':
			line++
			i += 2
		case c == '#':
			for i < len(s) && s[i] != '\n' {
				i++
			}
		case c == '"' || c == '\'':
			t, n, e := fdmText(s[i:], line, macros)
			if e != nil {
				return nil, nil, e
			}
			tokens = append(tokens, t)
			line += strings.Count(s[i:i+n], "\n")
			i += n
		case strings.IndexByte("{}()=!", c) >= 0:
			tokens = append(tokens, fdmToken{line: line, text: string(c)})
			i++
		default:
			n := strings.IndexAny(s[i:], " \t\r\n,;\"'{}()=!#")
			if strings.HasPrefix(s[i:], "$(") || strings.HasPrefix(s[i:], "%(") {
				n = strings.IndexByte(s[i:], ')') + 1
				if n == 0 {
					return nil, nil, &Error{line, "$( without its end"}
				}
				tokens = append(tokens, fdmToken{line: line, quoted: true, runs: true})
				i += n
				continue
			}
			if n < 0 {
				n = len(s) - i
			}
			n = max(n, 1)
			tokens = append(tokens, fdmToken{line: line, text: s[i : i+n]})
			i += n
		}
		if t := len(tokens); t >= 3 && tokens[t-2].text == "=" && !tokens[t-2].quoted && fdmMacro(tokens[t-3].text) && tokens[t-1].quoted {
			macros[tokens[t-3].text[1:]] = tokens[t-1].text
			tokens = tokens[:t-3]
		}
	}
	return tokens, macros, nil
}

// fdmMacro reports whether a word names a macro: $text or %number.
func fdmMacro(s string) bool { return len(s) > 1 && (s[0] == '$' || s[0] == '%') }

// fdmText reads a text. In "..." a backslash escapes, and ${NAME} stands for a macro; in '...' nothing does.
func fdmText(s string, line int, macros map[string]string) (fdmToken, int, error) {
	t := fdmToken{line: line, quoted: true}
	raw := s[0] == '\''
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == s[0]:
			t.text = b.String()
			return t, i + 1, nil
		case !raw && c == '\\' && i+1 < len(s):
			i++
			if simple := strings.IndexByte("ntr", s[i]); simple >= 0 {
				b.WriteByte("\n\t\r"[simple])
			} else {
				b.WriteByte(s[i])
			}
		case !raw && (c == '$' || c == '%') && strings.HasPrefix(s[i+1:], "{"):
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return t, 0, &Error{line, "${ without its end"}
			}
			value, ok := macros[s[i+2:i+end]]
			if !ok {
				return t, 0, &Error{line, "there is no macro " + quoted(s[i+2:i+end])}
			}
			b.WriteString(value)
			i += end
		case !raw && c == '$' && strings.HasPrefix(s[i+1:], "("):
			end := strings.IndexByte(s[i:], ')')
			if end < 0 {
				return t, 0, &Error{line, "$( without its end"}
			}
			t.runs = true
			i += end
		default:
			b.WriteByte(c)
		}
	}
	return t, 0, &Error{line, "a text without its closing quote"}
}
