package gmail

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/gmail/gmailtest"
)

// world is a mailbox, and a folder of copies whose record outlives Senders.
type world struct {
	testing.TB
	server *gmailtest.Server
	addr   string
	copies string
	set    func(o *Options) // changes each Sender's options
}

const testToken = "ya29.do-not-print"

// newWorld serves a mailbox whose quota has no end.
func newWorld(t testing.TB, o gmailtest.Options) *world {
	t.Helper()
	if o.Quota == 0 {
		o.Quota = -1
	}
	s := gmailtest.New(o)
	t.Cleanup(s.Close)
	addr, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	return &world{TB: t, server: s, addr: addr, copies: filepath.Join(t.TempDir(), "copies")}
}

func (w *world) open(doubts bool) *Sender {
	w.Helper()
	o := Options{
		Address: w.addr, TLSConfig: w.server.Trust(), Username: "me@gmail.com", Labels: []string{"INBOX", "UNREAD"},
		Token:    func(context.Context, string) (string, error) { return testToken, nil },
		Timeouts: Timeouts{Reply: 20 * time.Second}, Pacers: &Pacers{Minute: time.Millisecond},
	}
	if w.set != nil {
		w.set(&o)
	}
	s, err := New(o)
	if err != nil {
		w.Fatal(err)
	}
	s.Hold(doubts)
	w.Cleanup(func() { s.Close() })
	return s
}

func (w *world) outgoing(id, text string, again bool) deliver.Outgoing {
	return deliver.Outgoing{
		Message: deliver.Message{Account: "work", UID: id}, ID: id, Folder: w.copies,
		Body: strings.NewReader(text), Octets: int64(len(text)), Again: again,
	}
}

func (w *world) send(s *Sender, id, text string, again bool) error {
	return s.Send(context.Background(), w.outgoing(id, text, again))
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// has makes sure of what is in the mailbox, in whatever order.
func (w *world) has(when string, texts ...string) {
	w.Helper()
	var got []string
	for _, m := range w.server.Messages() {
		got = append(got, m.Raw)
	}
	slices.Sort(got)
	texts = slices.Clone(texts)
	slices.Sort(texts)
	if !slices.Equal(got, texts) {
		w.Errorf("%s: the mailbox has %d messages, want %d: %.300q, want %.300q", when, len(got), len(texts), got, texts)
	}
}

// fault is the *deliver.Error that an error must be.
func (w *world) fault(err error) *deliver.Error {
	w.Helper()
	var e *deliver.Error
	if !errors.As(err, &e) {
		w.Fatalf("Send gave %v, want a *deliver.Error", err)
	}
	return e
}

// named is a message as most are.
func named(n int) string {
	return fmt.Sprintf("Received: from a.example by b.example with ESMTP id x%[1]d; Sat, 28 Nov 2026 10:00:00 +0100\r\n"+
		"Message-ID: <%[1]d@a.example>\r\nFrom: a@a.example\r\nSubject: number %[1]d\r\n\r\nThe text of %[1]d.\r\n", n)
}

// bare is one that only its text tells from others.
func bare(n int) string {
	return fmt.Sprintf("From: a@a.example\r\nSubject: hello\r\n\r\nThe text of %d.\r\n", n)
}

// lengthy is a message of so many octets without a Message-ID.
func lengthy(octets int) string {
	text := "From: a@a.example\r\nSubject: long\r\n\r\n"
	line := strings.Repeat("0123456789", 7) + "\r\n"
	return text + strings.Repeat(line, (octets-len(text))/len(line)+1)[:octets-len(text)-2] + "\r\n"
}
