package gmail

import (
	"crypto/sha256"
	"io"
	"os"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver/gmail/gmailtest"
)

// watchHeap is by how much the live heap grows at most while f runs, as far as it is seen.
func watchHeap(f func()) (peak uint64) {
	live := func() uint64 {
		one := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(one)
		return one[0].Value.Uint64()
	}
	runtime.GC()
	before := live()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return peak
		case <-tick.C:
			runtime.GC()
			if now := live(); now > before {
				peak = max(peak, now-before)
			}
		}
	}
}

// endless is a message of any size that is nowhere in memory.
type endless struct{ size, at int64 }

const endlessHead = "From: a@a.example\r\nSubject: large\r\n\r\n"

func (e *endless) Read(p []byte) (int, error) {
	if e.at >= e.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), e.size-e.at)]
	for i := range p {
		at := e.at + int64(i)
		switch {
		case at < int64(len(endlessHead)):
			p[i] = endlessHead[at]
		case at%78 == 76:
			p[i] = '\r'
		case at%78 == 77:
			p[i] = '\n'
		default:
			p[i] = 'a' + byte(at%23)
		}
	}
	e.at += int64(len(p))
	return len(p), nil
}

func (e *endless) Seek(offset int64, _ int) (int64, error) { e.at = offset; return offset, nil }

// Memory does not grow with a message, on either side.
func TestHeap(t *testing.T) {
	size := int64(24 << 20)
	if os.Getenv("POPSYNC_LARGE") != "" {
		size = 140 << 20
	}
	w := newWorld(t, gmailtest.Options{Digest: true, Fault: on("upload", 1, gmailtest.Fault{Take: size / 2})})
	s := w.open(false)
	m := w.outgoing("one", "", false)
	m.Body, m.Octets = &endless{size: size}, size
	peak := watchHeap(func() {
		if err := s.Send(t.Context(), m); err != nil {
			t.Error(err)
		}
	})
	sum := sha256.New()
	_, _ = io.Copy(sum, &endless{size: size})
	all := w.server.Messages()
	if len(all) != 1 || all[0].Octets != size || string(all[0].Sum[:]) != string(sum.Sum(nil)) {
		t.Errorf("%d messages, not as they were sent", len(all))
	}
	t.Logf("%d octets took %d octets of memory", size, peak)
	if peak > 16<<20 {
		t.Errorf("%d octets of memory", peak)
	}
	m = w.outgoing("two", "", false)
	m.Body, m.Octets = &endless{size: maxOctets}, maxOctets
	if e := w.fault(s.Send(t.Context(), m)); !e.Permanent || w.server.Calls("begin") != 1 {
		t.Errorf("one that is too large: %+v", e)
	}
}
