package maildir

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
)

func TestTagged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	m := New(Options{Path: dir, Host: "h"})
	defer m.Close()
	ctx := context.Background()
	if err := m.Tagged(ctx, nil, nil); !errors.Is(err, disk.ErrNotIdentified) {
		t.Errorf("before Identify: %v", err)
	}
	if _, err := m.Identify(ctx, ""); err != nil {
		t.Fatal(err)
	}
	name := func(uid string) string {
		return "1700000000.Raaaaaaaaaaaaaaaa" + "T" + deliver.Tag("a", uid, 0) + ".h,S=3"
	}
	put := func(path ...string) {
		t.Helper()
		file := filepath.Join(append([]string{dir}, path...)...)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(path[len(path)-1][:3]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("new", name("new"))
	put("cur", name("cur")+":2,S")
	put(".Old.Sub", "cur", name("folder")+":2,")
	put("tmp", name("tmp"))                 // not published
	put("cur", "1700000000.1.h:2,S")        // another program's
	put("Plain", "cur", name("plain"))      // no Maildir++ folder
	put(".notes", name("not in a Maildir")) // nor this
	if err := unix.Mkfifo(filepath.Join(dir, "new", name("fifo")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "new", name("link"))); err != nil {
		t.Fatal(err)
	}
	uids := map[string]string{}
	for _, uid := range []string{"new", "cur", "folder", "tmp", "plain", "not in a Maildir", "fifo", "link"} {
		uids[deliver.Tag("a", uid, 0)] = uid
	}
	var seen, opened []string
	err := m.Tagged(ctx, func(tag string) bool {
		seen = append(seen, uids[tag])
		return uids[tag] != "cur"
	}, func(tag string, body io.Reader) error {
		if body == nil {
			return nil
		}
		if b, err := io.ReadAll(body); err != nil || string(b) != "170" {
			t.Errorf("%s: %q, %v", uids[tag], b, err)
		}
		opened = append(opened, uids[tag])
		return nil
	})
	slices.Sort(seen)
	slices.Sort(opened)
	if err != nil || !slices.Equal(seen, []string{"cur", "fifo", "folder", "link", "new"}) || !slices.Equal(opened, []string{"folder", "new"}) {
		t.Errorf("seen %v, opened %v, %v", seen, opened, err)
	}
	stop := errors.New("stop")
	if err := m.Tagged(ctx, func(string) bool { return true }, func(string, io.Reader) error { return stop }); err != stop {
		t.Errorf("found's error: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "popsync.id")); err != nil {
		t.Fatal(err)
	}
	if err := m.Tagged(ctx, func(string) bool { return true }, nil); err == nil {
		t.Error("a Maildir without its identity was read")
	}
}
