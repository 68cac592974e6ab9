package pop3_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
)

type repeat struct {
	text string
	off  int
}

func (r *repeat) Read(p []byte) (n int, err error) {
	for n < len(p) {
		k := copy(p[n:], r.text[r.off:])
		n += k
		r.off = (r.off + k) % len(r.text)
	}
	return n, nil
}

// TestFlatMemory: neither the size of a message nor that of a line costs memory.
func TestFlatMemory(t *testing.T) {
	const size = 256 << 20
	text := strings.Repeat("x", 1<<20) + "\r\n" // lines of 1 MiB
	s := newServer(t, pop3test.Options{}, pop3test.Message{UID: "big", Size: size, Open: func() io.Reader {
		return io.LimitReader(&repeat{text: text}, size)
	}})
	addr, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	c := login(t, pop3.Options{Host: "127.0.0.1", Port: addr.Port, TLS: pop3.NoTLS})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	items := func(yield func(pop3.Item) bool) { yield(pop3.Item{Num: 1, Size: size}) }
	err = c.Retrieve(t.Context(), items, func(r pop3.Response) error {
		n, err := io.Copy(io.Discard, struct{ io.Reader }{r.Body})
		if n != size+2 && n != size {
			t.Error(n)
		}
		return err
	})
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; err != nil || used > 2<<20 {
		t.Errorf("%v; %d octets allocated on both sides", err, used)
	}
}

// TestLargeListing: 100,000 messages through the in-memory server.
func TestLargeListing(t *testing.T) {
	const n = 100_000
	msgs := make([]pop3test.Message, n)
	for i := range msgs {
		msgs[i] = pop3test.Message{UID: fmt.Sprintf("%016x", i*7919), ListSize: int64(i + 1)}
	}
	s := newServer(t, pop3test.Options{}, msgs...)
	addr, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	c := login(t, pop3.Options{Host: "127.0.0.1", Port: addr.Port, TLS: pop3.NoTLS})
	start := time.Now()
	l, err := c.List(t.Context())
	if err != nil || l.Len() != n || l.At(n-1).UID != msgs[n-1].UID || l.Bytes() != n*(n+1)/2 {
		t.Fatal(err)
	}
	t.Log(time.Since(start))
}
