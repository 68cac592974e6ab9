package spool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/spool"
)

// fixture is an identified Spool over a destination in memory.
type fixture struct {
	*spool.Target
	t     testing.TB
	root  string
	known string // the identity, as a ledger would remember it
	dir   string // the folder
	max   int64
	mail  *delivertest.MemorySender
}

func newSpool(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{t: t, root: filepath.Join(t.TempDir(), "spool"), mail: delivertest.NewMemorySender("relay")}
	f.restart()
	return f
}

// restart opens the spool as another process would.
func (f *fixture) restart() {
	f.t.Helper()
	f.mail = f.mail.Reopen()
	f.Target = spool.New(spool.Options{Root: f.root, Where: "relay", Max: f.max, Account: "work", Destination: "relay", Sender: f.mail})
	opened := f.Target
	f.t.Cleanup(func() { opened.Close() })
	known, err := f.Identify(context.Background(), f.known)
	must(f.t, err)
	f.known, f.dir = known, filepath.Join(f.root, strings.Fields(known)[1])
}

func (f *fixture) write(m deliver.Message, body string) (deliver.Ticket, error) {
	s, err := f.Create(context.Background(), m)
	if err != nil {
		return "", err
	}
	if _, err := s.Write([]byte(body)); err != nil {
		s.Abort()
		return "", err
	}
	return s.Ticket()
}

func (f *fixture) stage(uid, body string) deliver.Ticket {
	f.t.Helper()
	ticket, err := f.write(deliver.Message{Account: "work", UID: uid}, body)
	must(f.t, err)
	must(f.t, f.Prepare(context.Background(), []deliver.Ticket{ticket}))
	return ticket
}

func (f *fixture) publish(ticket deliver.Ticket) error {
	return f.Publish(context.Background(), []deliver.Ticket{ticket})[0]
}

func (f *fixture) path(ticket deliver.Ticket) string {
	return filepath.Join(f.dir, strings.Fields(string(ticket))[1])
}

// last is the message that arrived last.
func (f *fixture) last() delivertest.Sent {
	f.t.Helper()
	sent := f.mail.Sent()
	if len(sent) == 0 {
		f.t.Fatal("nothing was sent")
	}
	return sent[len(sent)-1]
}

func TestSends(t *testing.T) {
	f := newSpool(t)
	text := "Subject: a\r\n\r\n.\r\nbare \n and \r and \x00\r\nno end"
	uid := "\x00\xff \"" + strings.Repeat("u", 508)
	ticket, err := f.write(deliver.Message{Account: "other", UID: uid, Dup: 3, Size: 5}, text)
	must(t, err)
	must(t, f.Prepare(context.Background(), []deliver.Ticket{ticket}))
	must(t, f.publish(ticket))
	got := f.last()
	want := deliver.Message{Account: "work", UID: uid, Dup: 3}
	if got.Message != want || got.Text != text || got.Octets != int64(len(text)) || got.Again || got.Rest != "" {
		t.Errorf("it sent %+v", got)
	}
	if len(got.ID) != 32 || strings.Trim(got.ID, "0123456789abcdef") != "" {
		t.Errorf("the delivery id is %q", got.ID)
	}
}

// TestIDs: equal on every try of a message, even when it was fetched again; different for all else.
func TestIDs(t *testing.T) {
	seen := map[string]string{}
	id := func(account, destination string, m deliver.Message, body string) string {
		mail := delivertest.NewMemorySender("x")
		s := spool.New(spool.Options{Root: t.TempDir(), Account: account, Destination: destination, Sender: mail})
		defer s.Close()
		_, err := s.Identify(context.Background(), "")
		must(t, err)
		f := &fixture{Target: s, t: t, mail: mail}
		ticket, err := f.write(m, body)
		must(t, err)
		must(t, s.Prepare(context.Background(), []deliver.Ticket{ticket}))
		must(t, f.publish(ticket))
		return f.last().ID
	}
	m := deliver.Message{UID: "1"}
	first := id("a", "d", m, "x")
	if again := id("a", "d", deliver.Message{Account: "z", UID: "1", Size: 77}, "x"); again != first {
		t.Errorf("fetched again, it is %s instead of %s", again, first)
	}
	long := strings.Repeat("u", 600)
	for name, got := range map[string]string{
		"same": first, "account": id("b", "d", m, "x"), "destination": id("a", "e", m, "x"), "content": id("a", "d", m, "y"),
		"uid": id("a", "d", deliver.Message{UID: "2"}, "x"), "dup": id("a", "d", deliver.Message{UID: "1", Dup: 1}, "x"),
		"long": id("a", "d", deliver.Message{UID: long + "1"}, "x"), "long too": id("a", "d", deliver.Message{UID: long + "2"}, "x"),
		"shifted": id("ad", "", m, "x"),
	} {
		if seen[got] != "" {
			t.Errorf("%s and %s have one id", name, seen[got])
		}
		seen[got] = name
	}
}

