package spool_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/spool"
)

func TestFolders(t *testing.T) {
	ctx := context.Background()
	root := filepath.Join(t.TempDir(), "spool")
	identify := func(where, remembered string) string {
		t.Helper()
		s := spool.New(spool.Options{Root: root, Where: where, Sender: delivertest.NewMemorySender("relay")})
		defer s.Close()
		known, err := s.Identify(ctx, remembered)
		must(t, err)
		must(t, s.Check(ctx, known))
		return known
	}
	folder := func(known string) string { return strings.Split(known, " ")[1] }
	one, two := identify("smtp a b", ""), identify("smtp a b", "")
	if len(folder(one)) != 26 || folder(one) == folder(two) || !deliver.SamePlace(one, two) {
		t.Errorf("two spools: %q, %q", one, two)
	}
	if want := "spool2 " + folder(one) + " smtp%20a%20b"; one != want {
		t.Errorf("%q, want %q", one, want)
	}
	if got := identify("other", one); got != "spool2 "+folder(one)+" other" {
		t.Errorf("with another address, %q became %q", one, got)
	}
	if got := identify("", one); got != "spool2 "+folder(one)+" " {
		t.Errorf("without an address, %q became %q", one, got)
	}
	if got := identify("x", "spool2 work/relay "); got != "spool2 work/relay x" {
		t.Errorf("a folder of version 1 became %q", got)
	}
	if got := identify("x", "spool2  x"); len(folder(got)) != 26 {
		t.Errorf("a place that is only recognised became %q", got)
	}
	long := identify(strings.Repeat("\x00", 5000)+"1", "")
	if other := identify(strings.Repeat("\x00", 5000)+"2", ""); deliver.SamePlace(long, other) || len(long) > 2000 {
		t.Errorf("long addresses: %q and %q", long, other)
	}
	if !deliver.SamePlace(long, identify(strings.Repeat("\x00", 5000)+"1", long)) {
		t.Error("a long address is not recognised")
	}
	for _, dir := range []string{root, filepath.Join(root, folder(one)), filepath.Join(root, "work"), filepath.Join(root, "work/relay")} {
		if info, err := os.Lstat(dir); err != nil || info.Mode() != fs.ModeDir|0o700 {
			t.Errorf("%s: %v, %v", dir, info, err)
		}
	}
}

// TestFolderRemoved: what popsync put there goes, and the folder if nothing else is in it. The spool works on if it comes back.
func TestFolderRemoved(t *testing.T) {
	root := t.TempDir()
	for name, c := range map[string]struct{ remembered, foreign string }{
		"random name": {}, "name of version 1": {remembered: "spool2 work/relay relay"},
		"put aside": {foreign: strings.Repeat("a", 26) + ".aside"}, "somebody's": {remembered: "spool2 work/other relay", foreign: "x"},
	} {
		f := &fixture{t: t, root: root, known: c.remembered, mail: delivertest.NewMemorySender("relay")}
		f.restart()
		f.stage("1", "x")
		sent := f.stage("2", "y")
		must(t, f.publish(sent))
		if c.foreign != "" {
			must(t, os.WriteFile(filepath.Join(f.dir, c.foreign), nil, 0o600))
		}
		must(t, f.Close())
		folder, err := spool.OpenFolder(root, f.known)
		must(t, err)
		_, err = folder.Remove()
		must(t, err)
		must(t, folder.Close())
		left, err := os.ReadDir(f.dir)
		switch {
		case c.foreign == "" && !errors.Is(err, fs.ErrNotExist):
			t.Errorf("%s: %v, %v", name, left, err)
		case c.foreign != "" && (len(left) != 1 || left[0].Name() != c.foreign):
			t.Errorf("%s: %v, %v", name, left, err)
		}
		f.restart()
		f.stage("3", "z")
		must(t, f.Close())
		must(t, os.RemoveAll(f.dir))
	}
}

// TestFolderIsNoLink: neither of its two names leads elsewhere.
func TestFolderIsNoLink(t *testing.T) {
	ctx := context.Background()
	root := t.TempDir()
	elsewhere := filepath.Join(root, "elsewhere", "relay")
	must(t, os.MkdirAll(elsewhere, 0o700))
	must(t, os.Symlink("elsewhere", filepath.Join(root, "work")))
	for _, known := range []string{"spool2 work x", "spool2 work/relay x"} {
		s := relayAt(root)
		_, err := s.Identify(ctx, known)
		refuses(t, err, "not a directory")
		refuses(t, s.Check(ctx, known), "not a directory")
		_, err = spool.OpenFolder(root, known)
		refuses(t, err, "not a directory")
		must(t, s.Close())
	}
}

