package trust

import (
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"
)

// Whatever answers where TLS is awaited: there is an error with a class, and text and hint are harmless on any screen.
func FuzzServer(f *testing.F) {
	for _, seed := range []string{"", "+OK\r\n", "HTTP/1.1 302\r\n", "\x15\x03\x03\x00\x02\x02\x28", "\x16\x03\x01\x00\x04\x02\x00\x00\x00", "\x1b[2J\x1b]0;x\a"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		conn := played(t, string(data))
		_ = conn.SetDeadline(time.Now().Add(50 * time.Millisecond)) // it waits for more
		err := first(Client(conn, &tls.Config{ServerName: "h.example"}))
		var failed *Failure
		if !errors.As(err, &failed) || failed.Class == "" {
			t.Fatalf("%T: %v", err, err)
		}
		if text := failed.Error() + failed.Hint(); strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q", text)
		}
	})
}
