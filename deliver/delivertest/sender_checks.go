package delivertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/popsync/popsync/deliver"
)

// openSender opens a Sender that is closed when the test ends.
func openSender(t testing.TB, b SenderBench) deliver.Sender {
	t.Helper()
	s := b.Open(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func outgoing(i int, text string) deliver.Outgoing {
	return deliver.Outgoing{
		Message: deliver.Message{Account: "work", UID: fmt.Sprintf("uid-%d", i)},
		ID:      fmt.Sprintf("id%030d", i),
		Body:    strings.NewReader(text),
		Octets:  int64(len(text)),
	}
}

func send(t testing.TB, s deliver.Sender, m deliver.Outgoing) {
	t.Helper()
	if err := s.Send(context.Background(), m); err != nil {
		t.Fatalf("Send: %v", err)
	}
}

// arrived compares what is at the destination with what should be, as a multiset of bodies.
func arrived(t testing.TB, b SenderBench, when string, want ...string) {
	t.Helper()
	var got []string
	for _, a := range b.Arrived(t) {
		got = append(got, a.Body)
	}
	want = slices.Clone(want)
	for i, text := range want {
		want[i], _ = b.stored(text)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: %d messages arrived, want %d: %s", when, len(got), len(want), differing(got, want))
	}
}

// differing tells the first difference of two sorted lists; bodies may be large.
func differing(got, want []string) string {
	for i := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if i < len(got) {
			g = quote(got[i])
		}
		if i < len(want) {
			w = quote(want[i])
		}
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			return fmt.Sprintf("the first that differs is %s, want %s", g, w)
		}
	}
	return ""
}

func quote(text string) string {
	if len(text) > 100 {
		return fmt.Sprintf("%q and so on, %d octets", text[:100], len(text))
	}
	return fmt.Sprintf("%q", text)
}

// fails makes sure that an error is an *Error.
func fails(t testing.TB, what string, err error) *deliver.Error {
	t.Helper()
	var e *deliver.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: Send gave %v, want a *deliver.Error", what, err)
	}
	return e
}

func bodiesArrive(t testing.TB, b SenderBench) {
	s := openSender(t, b)
	var want []string
	for i, text := range []string{
		"", "x", "\r\n", "\r\n\r\n", ".", ".\r\n", "..\r\n", "Subject: a\r\n\r\nno line end", "Subject: a\r\n\r\n.",
		"Subject: a\r\n\r\n.\r\n..\r\n.x\r\n\r\n.\r\nend\r\n", "Subject: a\r\n\r\n\r\n.\r\n",
		"From me\r\n\r\nFrom you\r\n", "Subject: a\r\n\r\nQUIT\r\nRSET\r\n",
		"Subject: a\r\n\r\na\n.\nb\n\n.\n", "Subject: a\r\n\r\na\r.\rb\r\r\n", "Subject: a\r\n\r\na\n.\r\nb\r\n.\nc\r\n",
		"Subject: a\r\n\r\nlast is CR\r", "Subject: a\x00b\r\n\r\n\x00\r\n", "Subject: \xc3\xa4\xff\r\n\r\n\x80\x81\r\n",
		"Subject: a\r\n\r\n" + strings.Repeat("y", 900) + "\r\n", "Subject: a\r\n\r\n" + strings.Repeat("y", 100_000) + "\r\n",
	} {
		err := s.Send(context.Background(), outgoing(i, text))
		if _, taken := b.stored(text); taken {
			if err != nil {
				t.Fatalf("Send of %s: %v", quote(text), err)
			}
			want = append(want, text)
		} else if e := fails(t, quote(text), err); e.Scope != deliver.ThisMessage || !e.Permanent || e.Uncertain {
			t.Errorf("%s was refused with %+v", quote(text), e)
		}
		arrived(t, b, fmt.Sprintf("after body %d", i), want...)
	}
}

func largeMessage(t testing.TB, b SenderBench) {
	s := openSender(t, b)
	var text strings.Builder
	text.WriteString("Subject: large\r\n\r\n")
	for i := 0; text.Len() < 8<<20; i++ {
		fmt.Fprintf(&text, "%.*s%d%s\r\n", i%3, "..", i, strings.Repeat("x", i%200))
	}
	send(t, s, outgoing(0, text.String()))
	arrived(t, b, "large", text.String())
}

