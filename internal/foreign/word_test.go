package foreign

import (
	"os/exec"
	"testing"
)

func TestWord(t *testing.T) {
	for s, want := range map[string]string{
		"":              `''`,
		"0000a3f2-17":   "0000a3f2-17",
		"<a@b/c=d,e:f>": `'<a@b/c=d,e:f>'`,
		"a b":           `'a b'`,
		"-x":            `'-x'`,
		"it's":          `'it'\''s'`,
		`a\b`:           `'a\b'`,
		"$HOME`!*~":     "'$HOME`!*~'",
		"\xff\xe4'\\-1": `$'\xff\xe4\'\\-1'`,
		"a\x00\x7f":     `$'a\x00\x7f'`,
		"\u00e4":        `$'\xc3\xa4'`,
	} {
		if got := Word(s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}

// A shell makes of the word what it was made of.
func TestWordInAShell(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash here")
	}
	all := make([]byte, 0, 255)
	for c := 1; c < 256; c++ { // no argument holds a NUL
		all = append(all, byte(c))
	}
	for _, s := range []string{string(all), "a b", "it's", "\xffa1f", `\x41`, "$(id)"} {
		out, err := exec.Command(bash, "-c", "printf %s "+Word(s)).Output()
		if err != nil || string(out) != s {
			t.Errorf("%q came as %q, %v", s, out, err)
		}
	}
}

func TestToken(t *testing.T) {
	for in, want := range map[string]string{
		"":              "",
		"a~!":           "a~!",
		"a b\\\x00\n~":  `a\x20b\x5C\x00\x0A~`,
		"\xff\u00e4":    `\xFF\xC3\xA4`,
		`\x20`:          `\x5Cx20`,
		"\x1b[2J\x7f-x": `\x1B[2J\x7F-x`,
	} {
		if got := Token(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
