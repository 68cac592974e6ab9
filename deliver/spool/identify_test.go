package spool_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/spool"
)

func relayAt(root string) *spool.Target {
	return spool.New(spool.Options{Root: root, Where: "relay", Sender: delivertest.NewMemorySender("relay")})
}

func TestIsPrivate(t *testing.T) {
	top := t.TempDir()
	f := &fixture{t: t, root: filepath.Join(top, "a", "b", "c"), mail: delivertest.NewMemorySender("relay")}
	f.restart()
	must(t, f.publish(f.stage("1", "x")))
	f.stage("2", "y")
	must(t, filepath.WalkDir(filepath.Join(top, "a"), func(p string, d fs.DirEntry, err error) error {
		must(t, err)
		info, err := d.Info()
		must(t, err)
		if want := map[bool]fs.FileMode{true: 0o700, false: 0o600}[d.IsDir()]; info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", p, info.Mode().Perm(), want)
		}
		return nil
	}))
}

func TestRefusesPlaces(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		make func(path string) error
		text string
	}{
		"group":   {func(p string) error { return errors.Join(os.Mkdir(p, 0o700), os.Chmod(p, 0o750)) }, "mode 0750"},
		"world":   {func(p string) error { return errors.Join(os.Mkdir(p, 0o700), os.Chmod(p, 0o701)) }, "chmod 700"},
		"file":    {func(p string) error { return os.WriteFile(p, nil, 0o600) }, "not a directory"},
		"link":    {func(p string) error { return os.Symlink(filepath.Dir(p), p) }, "not a directory"},
		"foreign": {func(p string) error { return errors.Join(os.Mkdir(p, 0o700), os.Chown(p, 12345, 12345)) }, "another user (uid 12345)"},
	} {
		if name == "foreign" && os.Geteuid() != 0 {
			t.Log("NOT TESTED: a directory of another user, which needs root")
			continue
		}
		path := filepath.Join(t.TempDir(), "spool")
		must(t, test.make(path))
		before, err := os.Lstat(path)
		must(t, err)
		s := relayAt(filepath.Dir(path))
		known := "spool2 spool relay"
		_, err = s.Identify(ctx, known)
		refuses(t, err, test.text)
		refuses(t, s.Check(ctx, known), test.text)
		_, err = spool.OpenFolder(filepath.Dir(path), known)
		refuses(t, err, test.text)
		if _, err := s.Create(ctx, deliver.Message{}); err == nil {
			t.Errorf("%s: Create works after a refusal", name)
		}
		if after, _ := os.Lstat(path); after.Mode() != before.Mode() {
			t.Errorf("%s: the place was changed to %v", name, after.Mode())
		}
		must(t, s.Close())
	}
	s := relayAt(filepath.Join(t.TempDir(), "spool"))
	defer s.Close()
	for _, remembered := range []string{"1 abcdefghijklmnopqrstuvwxyz /var/mail", "spool", "spool2", "spool2 ../x relay", "spool3 a relay"} {
		_, err := s.Identify(ctx, remembered)
		if e := refuses(t, err, "popsync check --adopt ACCOUNT"); !e.Permanent {
			t.Errorf("%v is not permanent", err)
		}
		refuses(t, s.Check(ctx, remembered), "another kind")
	}
	_, err := relayAt("").Identify(ctx, "")
	var e *deliver.Error
	if !errors.As(err, &e) || !e.Permanent {
		t.Errorf("no directory: %v", err)
	}
}

func TestCheck(t *testing.T) {
	ctx := context.Background()
	mail := delivertest.NewMemorySender("relay")
	top := t.TempDir()
	s := spool.New(spool.Options{Root: filepath.Join(top, "a", "b"), Sender: mail})
	must(t, s.Check(ctx, ""))
	if list, _ := os.ReadDir(top); len(list) != 0 {
		t.Errorf("Check made something")
	}
	fault := errors.New("fault")
	mail.OnCheck = func(remembered string) error { return fault }
	if err := s.Check(ctx, "spool2 x relay"); err != fault || mail.Calls("Check") != 2 || mail.Calls("Send") != 0 {
		t.Errorf("Check: %v after %d calls", err, mail.Calls("Check"))
	}
	must(t, s.Close())
	if mail.Calls("Close") != 1 {
		t.Errorf("Close left the Sender open")
	}
}