// TestWithoutADestination: what waits can be read and removed, sent or not, and nothing is made.
func TestWithoutADestination(t *testing.T) {
	f := newSpool(t)
	waits, sent := f.stage("1", "waits\r\n"), f.stage("2", "sent\r\n")
	must(t, f.publish(sent))
	must(t, f.Close())
	d, err := spool.OpenFolder(f.root, f.known)
	must(t, err)
	if d.Place() != f.dir {
		t.Errorf("it is %s, want %s", d.Place(), f.dir)
	}
	for ticket, want := range map[deliver.Ticket]string{waits: "waits\r\n", sent: "sent\r\n"} {
		r, err := d.Open(ticket)
		must(t, err)
		if got, err := io.ReadAll(r); err != nil || string(got) != want {
			t.Errorf("it gave %q, %v", got, err)
		}
		must(t, r.Close())
	}
	for range 2 {
		must(t, d.Discard([]deliver.Ticket{sent}))
	}
	if list, _ := os.ReadDir(f.dir); len(list) != 1 {
		t.Errorf("%d files are left", len(list))
	}
	if _, err := d.Open(sent); !errors.Is(err, deliver.ErrUnknown) {
		t.Errorf("Open after Discard: %v", err)
	}
	must(t, os.WriteFile(f.path(waits), []byte("waitS\r\n"), 0o600))
	r, err := d.Open(waits)
	must(t, err)
	if _, err := io.ReadAll(r); !errors.Is(err, deliver.ErrDamaged) {
		t.Errorf("reading damaged bytes: %v", err)
	}
	r.Close()
	must(t, d.Close())
	if _, err := d.Open(waits); err == nil {
		t.Error("Open works after Close")
	}

	before := snapshot(t, f.root)
	for _, known := range []string{"spool2 gone x", "spool2  x", "spool", "", "1 abcdefghijklmnopqrstuvwxyz /mail", "spool2 ../x x"} {
		_, err := spool.OpenFolder(f.root, known)
		e := refuses(t, err, "")
		if gone := errors.Is(err, fs.ErrNotExist); gone != (known == "spool2 gone x") || e.Permanent == gone {
			t.Errorf("%q: %v, permanent %v", known, err, e.Permanent)
		}
	}
	if after := snapshot(t, f.root); after != before {
		t.Errorf("it changed from %s to %s", before, after)
	}
}

func TestSetsAside(t *testing.T) {
	ctx := context.Background()
	f := newSpool(t)
	f.max = 100
	f.restart()
	kept, sent, orphan := f.stage("1", "kept\r\n"), f.stage("2", "sent\r\n"), f.stage("3", "orphan\r\n")
	must(t, f.publish(sent))
	must(t, os.WriteFile(filepath.Join(f.dir, "README"), nil, 0o600))
	f.restart()
	for _, held := range [][]deliver.Ticket{{kept, "spool9 of a newer one"}, {kept, "spool1"}} {
		if n, _, err := f.SetAside(held); err == nil || n != 0 {
			t.Errorf("SetAside with %q: %d, %v", held, n, err)
		}
	}
	if n, where, err := f.SetAside([]deliver.Ticket{kept, "1 a Maildir's"}); n != 2 || where != f.dir || err != nil {
		t.Errorf("SetAside: %d, %q, %v", n, where, err)
	}
	if free, err := f.Free(ctx); err != nil || free != 100-6 {
		t.Errorf("Free: %d, %v: what is aside is counted", free, err)
	}
	for range 2 {
		f.restart()
		must(t, f.Sweep([]deliver.Ticket{kept}))
	}
	for path, want := range map[string]string{
		f.path(kept): "kept\r\n", f.path(sent) + ".sent.aside": "sent\r\n", f.path(orphan) + ".aside": "orphan\r\n", filepath.Join(f.dir, "README"): "",
	} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s has %q, %v", path, got, err)
		}
	}
	if list, _ := os.ReadDir(f.dir); len(list) != 4 {
		t.Errorf("%d files are left", len(list))
	}
	for _, ticket := range []deliver.Ticket{sent, orphan} {
		if err := f.publish(ticket); !errors.Is(err, deliver.ErrUnknown) {
			t.Errorf("Publish of what was set aside: %v", err)
		}
		if _, err := f.Open(ticket); !errors.Is(err, deliver.ErrUnknown) {
			t.Errorf("Open of what was set aside: %v", err)
		}
	}
	// A rename that is made of link and unlink was interrupted: one file with two names.
	must(t, os.Link(f.path(kept), f.path(kept)+".aside"))
	if n, _, err := f.SetAside(nil); n != 1 || err != nil {
		t.Errorf("SetAside of what is half there: %d, %v", n, err)
	}
	other := f.stage("4", "x")
	must(t, os.WriteFile(f.path(other)+".aside", []byte("y"), 0o600))
	if n, _, err := f.SetAside(nil); n != 0 || !errors.Is(err, fs.ErrExist) {
		t.Errorf("SetAside under a name that is taken: %d, %v", n, err)
	}
	if free, err := f.Free(ctx); err != nil || free != 99 {
		t.Errorf("Free: %d, %v", free, err)
	}
}
