//go:build amd64 || arm64

package main_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
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

// balance is what a mailbox holds, compared with what was sent.
type balance struct {
	sent, lost, twice, changed int
	notices                    map[string]int // popsync's own, by Message-ID
}

func (c balance) String() string {
	return fmt.Sprintf("%d sent, %d lost, %d twice, %d changed, %d notices", c.sent, c.lost, c.twice, c.changed, len(c.notices))
}

var (
	fedID    = regexp.MustCompile(`(?m)^Message-ID: <(\d+)\.[0-9a-f]{16}@sender\.example>$`)
	noticeID = regexp.MustCompile(`(?m)^Message-ID: (<popsync\..*>)$`)
	// addedLine is what servers and popsync put on top of a message.
	addedLine = regexp.MustCompile(`^(Return-Path:|Delivered-To:|Received:|[ \t])`)
)

// compare knows messages by their numbers, and their octets by what must be at the end: servers add lines on top.
func (f *feeder) compare(user string, stored [][]byte) balance {
	f.mu.Lock()
	defer f.mu.Unlock()
	missing := maps.Clone(f.sent[user])
	c := balance{sent: len(missing), notices: map[string]int{}}
	for _, b := range stored {
		id := fedID.FindSubmatch(b)
		if id == nil {
			if id = noticeID.FindSubmatch(b); id != nil {
				c.notices[string(id[1])]++
			} else {
				c.changed++
			}
			continue
		}
		number, _ := strconv.Atoi(string(id[1]))
		want, ok := f.sent[user][number]
		top := len(b) - want.size
		if !ok || top < 0 || sha256.Sum256(b[top:]) != want.sum || !addedOnly(b[:max(top, 0)]) {
			c.changed++
			continue
		}
		if _, first := missing[number]; !first {
			c.twice++
		}
		delete(missing, number)
	}
	c.lost = len(missing)
	return c
}

func addedOnly(top []byte) bool {
	for line := range bytes.Lines(top) {
		if !addedLine.Match(line) {
			return false
		}
	}
	return true
}

// The comparison sees what it is there for.
func TestSoakBalance(t *testing.T) {
	f := newFeeder(t, "", 1, []soakAccount{{name: "u"}})
	box := make([][]byte, 9)
	for i := range box {
		stored := mailgen.Stored(mailgen.Message(f.r, i, 900))
		f.sent["u"][i] = fed{len(stored), sha256.Sum256(stored)}
		box[i] = slices.Concat([]byte("Return-Path: <a@b>\nReceived: from x\n\tby y\n"), stored)
	}
	want := func(stored [][]byte, text string) {
		t.Helper()
		if got := f.compare("u", stored).String(); got != text {
			t.Errorf("%s, want %s", got, text)
		}
	}
	want(box, "9 sent, 0 lost, 0 twice, 0 changed, 0 notices")
	want(box[1:], "9 sent, 1 lost, 0 twice, 0 changed, 0 notices")
	want(append(box[:9:9], box[3], box[3]), "9 sent, 0 lost, 2 twice, 0 changed, 0 notices")
	for _, pair := range [][2]string{{"Return-Path", "X-Foreign"}, {"MIME-Version", "MIME-version"}, {"Message-ID", "Message-Id"}, {"Message-ID: <4.", "Message-ID: <44."}} {
		other := slices.Clone(box)
		other[4] = []byte(strings.Replace(string(box[4]), pair[0], pair[1], 1))
		want(other, "9 sent, 1 lost, 0 twice, 1 changed, 0 notices")
	}
	want(append(box[:9:9], box[2][:len(box[2])-1]), "9 sent, 0 lost, 0 twice, 1 changed, 0 notices")
	want(append(box[:9:9], []byte("Message-ID: <popsync.1@x>\n\n")), "9 sent, 0 lost, 0 twice, 0 changed, 1 notices")
}