// TestAgain: a destination that can search is told when it should.
func TestAgain(t *testing.T) {
	f := newSpool(t)
	var fault *deliver.Error
	var again []bool
	f.mail.OnSend = func(m deliver.Outgoing) error {
		again = append(again, m.Again)
		if fault == nil {
			return nil
		}
		return fault
	}
	ticket := f.stage("1", "x\r\n")
	for _, fault = range []*deliver.Error{{Op: "send"}, {Op: "send", Permanent: true}, {Op: "send", Uncertain: true}, {Op: "send"}} {
		if err := f.publish(ticket); err == nil {
			t.Errorf("Publish worked")
		}
	}
	f.restart()
	fault = nil
	must(t, f.publish(ticket))
	if got := fmt.Sprint(again); got != "[false false false true true]" {
		t.Errorf("Again was %s", got)
	}
	// An earlier copy ended in doubt, and is gone: this one is of the same message, fetched again.
	ticket, err := f.write(deliver.Message{Account: "work", UID: "2", Again: true}, "x\r\n")
	must(t, err)
	must(t, f.Prepare(context.Background(), []deliver.Ticket{ticket}))
	must(t, f.publish(ticket))
	if !f.last().Again {
		t.Error("what was fetched again after a doubt is sent as if never tried")
	}
}

// TestMarkFails: the message was sent, so it is settled; only a kill before the commit makes a duplicate then.
func TestMarkFails(t *testing.T) {
	f := newSpool(t)
	ticket := f.stage("1", "x\r\n")
	f.mail.OnDoubt = func(deliver.Outgoing) error { return os.Mkdir(f.path(ticket)+".sent", 0o700) }
	for range 2 {
		must(t, f.publish(ticket))
	}
	must(t, os.Remove(f.path(ticket)+".sent"))
	must(t, f.publish(ticket))
	if n := len(f.mail.Sent()); n != 1 {
		t.Errorf("sent %d times", n)
	}
	f.mail.OnDoubt = nil
	f.restart()
	must(t, f.publish(ticket))
	if n := len(f.mail.Sent()); n != 2 || !f.last().Again {
		t.Errorf("sent %d times, again %v", n, f.last().Again)
	}
}

func TestRest(t *testing.T) {
	f := newSpool(t)
	rest := "bob"
	f.mail.OnPart = func(m deliver.Outgoing) error {
		if rest == "" {
			return nil
		}
		return fmt.Errorf("wrapped: %w", &deliver.Error{Op: "send", Place: "relay", Rest: rest, Err: errors.New("half")})
	}
	first := f.stage("1", "x\r\n")
	var e *deliver.Error
	if err := f.publish(first); !errors.As(err, &e) || e.Rest == "" || e.Rest == rest || !strings.Contains(err.Error(), "half") {
		t.Fatalf("Publish: %v", err)
	}
	second := deliver.Ticket(e.Rest)
	if second == first || f.path(second) != f.path(first) {
		t.Errorf("the ticket for the rest is %q after %q", second, first)
	}
	rest = strings.Repeat("\xff", 128)
	if err := f.publish(second); !errors.As(err, &e) || f.last().Rest != "bob" || len(e.Rest) > deliver.MaxTicket {
		t.Fatalf("Publish: %v, with Rest %q", err, f.last().Rest)
	}
	third := deliver.Ticket(e.Rest)
	if err := f.publish(first); err == nil || f.last().Rest != "" {
		t.Errorf("the older ticket: %v, with Rest %q", err, f.last().Rest)
	}
	rest = strings.Repeat("r", 129) // cannot be remembered: the ticket in use stays
	if err := f.publish(second); !errors.As(err, &e) || e.Rest != "" {
		t.Errorf("a Rest that is too long became %q", e.Rest)
	}
	rest = ""
	must(t, f.publish(third))
	if got := f.last(); got.Rest != strings.Repeat("\xff", 128) || got.Again {
		t.Errorf("it sent %+v", got)
	}
	n := len(f.mail.Sent())
	for _, ticket := range []deliver.Ticket{first, second, third} {
		must(t, f.publish(ticket))
	}
	if len(f.mail.Sent()) != n {
		t.Errorf("it was sent again")
	}
	must(t, f.Discard([]deliver.Ticket{first}))
	if err := f.publish(third); !errors.Is(err, deliver.ErrUnknown) {
		t.Errorf("after Discard: %v", err)
	}
}

