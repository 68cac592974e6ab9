package deliver_test

import (
	"bytes"
	"testing"

	"github.com/popsync/popsync/deliver"
)

// FuzzLineEnds cuts a text into pieces by a pattern and compares with the plain definition.
func FuzzLineEnds(f *testing.F) {
	f.Fuzz(func(t *testing.T, text, cuts []byte) {
		want := bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
		var l deliver.LineEnds
		var got []byte
		rest := text
		for i := 0; len(rest) > 0; i++ {
			n := len(rest)
			if len(cuts) > 0 {
				n = min(n, int(cuts[i%len(cuts)])%16)
			}
			if n == 0 && i < 1<<16 {
				got = l.Append(got, nil)
				n = 1
			}
			before := len(got)
			got = l.Append(got, rest[:n])
			if len(got)-before > n+1 {
				t.Fatalf("%d octets became %d", n, len(got)-before)
			}
			rest = rest[n:]
		}
		if got = l.End(got); !bytes.Equal(got, want) {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	})
}
