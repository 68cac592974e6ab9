package spool_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/spool"
)

// What waits in a folder that nobody needs any more goes, with the folder, and with the one above it when that is empty then.
// What was put aside for a person stays.
func TestFolderRemoves(t *testing.T) {
	ctx := context.Background()
	root := filepath.Join(t.TempDir(), "spool")
	stage := func(identity string) (*spool.Target, deliver.Ticket, string) {
		t.Helper()
		s := spool.New(spool.Options{Root: root, Where: "x", Account: "a", Destination: "d", Sender: delivertest.NewMemorySender("relay")})
		t.Cleanup(func() { s.Close() })
		known, err := s.Identify(ctx, identity)
		must(t, err)
		staging, err := s.Create(ctx, deliver.Message{Account: "a", UID: "u", Size: 3})
		must(t, err)
		_, err = staging.Write([]byte("x\r\n"))
		must(t, err)
		ticket, err := staging.Ticket()
		must(t, err)
		must(t, s.Prepare(ctx, []deliver.Ticket{ticket}))
		return s, ticket, known
	}
	remove := func(identity string, want int) {
		t.Helper()
		f, err := spool.OpenFolder(root, identity)
		must(t, err)
		defer f.Close()
		if left, err := f.Remove(); err != nil || left != want {
			t.Errorf("%s: %d left, %v; want %d", identity, left, err, want)
		}
	}
	s, _, known := stage("")
	stage("spool2 work/one x")
	stage("spool2 work/two x")
	if n, where, err := s.SetAside(nil); err != nil || n != 1 {
		t.Fatal(n, where, err)
	}
	remove(known, 1)
	remove("spool2 work/one x", 0)
	if left, err := os.ReadDir(filepath.Join(root, "work")); err != nil || len(left) != 1 || left[0].Name() != "two" {
		t.Errorf("work has %v, %v", left, err)
	}
	remove("spool2 work/two x", 0)
	if left, err := os.ReadDir(root); err != nil || len(left) != 1 {
		t.Errorf("the spool has %v, %v", left, err)
	}
}
