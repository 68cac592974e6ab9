package document

import (
	"strings"
	"testing"
)

func TestSuggestions(t *testing.T) {
	known := []string{"host", "password", "password_command", "password_file", "tls", "uid", "username"}
	for word, want := range map[string]string{
		"hosst": "host", "HOST": "host", "hots": "host", "user": "username", "pass": "password", "passwordfile": "password_file",
		"tlss": "tls", "x": "", "zz": "", "server": "", "usernames": "username", strings.Repeat("x", 1000): "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