func manyOnOneSender(t testing.TB, b SenderBench) {
	s := openSender(t, b)
	var want []string
	for i := range 120 { // more than a connection may carry where that is bounded
		want = append(want, body(i))
		send(t, s, outgoing(i, body(i)))
	}
	arrived(t, b, "one after another", want...)
}

var errBody = errors.New("the disk failed")

// brokenBody fails, or does something else, once so many octets were read; a Seek does not mend it.
type brokenBody struct {
	io.ReadSeeker
	left int
	then func() error
}

func (r *brokenBody) Read(p []byte) (int, error) {
	if r.left <= 0 && r.then != nil {
		if err := r.then(); err != nil {
			return 0, err
		}
		r.then = nil
	}
	if r.then != nil {
		p = p[:min(len(p), r.left)]
	}
	n, err := r.ReadSeeker.Read(p)
	r.left -= n
	return n, err
}

func failingBody(t testing.TB, b SenderBench) {
	s := openSender(t, b)
	text := "Subject: cut\r\n\r\n" + strings.Repeat("a line that is cut somewhere\r\n", 20_000)
	var want []string
	for i, after := range []int{0, 1, 16, 18, 300_000, len(text) - 1} {
		m := outgoing(i, text)
		m.Body = &brokenBody{m.Body, after, func() error { return errBody }}
		e := fails(t, fmt.Sprintf("a body that fails after %d octets", after), s.Send(context.Background(), m))
		if e.Scope != deliver.ThisMessage || e.Permanent || e.Uncertain || e.Rest != "" {
			t.Errorf("a body that fails after %d octets: %+v, want a temporary and certain error about this message", after, e)
		}
		arrived(t, b, "after a body that failed", want...)
		want = append(want, body(i))
		send(t, s, outgoing(i, body(i)))
		arrived(t, b, "after the next", want...)
	}
}

// bodyOfAnotherLength: what is not as long as it should be is not the message.
func bodyOfAnotherLength(t testing.TB, b SenderBench) {
	s := openSender(t, b)
	m := outgoing(0, body(0))
	m.Octets += 10
	fails(t, "a body that is too short", s.Send(context.Background(), m))
	arrived(t, b, "after a body that is too short")
	send(t, s, outgoing(1, body(1)))
	arrived(t, b, "after the next", body(1))
}

func cancelledBefore(t testing.TB, b SenderBench) {
	s := openSender(t, b)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 2 { // without a connection, and with one that is kept
		if err := s.Send(ctx, outgoing(0, body(0))); !errors.Is(err, context.Canceled) {
			t.Errorf("Send with a context that ended: %v", err)
		}
		before := len(b.Arrived(t))
		send(t, s, outgoing(1, body(1)))
		if n := len(b.Arrived(t)); n != before+1 {
			t.Errorf("%d messages arrived after one Send", n-before)
		}
	}
	arrived(t, b, "after all", body(1), body(1))
}

// cancelledWithin allows a Sender to go on, and to say that it does not know; not to be wrong.
func cancelledWithin(t testing.TB, b SenderBench) {
	s := openSender(t, b)
	text := "Subject: stopped\r\n\r\n" + strings.Repeat("a line of a message that is stopped\r\n", 50_000)
	ctx, cancel := context.WithCancel(context.Background())
	m := outgoing(0, text)
	m.Body = &brokenBody{m.Body, 500_000, func() error { cancel(); return nil }}
	err := s.Send(ctx, m)
	n := len(b.Arrived(t))
	var e *deliver.Error
	switch {
	case err == nil && n != 1, n > 1:
		t.Errorf("Send gave %v, and %d messages arrived", err, n)
	case err == nil:
	case !errors.As(err, &e) && !errors.Is(err, context.Canceled):
		t.Errorf("Send gave %v, want a *deliver.Error or the context's", err)
	case n == 1 && (e == nil || !e.Uncertain):
		t.Errorf("Send gave %v, yet the message arrived", err)
	}
	want := []string{text}[:n]
	send(t, s, outgoing(1, body(1)))
	arrived(t, b, "after the next", append(want, body(1))...)
}

