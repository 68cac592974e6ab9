//go:build amd64 || arm64

package acceptance_test

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"net"
	"net/textproto"
	"sync"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
)

// feeder hands mail to a server by LMTP (RFC 2033), at random moments and of random sizes, and remembers what it sent.
type feeder struct {
	t      testing.TB
	socket string
	users  []string

	mu   sync.Mutex // one message at a time
	r    *rand.Rand
	sent map[string]map[int]fed // by user and number of the message

	quit chan struct{}
	done sync.WaitGroup
}

// fed is what a message must look like at the end of what is stored.
type fed struct {
	size int
	sum  [sha256.Size]byte
}

func newFeeder(t testing.TB, socket string, seed uint64, accounts []soakAccount) *feeder {
	f := &feeder{t: t, socket: socket, r: rand.New(rand.NewPCG(seed, 2)), sent: map[string]map[int]fed{}, quit: make(chan struct{})}
	for _, a := range accounts {
		f.users = append(f.users, a.name)
		f.sent[a.name] = map[int]fed{}
	}
	return f
}

// start feeds until stop, about two messages a second.
func (f *feeder) start() {
	f.done.Go(func() {
		for {
			f.mu.Lock()
			wait := time.Duration(f.r.ExpFloat64() * float64(500*time.Millisecond))
			f.mu.Unlock()
			select {
			case <-f.quit:
				return
			case <-time.After(wait):
				f.burst(1)
			}
		}
	})
	f.t.Cleanup(f.stop)
}

func (f *feeder) stop() {
	select {
	case <-f.quit:
	default:
		close(f.quit)
	}
	f.done.Wait()
}

// burst sends n messages at once. What fails there fails the test.
func (f *feeder) burst(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range n {
		size := 500 + f.r.IntN(8_000)
		switch p := f.r.IntN(100); {
		case p < 3:
			size = 100_000 + f.r.IntN(2_000_000)
		case p < 15:
			size = 8_000 + f.r.IntN(92_000)
		}
		number := 0
		for _, of := range f.sent {
			number += len(of)
		}
		user := f.users[f.r.IntN(len(f.users))]
		m := mailgen.Message(f.r, number, size)
		if !bytes.HasSuffix(m, []byte("\r\n")) { // one that ends in CR: LMTP would change it
			m = append(m, "\n"...)
		}
		if err := sendLMTP(f.socket, user+"@example.org", m); err != nil {
			f.t.Errorf("message %d: %v", number, err)
			return
		}
		stored := mailgen.Stored(m)
		f.sent[user][number] = fed{len(stored), sha256.Sum256(stored)}
	}
}

// count is how many messages a user got.
func (f *feeder) count(user string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.sent[user])
}

func sendLMTP(socket, to string, message []byte) error {
	raw, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	conn := textproto.NewConn(raw)
	defer conn.Close()
	if err := raw.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	_, _, err = conn.ReadResponse(220)
	for _, c := range []struct {
		line string
		code int
	}{{"LHLO feeder", 250}, {"MAIL FROM:<sender@sender.example>", 250}, {"RCPT TO:<" + to + ">", 250}, {"DATA", 354}} {
		if err == nil {
			err = conn.PrintfLine("%s", c.line)
		}
		if err == nil {
			_, _, err = conn.ReadResponse(c.code)
		}
	}
	if err != nil {
		return err
	}
	w := conn.DotWriter()
	if _, err := w.Write(message); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, _, err = conn.ReadResponse(250)
	return err
}
