package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/internal/durable"
)

// nowhere is a Sender that takes everything.
type nowhere struct{}

func (nowhere) Send(context.Context, deliver.Outgoing) error { return nil }
func (nowhere) Place() string                                { return "nowhere" }
func (nowhere) Lanes() int                                   { return 1 }
func (nowhere) Close() error                                 { return nil }

// syncs notes what a Target syncs, and fails when told so.
type syncs struct {
	disk.Barrier
	log  []string
	fail error
}

func (w *syncs) Sync(pending []*durable.Pending, dirs ...*os.File) error {
	w.log = append(w.log, fmt.Sprintf("%d files", len(pending)))
	for _, dir := range dirs {
		w.log = append(w.log, filepath.Base(dir.Name()))
	}
	if w.fail != nil {
		w.Barrier.Drop(pending...)
		return w.fail
	}
	return w.Barrier.Sync(pending, dirs...)
}

func TestPrepares(t *testing.T) {
	ctx := context.Background()
	opts := Options{Root: t.TempDir(), Sender: nowhere{}}
	var w *syncs
	start := func() *Target {
		s := New(opts)
		if _, err := s.Identify(ctx, "spool2 spool "); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		w = &syncs{Barrier: s.barrier}
		s.barrier = w
		return s
	}
	s := start()
	stage := func(n int) (tickets []deliver.Ticket) {
		for range n {
			st, err := s.Create(ctx, deliver.Message{UID: "u"})
			if err != nil {
				t.Fatal(err)
			}
			st.Write([]byte("x\r\n"))
			ticket, err := st.Ticket()
			if err != nil {
				t.Fatal(err)
			}
			tickets = append(tickets, ticket)
		}
		return tickets
	}
	good := stage(20)
	if err := s.Prepare(ctx, good); err != nil || fmt.Sprint(w.log) != "[20 files spool]" {
		t.Errorf("Prepare: %v, it synced %q", err, w.log)
	}
	bad := stage(3)
	w.fail = &os.PathError{Op: "sync", Path: "x", Err: unix.EIO}
	var e *deliver.Error
	if err := s.Prepare(ctx, bad[:2]); !errors.As(err, &e) || e.Scope != deliver.WholeTarget || e.Hint == "" {
		t.Errorf("Prepare: %v", err)
	}
	w.fail = nil
	if err := s.Prepare(ctx, bad[:1]); err == nil {
		t.Errorf("Prepare of bytes whose sync failed works the second time")
	}
	if err := s.Publish(ctx, bad[:1])[0]; err == nil {
		t.Errorf("Publish of bytes whose sync failed works")
	}
	if err := s.Publish(ctx, good[:1])[0]; err != nil {
		t.Errorf("Publish of what was prepared before: %v", err)
	}
	if err := s.Discard(bad); err != nil {
		t.Errorf("Discard: %v", err)
	}
	if list, _ := os.ReadDir(filepath.Join(opts.Root, "spool")); len(list) != len(good) {
		t.Errorf("%d files are left", len(list))
	}

	// Tickets of an earlier process are synced again, whatever that one did.
	s = start()
	if err := s.Prepare(ctx, good[1:4]); err != nil || fmt.Sprint(w.log) != "[3 files spool]" {
		t.Errorf("Prepare: %v, it synced %q", err, w.log)
	}
	if err := s.Prepare(ctx, bad[:1]); !errors.Is(err, deliver.ErrUnknown) {
		t.Errorf("Prepare of what is gone: %v", err)
	}
	// A real failure breaks the barrier for staging, not for sending.
	s.barrier.Close()
	if _, err := s.Create(ctx, deliver.Message{}); err == nil {
		t.Errorf("Create works with a broken barrier")
	}
	if err := s.Publish(ctx, good[2:3])[0]; err != nil {
		t.Errorf("Publish with a broken barrier: %v", err)
	}
}

// TestSetsAsideDurably: or a power cut would bring the old names back, and the next Sweep would remove them.
func TestSetsAsideDurably(t *testing.T) {
	ctx := context.Background()
	s := New(Options{Root: t.TempDir(), Sender: nowhere{}})
	defer s.Close()
	if _, err := s.Identify(ctx, "spool2 spool "); err != nil {
		t.Fatal(err)
	}
	st, err := s.Create(ctx, deliver.Message{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Ticket(); err != nil {
		t.Fatal(err)
	}
	w := &syncs{Barrier: s.barrier}
	s.barrier = w
	was := s.rename
	s.rename = func(olddir *os.File, oldname string, newdir *os.File, newname string) error {
		w.log = append(w.log, "rename")
		return was(olddir, oldname, newdir, newname)
	}
	if n, _, err := s.SetAside(nil); n != 1 || err != nil || fmt.Sprint(w.log) != "[rename 0 files spool]" {
		t.Errorf("SetAside: %d, %v, it did %q", n, err, w.log)
	}
	if n, _, err := s.SetAside(nil); n != 0 || err != nil || len(w.log) != 3 {
		t.Errorf("SetAside of nothing: %d, %v, it did %q", n, err, w.log)
	}
	st, err = s.Create(ctx, deliver.Message{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Ticket(); err != nil {
		t.Fatal(err)
	}
	w.fail = unix.EIO
	var e *deliver.Error
	if _, _, err := s.SetAside(nil); !errors.As(err, &e) || e.Scope != deliver.WholeTarget {
		t.Errorf("SetAside without a sync: %v", err)
	}
}
