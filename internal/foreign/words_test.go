package foreign

import (
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		"":                        " ",
		"Mailbox in use":          " mailbox in use ",
		"  MAIL-DROP, Locked!! ":  " mail drop locked ",
		"can't":                   " can t ",
		"\x1b[2J\xff42":           " 2j 42 ",
		`\xb5\xc7 [SYS/TEMP] no.`: " xb5 xc7 sys temp no ",
	} {
		if got := Words(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if w := Words("already In Use"); !Says(w, []string{"x", " in use "}) || Says(w, []string{" us "}) || !Says(w, []string{" us"}) || Says(w, nil) {
		t.Error(w)
	}
}

// Words are words: nothing else is left, and doing it twice changes nothing.
func FuzzWords(f *testing.F) {
	f.Add("Mailbox in use")
	f.Fuzz(func(t *testing.T, s string) {
		w := Words(s)
		if strings.Trim(w, "abcdefghijklmnopqrstuvwxyz0123456789 ") != "" || strings.Contains(w, "  ") || w[0] != ' ' || w[len(w)-1] != ' ' || Words(w) != w {
			t.Errorf("%q: %q", s, w)
		}
	})
}
