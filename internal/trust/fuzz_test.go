package trust

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// Whatever answers where TLS is awaited: there is an error with a class, and text and hint are harmless on any screen.
func FuzzServer(f *testing.F) {
	for _, seed := range []string{"", "+OK\r\n", "HTTP/1.1 302\r\n", "\x15\x03\x03\x00\x02\x02\x28", "\x16\x03\x01\x00\x04\x02\x00\x00\x00", "\x1b[2J\x1b]0;x\a"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		client, server := net.Pipe()
		defer client.Close()
		go func() {
			_, _ = server.Read(make([]byte, 1<<16)) // ClientHello, in one piece
			go func() { _, _ = io.Copy(io.Discard, server) }()
			_, _ = server.Write(data)
			server.Close()
		}()
		err := first(Client(client, &tls.Config{ServerName: "h.example"}))
		var failed *Failure
		if !errors.As(err, &failed) || failed.Class == "" {
			t.Fatalf("%T: %v", err, err)
		}
		if text := failed.Error() + failed.Hint(); strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q", text)
		}
	})
}
