package deliver

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"github.com/popsync/popsync/internal/durable"
)

// The disk begins with a large message before its end is there, in both places where messages are staged.
func TestLargeMessageBeginsEarly(t *testing.T) {
	ctx := context.Background()
	spool := OpenSpool(SpoolOptions{Root: filepath.Join(t.TempDir(), "spool"), Sender: nowhere{}})
	defer spool.Close()
	if _, err := spool.Identify(ctx, ""); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]Target{"maildir": newFixture(t).Maildir, "spool": spool} {
		s, err := target.Create(ctx, Message{Account: "a", UID: "u"})
		if err != nil {
			t.Fatal(err)
		}
		piece := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
		for range 20 {
			if _, err := s.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		var disk durable.Early
		switch s := s.(type) {
		case *staging:
			disk = s.disk
		case *spooling:
			disk = s.disk
		}
		if n := disk.Begun(); n < 16<<20 || n > 17<<20 {
			t.Errorf("%s: begun with %d octets", name, n)
		}
		ticket, err := s.Ticket()
		if err != nil {
			t.Fatal(err)
		}
		if err := target.Prepare(ctx, []Ticket{ticket}); err != nil {
			t.Error(err)
		}
	}
}
