package words

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/foreign/foreigntest"
)

func TestClip(t *testing.T) {
	for name, s := range foreigntest.Nasty() {
		got := Clip(s)
		odd := strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) })
		if bad := foreigntest.Odd(foreign.ASCII(got)); bad >= 0 || odd || !utf8.ValidString(got) || len(got) > maxText {
			t.Errorf("%s: octet %d of %d, odd: %v", name, bad, len(got), odd)
		}
		if again := Clip(got); again != got {
			t.Errorf("%s: twice is not once: %q", name, again)
		}
	}
	for _, tt := range [][2]string{
		{"", ""}, {"plain \\ text", "plain \\ text"}, {"\x1b[m", `\x1b[m`}, {"\u009b", `\xc2\x9b`}, {"密", "密"}, {"\u202e密", `\xe2\x80\xae密`},
		{strings.Repeat("a", 1024), strings.Repeat("a", 1024)},
		{strings.Repeat("a", 1025), strings.Repeat("a", 1021) + "..."},
		{strings.Repeat("a", 1020) + "\x01", strings.Repeat("a", 1020) + `\x01`},
		{strings.Repeat("a", 1021) + "\x01", strings.Repeat("a", 1021) + "..."},
		{strings.Repeat("a", 1019) + "\x01\x02", strings.Repeat("a", 1019) + "..."},
	} {
		if got := Clip(tt[0]); got != tt[1] {
			t.Errorf("Clip(%.20q of %d) = %.40q of %d", tt[0], len(tt[0]), got, len(got))
		}
	}
}