func TestMax(t *testing.T) {
	ctx := context.Background()
	f := newSpool(t)
	f.max = 1000
	f.restart()
	left := func(want int64) {
		t.Helper()
		if got, err := f.Free(ctx); err != nil || got != want {
			t.Errorf("Free: %d, %v, want %d", got, err, want)
		}
	}
	full := func(err error, scope deliver.Scope) {
		t.Helper()
		var e *deliver.Error
		if !errors.As(err, &e) || e.Scope != scope || !e.Full || e.Permanent || !strings.Contains(e.Hint, "spool_max") {
			t.Errorf("%+v (%v), want a full error of scope %d", e, err, scope)
		}
	}
	left(1000)
	_, err := f.write(deliver.Message{}, strings.Repeat("x", 1001))
	full(err, deliver.ThisMessage)
	_, err = f.write(deliver.Message{}, strings.Repeat("x", 1<<20))
	full(err, deliver.ThisMessage)
	left(1000)
	first := f.stage("1", strings.Repeat("x", 600))
	left(400)
	_, err = f.write(deliver.Message{}, strings.Repeat("x", 401))
	full(err, deliver.WholeTarget)
	left(400)
	second := f.stage("2", strings.Repeat("x", 400))
	left(0)
	f.stage("3", "") // takes none
	f.restart()
	left(0)
	must(t, f.publish(first))
	left(0) // until it is discarded
	f.restart()
	left(0)
	for range 2 {
		must(t, f.Discard([]deliver.Ticket{first}))
		left(600)
	}
	must(t, f.Discard([]deliver.Ticket{second}))
	left(1000)
	s, err := f.Create(ctx, deliver.Message{})
	must(t, err)
	_, err = s.Write([]byte(strings.Repeat("x", 999)))
	must(t, err)
	s.Abort()
	left(1000)
	f.max = 1 // less than what waits
	first = f.stage("1", strings.Repeat("x", 600))
	f.restart()
	left(0)
	must(t, f.publish(first))
}

func TestSweep(t *testing.T) {
	ctx := context.Background()
	f := newSpool(t)
	f.max = 1000
	f.restart()
	kept, sent, orphan, gone := f.stage("1", "kept\r\n"), f.stage("2", "sent\r\n"), f.stage("3", "orphan\r\n"), f.stage("4", "gone\r\n")
	must(t, f.publish(sent))
	must(t, f.publish(gone))
	foreign := []string{"README", "x.sent", strings.Repeat("a", 25), strings.Repeat("A", 26), ".nfs0001"}
	for _, name := range foreign {
		must(t, os.WriteFile(filepath.Join(f.dir, name), []byte("foreign"), 0o600))
	}
	f.restart()
	// A newer popsync may name any file: nothing is removed.
	if err := f.Sweep([]deliver.Ticket{kept, "spool2 whatever"}); err == nil {
		t.Errorf("Sweep takes a ticket that it cannot read")
	}
	if list, _ := os.ReadDir(f.dir); len(list) != 4+len(foreign) {
		t.Errorf("%d files are left", len(list))
	}
	for range 2 {
		must(t, f.Sweep([]deliver.Ticket{kept, sent, "1 a Maildir's"}))
		if list, _ := os.ReadDir(f.dir); len(list) != 2+len(foreign) {
			t.Errorf("%d files are left", len(list))
		}
		if free, err := f.Free(ctx); err != nil || free != 1000-12 {
			t.Errorf("Free: %d, %v", free, err)
		}
	}
	for _, ticket := range []deliver.Ticket{orphan, gone} {
		if err := f.publish(ticket); !errors.Is(err, deliver.ErrUnknown) {
			t.Errorf("Publish of what was swept: %v", err)
		}
	}
	must(t, f.publish(kept))
	must(t, f.publish(sent))
	if n := len(f.mail.Sent()); n != 3 {
		t.Errorf("%d messages were sent", n)
	}
}

// TestIdentifiedTwice: the second time stands for another start; nothing of the first barrier is left.
func TestIdentifiedTwice(t *testing.T) {
	ctx := context.Background()
	f := newSpool(t)
	ticket, err := f.write(deliver.Message{UID: "1"}, "x")
	must(t, err)
	_, err = f.Identify(ctx, f.known)
	must(t, err)
	must(t, f.Prepare(ctx, []deliver.Ticket{ticket}))
	must(t, f.publish(ticket))
	if !f.last().Again {
		t.Errorf("Again is false for a ticket of before")
	}
}
