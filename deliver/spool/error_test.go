package spool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
)

func TestJudgesErrors(t *testing.T) {
	plain := errors.New("plain")
	cancelled, cancel := context.WithCancel(context.Background())
	for _, test := range []struct {
		name      string
		ctx       context.Context
		send      func() error
		uncertain bool
		text      string
	}{
		{"plain", context.Background(), func() error { return plain }, true, "send relay: plain"},
		{"a panic", context.Background(), func() error { panic("oh\n\x1b") }, true, `send relay: the sender failed by a fault of popsync: "oh\n\x1b"`},
		{"another panic", context.Background(), func() error { return any(1).(error) }, true, "interface conversion"},
		{"its own timeout", context.Background(), func() error { return context.DeadlineExceeded }, true, "send relay: context deadline"},
		{"ours", cancelled, func() error { cancel(); return fmt.Errorf("dial: %w", context.Canceled) }, false, "dial: context canceled"},
		{"ours, in doubt", cancelled, func() error {
			return &deliver.Error{Op: "quit", Uncertain: true, Err: context.Canceled}
		}, true, "quit: context canceled"},
		{"certain", context.Background(), func() error { return &deliver.Error{Op: "send", Untouched: true, Err: plain} }, false, "send: plain"},
		{"damaged, it says", context.Background(), func() error { return deliver.ErrDamaged }, true, "staged bytes are damaged"},
		{"unknown, it says", context.Background(), func() error { return &deliver.Error{Op: "s", Err: deliver.ErrUnknown} }, false, "no trace"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newSpool(t)
			f.mail.OnSend = func(deliver.Outgoing) error { return test.send() }
			ticket := f.stage("1", "x\r\n")
			ctx := test.ctx
			if test.name == "ours, in doubt" {
				ctx = context.Background()
			}
			err := f.Publish(ctx, []deliver.Ticket{ticket})[0]
			var e *deliver.Error
			if !errors.As(err, &e) {
				e = &deliver.Error{}
				if !errors.Is(err, context.Canceled) {
					t.Errorf("%v is neither an *Error nor the context's", err)
				}
			}
			if err == nil || e.Uncertain != test.uncertain || e.Untouched || e.Permanent || e.Scope != deliver.ThisMessage || !strings.Contains(err.Error(), test.text) {
				t.Errorf("Publish: %+v (%v)", e, err)
			}
			if errors.Is(err, deliver.ErrDamaged) || errors.Is(err, deliver.ErrUnknown) {
				t.Errorf("Publish: a Sender judged our bytes: %v", err)
			}
			if _, err := os.Stat(f.path(ticket)); err != nil {
				t.Errorf("the copy is gone: %v", err)
			}
		})
	}
}

func TestLooksAtItsBytes(t *testing.T) {
	f := newSpool(t)
	for name, spoil := range map[string]func(path string) error{
		"longer":  func(p string) error { return os.WriteFile(p, []byte("xyz\r\n "), 0o600) },
		"shorter": func(p string) error { return os.Truncate(p, 4) },
		"empty":   func(p string) error { return os.Truncate(p, 0) },
		"other":   func(p string) error { return os.WriteFile(p, []byte("xyz\r\r"), 0o600) },
	} {
		ticket := f.stage(name, "xyz\r\n")
		must(t, spoil(f.path(ticket)))
		if err := f.publish(ticket); !errors.Is(err, deliver.ErrDamaged) {
			t.Errorf("%s: Publish: %v", name, err)
		}
		r, err := f.Open(ticket)
		must(t, err)
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, deliver.ErrDamaged) {
			t.Errorf("%s: reading: %v", name, err)
		}
		r.Close()
		must(t, f.Discard([]deliver.Ticket{ticket}))
	}
	ticket, err := f.write(deliver.Message{}, "x")
	must(t, err)
	var e *deliver.Error
	if err := f.publish(ticket); !errors.As(err, &e) || e.Scope != deliver.ThisMessage || e.Permanent {
		t.Errorf("Publish of what was not prepared: %v", err)
	}
	if err := f.publish("1 NAME 5 00000000 ID /path"); !errors.As(err, &e) || !e.Permanent {
		t.Errorf("Publish of a Maildir's ticket: %v", err)
	}
	if n := f.mail.Calls("Send"); n != 0 {
		t.Errorf("%d Sends", n)
	}
}

func TestOpen(t *testing.T) {
	f := newSpool(t)
	text := strings.Repeat("many lines\r\n", 100_000)
	ticket := f.stage("1", text)
	for range 2 {
		r, err := f.Open(ticket)
		must(t, err)
		if got, err := io.ReadAll(r); err != nil || string(got) != text {
			t.Errorf("it gave %d octets, %v", len(got), err)
		}
		must(t, r.Close())
		must(t, f.publish(ticket)) // the second time it is read under the other name
	}
	must(t, f.Discard([]deliver.Ticket{ticket}))
	if _, err := f.Open(ticket); !errors.Is(err, deliver.ErrUnknown) {
		t.Errorf("Open after Discard: %v", err)
	}
}
