package maildir

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestRefiledIsDurable: what a reader moved into a folder was seen there, however young it is, and its directory is synced,
// once for all of them.
func TestRefiledIsDurable(t *testing.T) {
	f := newFixture(t)
	before := descriptors(t)
	tickets := f.stage(6)
	for i, ticket := range tickets[:5] {
		tk, _ := parseTicket(ticket)
		folder := filepath.Join(f.path, fmt.Sprintf(".Sub%d", i%2), "cur")
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(f.path, "tmp", tk.name), filepath.Join(folder, publishedName(tk.name, tk.size)+":2,S")); err != nil {
			t.Fatal(err)
		}
	}
	f.restart()
	log := f.watch("")
	f.expect(tickets, "ssssss")
	if len(*log) != 4 {
		t.Errorf("it did %q, want a rename and the syncs of three directories", *log)
	}
	f.restart()
	f.watch("cur")
	f.expect(tickets[:5], "TTTTT")
	f.Close()
	if n := descriptors(t); n > before+20 { // those of two Maildirs that a restart leaves open
		t.Errorf("%d descriptors are left", n-before)
	}
}
