package floor

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
)

// A line longer than the read buffer comes in pieces; every edge of a piece falls on every octet once.
func TestStorePieces(t *testing.T) {
	const message = "..aaaaaaaaaaaaaaa\r\r\r\nb\r.\r\n..\r\n\r\n\n.\n...................\r\r\r\r\r\rc\r\n"
	const wire = "...aaaaaaaaaaaaaaa\r\r\r\nb\r.\r\n...\r\n\r\n\n.\n...................\r\r\r\r\r\rc\r\n"
	m, err := openMaildir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	for size := 16; size < 64; size++ {
		// 16 is bufio's least, so the message moves too.
		for shift := range 16 {
			pad := strings.Repeat("x", shift)
			c := &client{r: bufio.NewReaderSize(strings.NewReader(pad+wire+".\r\n+OK"), size)}
			name, octets, err := c.store(m, nil)
			if err != nil {
				t.Fatal(err)
			}
			sent := pad + message
			if shift > 0 { // its first line no longer starts with a dot, so all of its dots are text
				sent = pad + "." + message
			}
			got, err := os.ReadFile(m.tmp + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			if want := string(mailgen.Stored([]byte(sent))); string(got) != want || octets != int64(len(sent)) {
				t.Fatalf("buffer %d, shift %d: %d octets\n%q, want\n%q", size, shift, octets, got, want)
			}
			if rest, _ := c.r.Peek(3); string(rest) != "+OK" {
				t.Fatalf("buffer %d: the next reply begins at %q", size, rest)
			}
		}
	}
}
