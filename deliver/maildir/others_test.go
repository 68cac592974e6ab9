package maildir_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
)

// home makes a folder whose owner is another user. Only root can.
func home(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("NOT TESTED: another user's folder needs root")
	}
	dir := filepath.Join(t.TempDir(), "you")
	must(t, errors.Join(os.Mkdir(dir, 0o755), os.Chown(dir, 12345, -1)))
	return dir
}

// A Maildir may lie in the home of the user it is for: made, filled and found again there.
func TestOfAnotherUser(t *testing.T) {
	you := home(t)
	path := filepath.Join(you, "Mail")
	m := open(t, path)
	must(t, m.Check(context.Background(), ""))
	identity := identify(t, m, "")
	for _, d := range []string{"", "tmp", "new", "cur"} {
		must(t, os.Chown(filepath.Join(path, d), 12345, -1))
	}
	publish(t, m, stage(t, m, "text\r\n"))
	must(t, m.WriteNote(deliver.Note{Token: "abc", Epoch: 1, Account: "a", Mailbox: "m"}))
	again := open(t, path)
	must(t, again.Check(context.Background(), identity))
	identify(t, again, identity)
	if notes, err := again.Notes("abc"); err != nil || len(notes) != 1 {
		t.Errorf("%v, %v", notes, err)
	}
	if files, _ := os.ReadDir(filepath.Join(path, "new")); len(files) != 1 {
		t.Errorf("%d messages", len(files))
	}
}

// What another user may have put in the place of a Maildir is not followed, and says what to do.
func TestIsNoLinkOfOthers(t *testing.T) {
	you, secret := home(t), filepath.Join(t.TempDir(), "secret")
	must(t, os.Mkdir(secret, 0o700))
	identity := identify(t, open(t, secret), "")
	link := filepath.Join(you, "Mail")
	must(t, os.Symlink(secret, link))
	m := open(t, link)
	for _, remembered := range []string{"", identity} {
		if e := refuses(t, m.Check(context.Background(), remembered), "symbolic link that others can change"); !e.Permanent {
			t.Error("it is not for a person")
		}
		_, err := m.Identify(context.Background(), remembered)
		refuses(t, err, "symbolic link that others can change")
	}
	if _, err := m.Recognise(context.Background()); err == nil {
		t.Error("it was read")
	}
}

func TestForAllIsRefused(t *testing.T) {
	for _, sub := range []string{"", "tmp", "new", "cur"} {
		path := filepath.Join(t.TempDir(), "Mail")
		m := open(t, path)
		identity := identify(t, m, "")
		must(t, m.Close())
		open := filepath.Join(path, sub)
		must(t, os.Chmod(open, 0o757))
		_, err := m.Identify(context.Background(), identity)
		if e := refuses(t, err, "others can write to "+open); e.Hint != "chmod o-w "+open || !e.Permanent {
			t.Errorf("%+v", e)
		}
		must(t, os.Chmod(open, 0o777|os.ModeSticky)) // there others only add what is theirs
		identify(t, m, identity)
		if sub != "" {
			continue
		}
		must(t, os.Chmod(filepath.Dir(path), 0o757))
		_, err = m.Identify(context.Background(), identity)
		refuses(t, err, "others can write to "+filepath.Dir(path))
	}
}

// Clean removes from the tmp/ that was opened, and only names.
func TestCleanIsNotLedAstray(t *testing.T) {
	dir := t.TempDir()
	path, secret := filepath.Join(dir, "Mail"), filepath.Join(dir, "secret")
	m := identified(t, path)
	must(t, os.Mkdir(secret, 0o700))
	old := time.Now().Add(-48 * time.Hour)
	precious, full := filepath.Join(secret, "precious"), filepath.Join(path, "tmp", "full")
	must(t, errors.Join(os.WriteFile(precious, nil, 0o600), os.Chtimes(precious, old, old),
		os.Symlink(precious, filepath.Join(path, "tmp", "link")), os.Link(precious, filepath.Join(path, "tmp", "hard")),
		syscall.Mkfifo(filepath.Join(path, "tmp", "fifo"), 0o600), os.Chtimes(filepath.Join(path, "tmp", "fifo"), old, old),
		os.Mkdir(full, 0o700), os.WriteFile(filepath.Join(full, "x"), nil, 0o600), os.Chtimes(full, old, old)))
	must(t, m.Clean())
	var left []string
	files, _ := os.ReadDir(filepath.Join(path, "tmp"))
	for _, f := range files {
		left = append(left, f.Name())
	}
	if strings.Join(left, " ") != "full link" { // a folder, and what is not old itself
		t.Errorf("left: %v", left)
	}
	must(t, os.Rename(filepath.Join(path, "tmp"), filepath.Join(dir, "away")))
	must(t, os.Symlink(secret, filepath.Join(path, "tmp")))
	if err := m.Clean(); err == nil {
		t.Error("a link for tmp/ was not noticed")
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

// What has the name of popsync.id is not read when it may be something else, and a FIFO keeps nobody waiting.
func TestIdentityIsNotRead(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"FIFO":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"link":   func(path string) error { return os.Symlink("/etc/passwd", path) },
		"long":   func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("x", 129)), 0o600) },
	} {
		path := filepath.Join(t.TempDir(), "Mail")
		m := identified(t, path)
		id := filepath.Join(path, "popsync.id")
		must(t, errors.Join(os.Remove(id), make(id)))
		if _, err := m.Recognise(context.Background()); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