// TestLanes: sending, staging and discarding go on at once, and as many send as the Sender wants.
func TestLanes(t *testing.T) {
	const n = 60
	f := newSpool(t)
	f.mail.Parallel = 4
	var gate sync.WaitGroup // the first four wait for each other
	gate.Add(4)
	var once [4]sync.Once
	f.mail.OnSend = func(m deliver.Outgoing) error {
		for i := range once {
			if m.UID == fmt.Sprint(i) {
				once[i].Do(gate.Done)
				gate.Wait()
			}
		}
		return nil
	}
	tickets := make(chan deliver.Ticket, n)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(tickets)
		for i := range n {
			ticket, err := f.write(deliver.Message{UID: fmt.Sprint(i)}, strings.Repeat("x", 1000*i))
			if err == nil {
				err = f.Prepare(context.Background(), []deliver.Ticket{ticket})
			}
			if err != nil {
				t.Errorf("staging: %v", err)
				return
			}
			tickets <- ticket
		}
	})
	for range f.Lanes() {
		wg.Go(func() {
			for ticket := range tickets {
				if err := f.publish(ticket); err != nil {
					t.Errorf("Publish: %v", err)
				}
				if err := f.Discard([]deliver.Ticket{ticket}); err != nil {
					t.Errorf("Discard: %v", err)
				}
				f.Free(context.Background())
			}
		})
	}
	wg.Wait()
	if len(f.mail.Sent()) != n || f.mail.Peak() != 4 {
		t.Errorf("%d messages over %d lanes", len(f.mail.Sent()), f.mail.Peak())
	}
	if list, _ := os.ReadDir(f.dir); len(list) != 0 {
		t.Errorf("%d files are left", len(list))
	}
}

// TestForesees: the Sender learns of the next message what it will get of it, as long as nothing is wrong with it.
func TestForesees(t *testing.T) {
	f := newSpool(t)
	var next *deliver.Outgoing
	var text string
	f.mail.OnSend = func(m deliver.Outgoing) error {
		next, text = m.Next, ""
		if next != nil {
			b, err := io.ReadAll(next.Body)
			text = string(b)
			return err
		}
		return nil
	}
	n := 0
	foreseen := func(ticket deliver.Ticket) bool {
		t.Helper()
		n++
		must(t, f.PublishBefore(context.Background(), f.stage(fmt.Sprint("n", n), "n"), ticket))
		return next != nil
	}
	a := f.stage("a", "text of a")
	if !foreseen(a) || text != "text of a" {
		t.Fatalf("foreseen %+v, %q", next, text)
	}
	was := *next
	must(t, f.publish(a))
	if got := f.last(); got.ID != was.ID || got.Octets != was.Octets || got.Message != was.Message || got.Rest != was.Rest ||
		got.Again != was.Again || was.Next != nil || got.Next != nil {
		t.Errorf("foreseen %+v, sent %+v", was, got)
	}
	if foreseen(a) {
		t.Error("one that was sent is foreseen")
	}
	unprepared, err := f.write(deliver.Message{UID: "b"}, "b")
	must(t, err)
	gone := f.stage("c", "c")
	must(t, f.Discard([]deliver.Ticket{gone}))
	for _, ticket := range []deliver.Ticket{unprepared, gone, "", "spool1"} {
		if foreseen(ticket) {
			t.Errorf("%q is foreseen", ticket)
		}
	}
	// For the rest of the recipients, and after a doubt.
	f.mail.OnPart = func(deliver.Outgoing) error { return &deliver.Error{Rest: "r", Uncertain: true, Err: errors.New("x")} }
	d := f.stage("d", "d")
	var e *deliver.Error
	if err := f.publish(d); !errors.As(err, &e) {
		t.Fatal(err)
	}
	f.mail.OnPart = nil
	if !foreseen(deliver.Ticket(e.Rest)) || next.Rest != "r" || !next.Again {
		t.Errorf("foreseen %+v", next)
	}
	left := f.stage("e", "e")
	f.restart()
	f.mail.OnSend = func(m deliver.Outgoing) error { next = m.Next; return nil }
	if !foreseen(left) || !next.Again {
		t.Errorf("of an earlier process: %+v", next)
	}
}
