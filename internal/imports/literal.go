package imports

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// errLiteral says that a text is no literal of Python, or one that nothing here needs.
var errLiteral = errors.New("not a literal")

// deepest is how far lists and dictionaries may stand in one another.
const deepest = 16

// literal reads the Python literal at the beginning of s: a text, a whole number, TRUE, FALSE, True, False, None, a tuple, a list
// or a dictionary with texts as keys. It returns string, int, bool, nil, []any or map[string]any, and what follows.
func literal(s string, depth int) (v any, rest string, err error) {
	s = blanks(s)
	if s == "" || depth > deepest {
		return nil, "", errLiteral
	}
	switch s[0] {
	case '\'', '"':
		return pythonText(s)
	case '(', '[':
		return sequence(s, depth)
	case '{':
		return dictionary(s, depth)
	}
	end := strings.IndexFunc(s, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if end < 0 {
		end = len(s)
	}
	switch word := s[:end]; word {
	case "TRUE", "True":
		return true, s[end:], nil
	case "FALSE", "False":
		return false, s[end:], nil
	case "None":
		return nil, s[end:], nil
	default:
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil, "", errLiteral
		}
		return n, s[end:], nil
	}
}

func sequence(s string, depth int) (any, string, error) {
	closing := map[byte]byte{'(': ')', '[': ']'}[s[0]]
	opening, comma := s[0], false
	items := []any{}
	for s = blanks(s[1:]); ; {
		if s == "" {
			return nil, "", errLiteral
		}
		if s[0] == closing {
			if opening == '(' && len(items) == 1 && !comma {
				return items[0], s[1:], nil
			}
			return items, s[1:], nil
		}
		if len(items) > 0 && !comma {
			return nil, "", errLiteral
		}
		v, rest, err := literal(s, depth+1)
		if err != nil {
			return nil, "", err
		}
		items = append(items, v)
		s, comma = blanks(rest), false
		if strings.HasPrefix(s, ",") {
			s, comma = blanks(s[1:]), true
		}
	}
}

func dictionary(s string, depth int) (any, string, error) {
	m := map[string]any{}
	for s = blanks(s[1:]); ; {
		if strings.HasPrefix(s, "}") {
			return m, s[1:], nil
		}
		if s == "" || s[0] != '\'' && s[0] != '"' {
			return nil, "", errLiteral
		}
		k, rest, err := pythonText(s)
		if err != nil {
			return nil, "", err
		}
		if s = blanks(rest); !strings.HasPrefix(s, ":") {
			return nil, "", errLiteral
		}
		v, rest, err := literal(s[1:], depth+1)
		if err != nil {
			return nil, "", err
		}
		m[k.(string)] = v
		if s = blanks(rest); strings.HasPrefix(s, ",") {
			s = blanks(s[1:])
		} else if !strings.HasPrefix(s, "}") {
			return nil, "", errLiteral
		}
	}
}

// pythonText reads a text in quotes. Texts that follow one another are not joined: nobody writes them here.
func pythonText(s string) (any, string, error) {
	quote := s[0]
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			return b.String(), s[i+1:], nil
		case c != '\\':
			b.WriteByte(c)
		default:
			if i++; i == len(s) {
				return nil, "", errLiteral
			}
			n, err := pythonEscape(&b, s[i:])
			if err != nil {
				return nil, "", err
			}
			i += n - 1
		}
	}
	return nil, "", errLiteral
}

// pythonEscape writes what stands behind a backslash, and returns how many octets that took.
func pythonEscape(b *strings.Builder, s string) (int, error) {
	if simple := strings.IndexByte(`abfnrtv\'"`, s[0]); simple >= 0 {
		b.WriteByte("\a\b\f\n\r\t\v\\'\""[simple])
		return 1, nil
	}
	switch c := s[0]; {
	case c == '\n':
		return 1, nil
	case c == 'x' || c == 'u':
		n := map[byte]int{'x': 2, 'u': 4}[c]
		if len(s) <= n {
			return 0, errLiteral
		}
		v, err := strconv.ParseUint(s[1:1+n], 16, 32)
		if err != nil {
			return 0, errLiteral
		}
		if c == 'x' {
			b.WriteByte(byte(v))
		} else {
			b.Write(utf8.AppendRune(nil, rune(v)))
		}
		return 1 + n, nil
	case '0' <= c && c <= '7':
		n := 1
		for n < 3 && n < len(s) && '0' <= s[n] && s[n] <= '7' {
			n++
		}
		v, _ := strconv.ParseUint(s[:n], 8, 16)
		b.WriteByte(byte(v))
		return n, nil
	default:
		b.WriteByte('\\')
		b.WriteByte(c)
		return 1, nil
	}
}

// blanks leaves out blanks, line ends and comments.
func blanks(s string) string {
	for {
		s = strings.TrimLeft(s, " \t\r\n")
		if !strings.HasPrefix(s, "#") {
			return s
		}
		_, s, _ = strings.Cut(s, "\n")
	}
}
