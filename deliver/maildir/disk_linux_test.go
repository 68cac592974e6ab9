package maildir_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
)

func TestFullDisk(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(delivertest.Tmpfs(t, "size=1m"), "mail")
	m := identified(t, path)
	kept := stage(t, m, "Subject: kept\r\n\r\n")
	s, err := m.Create(ctx, deliver.Message{})
	must(t, err)
	_, err = s.Write([]byte(strings.Repeat("x", 4<<20)))
	if e := refuses(t, err, "no space left"); !e.Full {
		t.Errorf("%v is not Full", err)
	}
	ticket, err := s.Ticket()
	if e := refuses(t, err, "no space left"); !e.Full || ticket != "" {
		t.Errorf("Ticket gave %q", ticket)
	}
	if got := read(t, path, "tmp"); len(got) != 1 {
		t.Errorf("tmp has %d files", len(got))
	}
	publish(t, m, kept) // what is staged still goes
	if free, err := m.Free(ctx); err != nil || free <= 0 || free > 1<<20 {
		t.Errorf("Free: %d, %v", free, err)
	}
}

func TestNoInodes(t *testing.T) {
	path := filepath.Join(delivertest.Tmpfs(t, "size=1m,nr_inodes=10"), "mail")
	m := identified(t, path)
	var err error
	for range 20 {
		var s deliver.Staging
		if s, err = m.Create(context.Background(), deliver.Message{}); err != nil {
			break
		}
		_, err = s.Ticket()
		must(t, err)
	}
	if e := refuses(t, err, "no space left"); !e.Full {
		t.Errorf("%v is not Full", err)
	}
	if free, err := m.Free(context.Background()); err != nil || free != 0 {
		t.Errorf("Free: %d, %v", free, err)
	}
}

func TestReadOnly(t *testing.T) {
	dir := delivertest.Tmpfs(t, "size=1m")
	path := filepath.Join(dir, "mail")
	m := identified(t, path)
	id := identify(t, m, "")
	must(t, m.Close())
	must(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	for _, remembered := range []string{id, ""} {
		_, err := open(t, path).Identify(context.Background(), remembered)
		refuses(t, err, "read-only")
		refuses(t, open(t, path).Check(context.Background(), remembered), "read-only")
	}
	_, err := open(t, filepath.Join(dir, "other")).Identify(context.Background(), "")
	refuses(t, err, "read-only")
}

// TestUnmounted: the mount point has no id of its own, and another filesystem may come to lie over the path.
func TestUnmounted(t *testing.T) {
	ctx := context.Background()
	dir := delivertest.Tmpfs(t, "size=1m")
	path := filepath.Join(dir, "mail")
	m := identified(t, path)
	id := identify(t, m, "")
	ticket := stage(t, m, "x\r\n")
	must(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"))
	_, err := m.Create(ctx, deliver.Message{})
	refuses(t, err, "not mounted?")
	refuses(t, m.Publish(ctx, []deliver.Ticket{ticket})[0], "not mounted?")
	_, err = open(t, path).Identify(ctx, id)
	refuses(t, err, "not mounted?")
	if list, _ := os.ReadDir(dir); len(list) != 0 {
		t.Errorf("popsync made something on the wrong filesystem")
	}
	must(t, unix.Unmount(dir, 0))
	publish(t, m, ticket)
}

// TestTwoFilesystems: new on another one than tmp can never work; the message must stay staged.
func TestTwoFilesystems(t *testing.T) {
	other := delivertest.Tmpfs(t, "size=1m")
	path := filepath.Join(t.TempDir(), "mail")
	mkdirs(t, path, "new", "cur", "tmp")
	must(t, unix.Mount(other, filepath.Join(path, "new"), "", unix.MS_BIND, ""))
	t.Cleanup(func() { unix.Unmount(filepath.Join(path, "new"), unix.MNT_DETACH) })
	m := identified(t, path)
	ticket := stage(t, m, "x\r\n")
	refuses(t, m.Publish(context.Background(), []deliver.Ticket{ticket})[0], "cross-device")
	if got := read(t, path, "tmp"); len(got) != 1 {
		t.Errorf("tmp has %d files", len(got))
	}
}

// TestFileSizeLimit runs without root: a message that is too large for a limit fails alone.
func TestFileSizeLimit(t *testing.T) {
	m := identified(t, filepath.Join(t.TempDir(), "mail"))
	var was unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &was))
	must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1 << 20, Max: was.Max}))
	defer unix.Setrlimit(unix.RLIMIT_FSIZE, &was)
	s, err := m.Create(context.Background(), deliver.Message{})
	must(t, err)
	_, err = s.Write([]byte(strings.Repeat("x", 2<<20)))
	var e *deliver.Error
	if !errors.As(err, &e) || e.Scope != deliver.ThisMessage {
		t.Errorf("Write: %v", err)
	}
	if _, err = s.Ticket(); err == nil {
		t.Errorf("Ticket works")
	}
	publish(t, m, stage(t, m, "small\r\n"))
}

func TestNotWritable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere; TestReadOnly covers the rest")
	}
	path := filepath.Join(t.TempDir(), "mail")
	mkdirs(t, path, "new", "cur", "tmp")
	must(t, os.Chmod(filepath.Join(path, "tmp"), 0o500))
	_, err := open(t, path).Identify(context.Background(), "")
	refuses(t, err, "permission")
}
