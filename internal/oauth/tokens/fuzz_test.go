package tokens

import (
	"bytes"
	"testing"
)

// A stored record may be damaged, or be what somebody's program printed.
func FuzzRecord(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decode(b)
		if err != nil {
			return
		}
		again, err := decode(r.encode())
		if err != nil || !bytes.Equal(again.encode(), r.encode()) {
			t.Errorf("%q is not read back: %v", b, err)
		}
	})
}
