package demo

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/exit"
)

// What did not arrive, or not as it was sent, is told.
func TestCompare(t *testing.T) {
	dir := t.TempDir()
	b, err := Serve(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var out bytes.Buffer
	if err := b.Compare(&out); exit.CodeOf(err) != exit.Internal {
		t.Errorf("without a Maildir: %v", err)
	}
	folder := filepath.Join(dir, "Mail", "new")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	put := func(i int, data string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, string(rune('a'+i))), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range b.sent {
		put(i, strings.ReplaceAll(s.data, "\r\n", "\n"))
	}
	if err := b.Compare(&out); err != nil || strings.Count(out.String(), "every byte the same") != b.Messages {
		t.Errorf("%v\n%s", err, out.String())
	}
	put(2, "cut")
	out.Reset()
	if err := b.Compare(&out); exit.CodeOf(err) != exit.Internal || strings.Count(out.String(), "NOT as it was sent") != 1 {
		t.Errorf("%v\n%s", err, out.String())
	}
}
