package screen

import (
	"strings"
	"testing"
)

func TestFill(t *testing.T) {
	for in, want := range map[string]string{
		"":                                "",
		"one two\nthree":                  "one two\nthree",
		"one two three four\nfive":        "one two\nthree four\nfive",
		"a\nb\n\n  keep this as it is\nc": "a b\n\n  keep this as it is\nc",
	} {
		if got := Fill(in, 10); got != want {
			t.Errorf("%q is filled as %q, want %q", in, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, tc := range []struct {
		text  string
		width int
		want  string
	}{
		{"", 10, ""},
		{"one two three four", 0, "one two three four"},
		{"one two three four", 9, "one two\n  three\n  four"},
		{"one two three four", 12, "one two\n  three four"},
		{"a-very-long-word and", 5, "a-very-long-word\n  and"},
	} {
		if got := Wrap(tc.text, "  ", tc.width); got != tc.want {
			t.Errorf("%q in %d: %q, want %q", tc.text, tc.width, got, tc.want)
		}
	}
}

// A unique-id is not broken at its blanks, whatever stands around it.
func TestWrappedUIDs(t *testing.T) {
	for text, want := range map[string]string{
		"one two  three":                 "one two|three",
		"message 'a  b c' broke it":      "message|'a  b c'|broke it",
		"message 'a  b c'; it":           "message|'a  b c';|it",
		`say $'a  b\'  \xff' it`:         `say|$'a  b\'  \xff'|it`,
		`'it'\''s  so' it`:               `'it'\''s  so'|it`,
		"whatever 'delete' says is done": "whatever|'delete'|says is|done",
		"isn't 'open at all":             "isn't 'open|at all",
	} {
		if got := strings.ReplaceAll(Wrap(text, "", 11), "\n", "|"); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
