package foreign

import "strings"

// Words are the words of a text in lower case, each between blanks, so that " in use " is found whatever stands around it. Only
// ASCII letters and digits make words.
func Words(s string) string {
	b := make([]byte, 1, len(s)+2)
	b[0] = ' '
	for i := range len(s) {
		ch := s[i]
		if ch >= 'A' && ch <= 'Z' {
			ch |= 0x20
		}
		switch {
		case ch >= 'a' && ch <= 'z' || ch >= '0' && ch <= '9':
			b = append(b, ch)
		case b[len(b)-1] != ' ':
			b = append(b, ' ')
		}
	}
	if b[len(b)-1] != ' ' {
		b = append(b, ' ')
	}
	return string(b)
}

// Says tells whether one of the phrases occurs in what Words gave. A phrase with a blank at its end wants the whole word there,
// one without it takes words that go on.
func Says(words string, phrases []string) bool {
	for _, p := range phrases {
		if strings.Contains(words, p) {
			return true
		}
	}
	return false
}
