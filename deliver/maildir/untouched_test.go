package maildir

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/durable"
)

// certainty writes errors as one letter each: u untouched, - not, s settled. No two may be one value.
func certainty(t *testing.T, errs []error) string {
	t.Helper()
	var b strings.Builder
	seen := map[*deliver.Error]bool{}
	for _, err := range errs {
		var e *deliver.Error
		switch {
		case err == nil:
			b.WriteByte('s')
		case errors.As(err, &e) && e.Untouched:
			b.WriteByte('u')
		default:
			b.WriteByte('-')
		}
		if e != nil && e.Untouched && seen[e] {
			t.Errorf("one error is of two tickets: %v", e)
		}
		seen[e] = true
	}
	return b.String()
}

// TestUntouched: a failure at the second of four messages, and what a look shows afterwards.
func TestUntouched(t *testing.T) {
	inTmp := func(f *fixture, name string) string { return filepath.Join(f.path, "tmp", name) }
	inNew := func(f *fixture, name string) string { return filepath.Join(f.path, "new", name) }
	for _, test := range []struct {
		name string
		fail func(f *fixture, old, name string) error // of the second rename
		want string
		then string // verdicts of the next call
	}{
		{"read-only", func(*fixture, string, string) error { return unix.EROFS }, "suuu", "ssss"},
		{"full", func(*fixture, string, string) error { return unix.ENOSPC }, "suuu", "ssss"},
		{"another file has the name", func(f *fixture, _, name string) error {
			return errors.Join(os.WriteFile(inNew(f, name), nil, 0o600), unix.EEXIST)
		}, "s-uu", ""},
		{"done all the same", func(f *fixture, old, name string) error {
			return errors.Join(os.Rename(inTmp(f, old), inNew(f, name)), unix.EIO)
		}, "s-uu", "ssss"},
		{"done, and removed by a reader", func(f *fixture, old, name string) error {
			return errors.Join(os.Remove(inTmp(f, old)), unix.EIO)
		}, "s-uu", "siss"},
		{"linked, not unlinked", func(f *fixture, old, name string) error {
			return errors.Join(os.Link(inTmp(f, old), inNew(f, name)), unix.EIO)
		}, "s-uu", "ssss"},
		{"linked and read, not unlinked", func(f *fixture, old, name string) error {
			return errors.Join(os.Link(inTmp(f, old), filepath.Join(f.path, "cur", name+":2,S")), unix.EIO)
		}, "s-uu", "ssss"},
		{"all of tmp vanishes", func(f *fixture, old, name string) error {
			for _, name := range f.names("tmp") {
				os.Remove(inTmp(f, name))
			}
			return unix.EIO
		}, "s---", ""},
	} {
		for _, process := range []string{"the same", "the next"} {
			t.Run(test.name+", "+process, func(t *testing.T) {
				f := newFixture(t)
				tickets := f.stage(4)
				if process == "the next" {
					f.restart()
				}
				n := 0
				f.rename = func(a *os.File, old string, b *os.File, name string) error {
					if n++; n != 2 {
						return durable.RenameNoReplace(a, old, b, name)
					}
					return test.fail(f, old, name)
				}
				errs := f.Publish(context.Background(), tickets)
				if got := certainty(t, errs); got != test.want {
					t.Errorf("untouched: %s, want %s: %v", got, test.want, errs)
				}
				if test.then != "" {
					f.expect(tickets, test.then)
					f.restart()
					f.expect(tickets, test.then)
				}
			})
		}
	}
}

// TestUntouchedNeedsALook: nothing is certain of a place that is another one, of bytes that are not durable, or that are
// not there.
func TestUntouchedNeedsALook(t *testing.T) {
	ctx := context.Background()
	f := newFixture(t)
	tickets := f.stage(2)
	s, err := f.Create(ctx, deliver.Message{})
	if err != nil {
		t.Fatal(err)
	}
	unprepared, err := s.Ticket()
	if err != nil {
		t.Fatal(err)
	}
	id := filepath.Join(f.path, idFile)
	if err := os.Rename(id, id+"2"); err != nil {
		t.Fatal(err)
	}
	if got := certainty(t, f.Publish(ctx, tickets)); got != "--" {
		t.Errorf("without an id: %s", got)
	}
	if err := os.Rename(id+"2", id); err != nil {
		t.Fatal(err)
	}
	f.barrier.Close() // every later sync fails
	if got := certainty(t, f.Publish(ctx, append(tickets, unprepared))); got != "uu-" {
		t.Errorf("with a broken barrier: %s", got)
	}
	f.restart()
	f.expect(tickets, "ss")
}

// TestUntouchedBehindDamage: what is held back waits as it was, whoever staged it.
func TestUntouchedBehindDamage(t *testing.T) {
	f := newFixture(t)
	tickets := f.stage(3)
	tk, _ := parseTicket(tickets[0])
	if err := os.Truncate(filepath.Join(f.path, "tmp", tk.name), 1); err != nil {
		t.Fatal(err)
	}
	f.restart()
	errs := f.Publish(context.Background(), tickets)
	if verdicts(errs) != "dhh" || certainty(t, errs) != "-uu" {
		t.Errorf("%s, untouched %s: %v", verdicts(errs), certainty(t, errs), errs)
	}
}

// TestSyncFailureIsNotUntouched: the messages are visible, only not for certain after a power cut.
func TestSyncFailureIsNotUntouched(t *testing.T) {
	f := newFixture(t)
	f.watch("new")
	tickets := f.stage(2)
	errs := f.Publish(context.Background(), tickets)
	if verdicts(errs) != "TT" || certainty(t, errs) != "--" {
		t.Errorf("%s, untouched %s: %v", verdicts(errs), certainty(t, errs), errs)
	}
}

// TestOnlyOneCallTells: a message that is visible tells of those before it in the same call, and of no others.
func TestOnlyOneCallTells(t *testing.T) {
	f := newFixture(t)
	tickets := f.stage(3)
	f.expect(tickets[2:], "s")
	f.remove(tickets[0])
	f.now = f.now.Add(48 * time.Hour)
	f.restart()
	f.expect(tickets[:2], "uh")
	f.expect(tickets[:1], "u")
	f.expect(tickets[2:], "s")
	f.expect(tickets, "iss")
}
