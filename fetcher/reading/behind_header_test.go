package reading

import "testing"

// An answer to TOP n 0 that has lines behind the header is one to RETR, and proves nothing.
func TestBehindHeader(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "A: b\r\n": false, "A: b\r\n\r\n": false, "\r\n": false, "A: b\n\n": false,
		"A: b\r\n\r\nx\r\n": true, "A: b\r\n\r\n\r\n": true, "\r\nx": true, "A: b\n\nx\n": true,
	} {
		var b behindHeader
		for i := range len(text) { // in pieces, as they may come
			_, _ = b.Write([]byte(text[i : i+1]))
		}
		if b.lines != want {
			t.Errorf("%q: %v", text, b.lines)
		}
	}
}
