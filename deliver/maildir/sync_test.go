package maildir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/internal/durable"
)

// watched writes down what a Maildir syncs, and fails at a directory if told so.
type watched struct {
	disk.Barrier
	log  *[]string
	fail string
}

func (w watched) Sync(pending []*durable.Pending, dirs ...*os.File) error {
	event := "sync"
	if len(pending) > 0 {
		event += fmt.Sprintf(" %d files", len(pending))
	}
	for _, dir := range dirs {
		left, _ := os.ReadDir(filepath.Join(filepath.Dir(dir.Name()), "tmp"))
		event += fmt.Sprintf(" %s (%d in tmp)", filepath.Base(dir.Name()), len(left))
		if filepath.Base(dir.Name()) == w.fail {
			return unix.EIO
		}
	}
	*w.log = append(*w.log, event)
	return w.Barrier.Sync(pending, dirs...)
}

// watch logs syncs and renames of a Maildir.
func (f *fixture) watch(fail string) *[]string {
	var log []string
	f.barrier = watched{f.barrier, &log, fail}
	f.rename = func(a *os.File, old string, b *os.File, name string) error {
		log = append(log, "rename")
		return durable.RenameNoReplace(a, old, b, name)
	}
	return &log
}

func expectLog(t *testing.T, log *[]string, want ...string) {
	t.Helper()
	slices.Sort(want[max(0, len(want)-2):]) // the order of directories does not matter
	got := slices.Clone(*log)
	slices.Sort(got[max(0, len(got)-2):])
	if !slices.Equal(got, want) {
		t.Errorf("it did %q, want %q", *log, want)
	}
	*log = nil
}

// TestNothingIsSettledBeforeItsSync: on one filesystem the ledger's own sync would hide a missing one.
func TestNothingIsSettledBeforeItsSync(t *testing.T) {
	f := newFixture(t)
	log := f.watch("")
	tickets := f.stage(3)
	expectLog(t, log, "sync 3 files tmp (3 in tmp)")
	f.expect(tickets, "sss")
	expectLog(t, log, "rename", "rename", "rename", "sync new (0 in tmp)")

	// Found where the crash left them: what shows them must be durable, and the second name of a linked one goes only
	// after that.
	staged := f.stage(1)
	tk, _ := parseTicket(staged[0])
	name := publishedName(tk.name, tk.size)
	if err := os.Link(filepath.Join(f.path, "tmp", tk.name), filepath.Join(f.path, "new", name)); err != nil {
		t.Fatal(err)
	}
	first, _ := parseTicket(tickets[0])
	read := publishedName(first.name, first.size)
	if err := os.Rename(filepath.Join(f.path, "new", read), filepath.Join(f.path, "cur", read+":2,")); err != nil {
		t.Fatal(err)
	}
	f.restart()
	log = f.watch("")
	f.expect(append(tickets, staged...), "ssss")
	expectLog(t, log, "sync cur (1 in tmp)", "sync new (1 in tmp)")
	if len(f.names("tmp")) != 0 {
		t.Errorf("the second name is left")
	}
}

// TestFailedDirectorySync: renamed, yet not known to be durable, is not settled.
func TestFailedDirectorySync(t *testing.T) {
	f := newFixture(t)
	tickets := f.stage(2)
	f.watch("new")
	f.expect(tickets, "TT")
	f.restart()
	f.expect(tickets, "ss")

	f.watch("tmp")
	s, err := f.Create(context.Background(), deliver.Message{})
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := s.Ticket()
	if err != nil {
		t.Fatal(err)
	}
	var e *deliver.Error
	err = f.Prepare(context.Background(), []deliver.Ticket{ticket})
	if !errors.As(err, &e) || e.Scope != deliver.WholeTarget || !strings.Contains(e.Hint, "disk") {
		t.Errorf("Prepare: %v", err)
	}
	if err := f.Prepare(context.Background(), []deliver.Ticket{ticket}); err == nil {
		t.Errorf("Prepare of bytes whose sync failed works the second time")
	}
	f.expect([]deliver.Ticket{ticket}, "M")
}

func BenchmarkBatches(b *testing.B) {
	f := newFixture(b)
	body := []byte(strings.Repeat("line of a message\r\n", 200))
	ctx := context.Background()
	for b.Loop() {
		var tickets []deliver.Ticket
		for range batchMessages {
			s, err := f.Create(ctx, deliver.Message{Account: "a", UID: "u"})
			if err != nil {
				b.Fatal(err)
			}
			s.Write(body)
			ticket, err := s.Ticket()
			if err != nil {
				b.Fatal(err)
			}
			tickets = append(tickets, ticket)
		}
		if err := f.Prepare(ctx, tickets); err != nil {
			b.Fatal(err)
		}
		for _, err := range f.Publish(ctx, tickets) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(batchMessages*b.N)/b.Elapsed().Seconds(), "messages/s")
}
