package spool_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
)

func spoolOn(t testing.TB, options string) *fixture {
	t.Helper()
	f := &fixture{t: t, root: delivertest.Tmpfs(t, options), mail: delivertest.NewMemorySender("relay")}
	f.restart()
	return f
}

func TestFullDisk(t *testing.T) {
	ctx := context.Background()
	f := spoolOn(t, "size=1m")
	kept := f.stage("1", "kept\r\n")
	free, err := f.Free(ctx)
	must(t, err)
	s, err := f.Create(ctx, deliver.Message{})
	must(t, err)
	_, err = s.Write([]byte(strings.Repeat("x", 4<<20)))
	if e := refuses(t, err, "no space left"); !e.Full {
		t.Errorf("%v is not Full", err)
	}
	ticket, err := s.Ticket()
	if e := refuses(t, err, "no space left"); !e.Full || ticket != "" {
		t.Errorf("Ticket gave %q", ticket)
	}
	if list, _ := os.ReadDir(f.dir); len(list) != 1 {
		t.Errorf("%d files are left", len(list))
	}
	if after, err := f.Free(ctx); err != nil || after != free || free > 1<<20 {
		t.Errorf("Free: %d, %v, was %d", after, err, free)
	}
	must(t, f.publish(kept)) // what is staged still goes
}

func TestNoInodes(t *testing.T) {
	f := spoolOn(t, "size=1m,nr_inodes=10")
	var kept []deliver.Ticket
	var err error
	for range 20 {
		var ticket deliver.Ticket
		if ticket, err = f.write(deliver.Message{}, "x"); err != nil {
			break
		}
		kept = append(kept, ticket)
	}
	if e := refuses(t, err, "no space left"); !e.Full {
		t.Errorf("%v is not Full", err)
	}
	if free, err := f.Free(context.Background()); err != nil || free != 0 {
		t.Errorf("Free: %d, %v", free, err)
	}
	must(t, f.Prepare(context.Background(), kept))
	must(t, f.publish(kept[0]))
	must(t, f.Discard(kept[:1]))
	f.stage("1", "there is room again")
}

// TestReadOnly: what waits still goes, and is sent once as long as the process lives, though it cannot be marked.
func TestReadOnly(t *testing.T) {
	f := spoolOn(t, "size=1m")
	ticket := f.stage("1", "x")
	must(t, unix.Mount("", f.root, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	for range 2 {
		must(t, f.publish(ticket))
	}
	if n := len(f.mail.Sent()); n != 1 {
		t.Errorf("sent %d times", n)
	}
	_, err := f.Create(context.Background(), deliver.Message{})
	refuses(t, err, "read-only")
	refuses(t, f.Discard([]deliver.Ticket{ticket}), "read-only")
	_, err = relayAt(f.root).Identify(context.Background(), f.known)
	refuses(t, err, "read-only")
	refuses(t, relayAt(f.root).Check(context.Background(), f.known), "read-only")
	_, err = relayAt(f.root).Identify(context.Background(), "")
	refuses(t, err, "read-only")
}

// TestFileSizeLimit runs without root: a message that is too large for a limit fails alone.
func TestFileSizeLimit(t *testing.T) {
	f := newSpool(t)
	var was unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &was))
	must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1 << 20, Max: was.Max}))
	defer unix.Setrlimit(unix.RLIMIT_FSIZE, &was)
	_, err := f.write(deliver.Message{}, strings.Repeat("x", 2<<20))
	var e *deliver.Error
	if !errors.As(err, &e) || e.Scope != deliver.ThisMessage {
		t.Errorf("Write: %v", err)
	}
	f.stage("1", "small")
	if list, _ := os.ReadDir(f.dir); len(list) != 1 {
		t.Errorf("%d files are left", len(list))
	}
}
