package spool

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"github.com/popsync/popsync/deliver"
)

// The disk begins with a large message before its end is there.
func TestLargeMessageBeginsEarly(t *testing.T) {
	ctx := context.Background()
	target := New(Options{Root: filepath.Join(t.TempDir(), "spool"), Sender: nowhere{}})
	defer target.Close()
	if _, err := target.Identify(ctx, ""); err != nil {
		t.Fatal(err)
	}
	s, err := target.Create(ctx, deliver.Message{Account: "a", UID: "u"})
	if err != nil {
		t.Fatal(err)
	}
	piece := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	for range 20 {
		if _, err := s.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.(*staging).disk.Begun(); n < 16<<20 || n > 17<<20 {
		t.Errorf("begun with %d octets", n)
	}
	ticket, err := s.Ticket()
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Prepare(ctx, []deliver.Ticket{ticket}); err != nil {
		t.Error(err)
	}
}
