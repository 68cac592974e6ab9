package maildir_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
)

// Inspect tells apart what waits, what is damaged, what is visible, what is gone and what nobody holds, and touches none.
func TestInspect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail")
	m := open(t, path)
	ctx := context.Background()
	id, err := m.Identify(ctx, "")
	must(t, err)
	var tickets []deliver.Ticket
	for i := range 5 {
		s, err := m.Create(ctx, deliver.Message{Account: "a", UID: string(rune('a' + i))})
		must(t, err)
		_, err = s.Write([]byte("Subject: x\r\n\r\nbody\r\n"))
		must(t, err)
		tk, err := s.Ticket()
		must(t, err)
		tickets = append(tickets, tk)
	}
	must(t, m.Prepare(ctx, tickets))
	must(t, m.Publish(ctx, tickets[:1])[0])
	staged := entriesOf(t, filepath.Join(path, "tmp"))
	file := func(i int) string { // names sort by their random part, so by what the ticket says
		for _, name := range staged {
			if len(string(tickets[i])) > len(name) && string(tickets[i])[2:2+len(name)] == name {
				return filepath.Join(path, "tmp", name)
			}
		}
		t.Fatal("no file for ticket", i)
		return ""
	}
	must(t, os.WriteFile(file(2), []byte("Subject: x\n\nbOdy\n"), 0o600))
	must(t, os.Remove(file(3)))
	old := time.Now().Add(-48 * time.Hour)
	must(t, os.Chtimes(file(4), old, old))
	must(t, os.WriteFile(filepath.Join(path, "tmp", "1.somebody.else"), nil, 0o600))
	must(t, m.Close())

	before := entriesOf(t, filepath.Join(path, "tmp"))
	at, orphans, err := open(t, path).Inspect(ctx, id, append(tickets[:4:4], "nonsense"))
	must(t, err)
	want := []maildir.Whereabouts{maildir.Visible, maildir.Waiting, maildir.Damaged, maildir.Nowhere, maildir.Elsewhere}
	if !slices.Equal(at, want) {
		t.Errorf("%v, want %v", at, want)
	}
	if len(orphans) != 1 || orphans[0].Name != filepath.Base(file(4)) || orphans[0].Age < 47*time.Hour {
		t.Errorf("orphans: %+v", orphans)
	}
	if after := entriesOf(t, filepath.Join(path, "tmp")); !slices.Equal(before, after) {
		t.Errorf("it changed tmp: %v", after)
	}
	if _, _, err := open(t, path).Inspect(ctx, "", nil); err == nil {
		t.Error("a place never met was inspected")
	}
	must(t, os.Rename(path, path+"2"))
	if _, _, err := open(t, path).Inspect(ctx, id, nil); err == nil {
		t.Error("a missing place was inspected")
	}
}

func entriesOf(t *testing.T, path string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(path)
	must(t, err)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}
