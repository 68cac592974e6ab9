package command

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestSeedsArePresent fails when a corpus was moved or lost: a fuzz test without seeds passes silently.
func TestSeedsArePresent(t *testing.T) {
	for _, name := range []string{"FuzzSender", "FuzzLineEnds"} {
		if seeds, err := filepath.Glob(filepath.Join("testdata", "fuzz", name, "*")); err != nil || len(seeds) < 3 {
			t.Errorf("%s has %d seeds: %v", name, len(seeds), err)
		}
	}
}

func FuzzSender(f *testing.F) {
	f.Fuzz(func(t *testing.T, head []byte, more bool) {
		got := envelopeSender(head, more)
		if got == "" {
			return
		}
		if len(got) > 254 || got[0] == '-' || strings.Count(got, "@") != 1 {
			t.Errorf("%q", got)
		}
		for _, c := range []byte(got) {
			if c <= ' ' || c >= 0x7f || strings.IndexByte("`$|&;<>()\"\\,", c) >= 0 {
				t.Errorf("%q has %q", got, c)
			}
		}
		if again := address(got); again != got {
			t.Errorf("%q became %q", got, again)
		}
		if !bytes.Contains(head, []byte(got)) {
			t.Errorf("%q is not in the header", got)
		}
	})
}

// FuzzLineEnds cuts a text into pieces by a pattern and compares with the plain definition.
func FuzzLineEnds(f *testing.F) {
	f.Fuzz(func(t *testing.T, text, cuts []byte) {
		want := bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
		var l lineEnds
		var got []byte
		for i, rest := 0, text; len(rest) > 0; i++ {
			n := len(rest)
			if len(cuts) > 0 {
				n = min(n, 1+int(cuts[i%len(cuts)])%16)
			}
			before := len(got)
			if got = l.append(l.append(got, nil), rest[:n]); len(got)-before > n+1 {
				t.Fatalf("%d octets became %d", n, len(got)-before)
			}
			rest = rest[n:]
		}
		if got = l.end(got); !bytes.Equal(got, want) {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	})
}