func sendAll(t testing.TB, s deliver.Sender, first, n int) (bodies []string, wait func()) {
	next := make(chan int, n)
	for i := range n {
		bodies = append(bodies, body(first+i)+strings.Repeat("more\r\n", i*i*10))
		next <- i
	}
	close(next)
	var wg sync.WaitGroup
	for range s.Lanes() {
		wg.Go(func() {
			for i := range next {
				if err := s.Send(context.Background(), outgoing(first+i, bodies[i])); err != nil {
					t.Errorf("Send of message %d: %v", first+i, err)
				}
			}
		})
	}
	return bodies, wg.Wait
}

func allLanesAtOnce(t testing.TB, b SenderBench) {
	bodies, wait := sendAll(t, openSender(t, b), 0, 40)
	wait()
	arrived(t, b, "after all", bodies...)
}

func twoSendersAtOnce(t testing.TB, b SenderBench) {
	one, wait1 := sendAll(t, openSender(t, b), 0, 20)
	two, wait2 := sendAll(t, openSender(t, b), 100, 20)
	wait1()
	wait2()
	arrived(t, b, "after all", append(one, two...)...)
}

func idAndMessage(t testing.TB, b SenderBench) {
	s := openSender(t, b)
	m := outgoing(7, body(7))
	send(t, s, m)
	all := b.Arrived(t)
	if len(all) != 1 {
		t.Fatalf("%d messages arrived", len(all))
	}
	for _, f := range []struct{ what, got, want string }{
		{"id", all[0].ID, m.ID}, {"account", all[0].Account, m.Account}, {"UID", all[0].UID, m.UID},
	} {
		if f.got != "" && f.got != f.want {
			t.Errorf("the %s arrived as %q, want %q", f.what, f.got, f.want)
		}
	}
}

// triedAgain: a Sender may find that the message is there already, and a Rest that it does not know may be an error, but
// nil is never returned for a message that nobody has.
func triedAgain(t testing.TB, b SenderBench) {
	s := openSender(t, b)
	m := outgoing(1, body(1))
	m.Again = true
	send(t, s, m)
	arrived(t, b, "said to be tried before, though it was not", body(1))
	m = outgoing(1, body(1))
	m.Again = true
	send(t, s, m)
	if n := len(b.Arrived(t)); n != 1 && n != 2 {
		t.Errorf("%d messages arrived after two tries", n)
	}
	before := len(b.Arrived(t))
	m = outgoing(2, body(2))
	m.Rest = "of another kind"
	if err := s.Send(context.Background(), m); err == nil && len(b.Arrived(t)) != before+1 {
		t.Errorf("a Rest that names nobody: Send gave nil and nothing arrived")
	} else if err != nil {
		fails(t, "a Rest that names nobody", err)
	}
}

func placeLanesClose(t testing.TB, b SenderBench) {
	s := b.Open(t)
	if s.Lanes() < 1 {
		t.Errorf("Lanes is %d", s.Lanes())
	}
	place := s.Place()
	if place == "" || strings.ContainsFunc(place, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("Place is %q", place)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close of a Sender that sent nothing: %v", err)
	}
}

// nextIsKnown: of a message that is only announced nothing arrives, whether it comes later or not, and nothing that is
// wrong with it is told of another.
func nextIsKnown(t testing.TB, b SenderBench) {
	s := b.Open(t)
	var want []string
	before := func(i int, next deliver.Outgoing) {
		m := outgoing(i, body(i))
		m.Next = &next
		send(t, s, m)
		want = append(want, body(i))
		arrived(t, b, fmt.Sprintf("after message %d", i), want...)
	}
	for i := range 5 {
		before(i, outgoing(i+1, body(i+1)))
	}
	before(10, outgoing(11, body(11))) // not the one that was announced, and neither is
	before(12, outgoing(11, body(11))) // this one
	before(11, outgoing(13, body(13)))
	broken := outgoing(14, body(14))
	broken.Body = &brokenBody{broken.Body, 1, func() error { return errBody }}
	before(13, broken)
	longer := outgoing(15, body(15))
	longer.Octets++
	before(14, longer)
	before(15, deliver.Outgoing{Body: strings.NewReader("")})
	before(16, outgoing(17, body(17)))
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	arrived(t, b, "after Close", want...)
}
