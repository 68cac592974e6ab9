package command

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestSeedsArePresent fails when a corpus was moved or lost: a fuzz test without seeds passes silently.
func TestSeedsArePresent(t *testing.T) {
	for _, name := range []string{"FuzzSender"} {
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
