package maildir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/durable"
)

// fixture is an identified Maildir with a clock.
type fixture struct {
	*Target
	t    testing.TB
	path string
	now  time.Time
}

func newFixture(t testing.TB) *fixture {
	f := &fixture{t: t, path: filepath.Join(t.TempDir(), "mail"), now: time.Unix(1_800_000_000, 0)}
	f.restart()
	return f
}

// restart opens the Maildir as another process would.
func (f *fixture) restart() {
	f.t.Helper()
	f.Target = New(Options{Path: f.path, Host: "h", Now: func() time.Time { return f.now }})
	opened := f.Target
	f.t.Cleanup(func() { opened.Close() })
	if _, err := f.Identify(context.Background(), ""); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) stage(n int) (tickets []deliver.Ticket) {
	f.t.Helper()
	for i := range n {
		s, err := f.Create(context.Background(), deliver.Message{UID: fmt.Sprint(i)})
		if err != nil {
			f.t.Fatal(err)
		}
		fmt.Fprintf(s, "message %d\r\n", i)
		ticket, err := s.Ticket()
		if err != nil {
			f.t.Fatal(err)
		}
		tickets = append(tickets, ticket)
	}
	if err := f.Prepare(context.Background(), tickets); err != nil {
		f.t.Fatal(err)
	}
	return tickets
}

func (f *fixture) names(dir string) (names []string) {
	f.t.Helper()
	entries, err := os.ReadDir(filepath.Join(f.path, dir))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (f *fixture) remove(t deliver.Ticket) {
	f.t.Helper()
	tk, err := parseTicket(t)
	if err == nil {
		err = os.Remove(filepath.Join(f.path, "tmp", tk.name))
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// verdicts writes results as one letter each: s settled, d damaged, u unknown, i inferred, h held back, T whole target, M message.
func verdicts(errs []error) string {
	var b strings.Builder
	for _, err := range errs {
		var e *deliver.Error
		switch {
		case err == nil:
			b.WriteByte('s')
		case errors.Is(err, deliver.ErrDamaged):
			b.WriteByte('d')
		case errors.Is(err, deliver.ErrUnknown):
			b.WriteByte('u')
		case errors.Is(err, deliver.ErrInferred):
			b.WriteByte('i')
		case errors.Is(err, errHeldBack):
			b.WriteByte('h')
		case errors.As(err, &e) && e.Scope == deliver.WholeTarget:
			b.WriteByte('T')
		case errors.As(err, &e):
			b.WriteByte('M')
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}

func (f *fixture) expect(tickets []deliver.Ticket, want string) {
	f.t.Helper()
	errs := f.Publish(context.Background(), tickets)
	if got := verdicts(errs); got != want {
		f.t.Errorf("Publish gave %s, want %s: %v", got, want, errs)
	}
}

func TestPublishRenamesInOrder(t *testing.T) {
	f := newFixture(t)
	var order, want []string
	f.rename = func(a *os.File, old string, b *os.File, name string) error {
		order = append(order, name)
		return durable.RenameNoReplace(a, old, b, name)
	}
	tickets := f.stage(40)
	for _, ticket := range tickets {
		tk, _ := parseTicket(ticket)
		want = append(want, fmt.Sprintf("%s,S=%d", tk.name, tk.size))
	}
	f.expect(tickets, strings.Repeat("s", 40))
	if !reflect.DeepEqual(order, want) {
		t.Errorf("renamed %q, want %q", order, want)
	}
	if len(f.staged) != 0 {
		t.Errorf("%d tickets are still remembered", len(f.staged))
	}
}

// TestPublishStopsAtAFailure: what is renamed is settled, what comes after the failure stays staged, and the next call
// settles all.
func TestPublishStopsAtAFailure(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{{unix.ENOSPC, "ssTT"}, {unix.EIO, "ssTT"}, {unix.EROFS, "ssTT"}, {unix.EXDEV, "ssTT"}, {unix.ENOENT, "ssTT"}} {
		f := newFixture(t)
		tickets := f.stage(4)
		n := 0
		f.rename = func(a *os.File, old string, b *os.File, name string) error {
			if n++; n == 3 {
				return &os.LinkError{Op: "rename", Old: old, New: name, Err: test.err}
			}
			return durable.RenameNoReplace(a, old, b, name)
		}
		f.expect(tickets, test.want)
		if len(f.names("new")) != 2 || len(f.names("tmp")) != 2 {
			t.Errorf("%v: new has %d, tmp %d", test.err, len(f.names("new")), len(f.names("tmp")))
		}
		f.expect(tickets, "ssss")
	}
}

// TestPublishWithoutRename is for filesystems that know links only, and for those where the unlink is lost.
func TestPublishWithoutRename(t *testing.T) {
	f := newFixture(t)
	link := func(_ *os.File, old string, _ *os.File, name string) error {
		return os.Link(filepath.Join(f.path, "tmp", old), filepath.Join(f.path, "new", name))
	}
	f.rename = link
	tickets := f.stage(3)
	f.expect(tickets, "sss") // the links are there, as if the unlinks had failed silently
	if len(f.names("tmp")) != 3 {
		t.Fatalf("tmp has %d files", len(f.names("tmp")))
	}
	f.expect(tickets, "sss")
	if len(f.names("tmp")) != 0 || len(f.names("new")) != 3 {
		t.Errorf("tmp has %d files, new %d", len(f.names("tmp")), len(f.names("new")))
	}
	tickets = f.stage(2)
	n := 0
	f.rename = func(a *os.File, old string, b *os.File, name string) error {
		if n++; n == 1 {
			link(a, old, b, name)
			return &os.LinkError{Op: "link", Old: old, New: name, Err: unix.EEXIST} // a request repeated by a network filesystem
		}
		durable.RenameNoReplace(a, old, b, name)
		return &os.LinkError{Op: "rename", Old: old, New: name, Err: unix.ENOENT} // the same
	}
	f.expect(tickets, "ss")
	if len(f.names("tmp")) != 0 || len(f.names("new")) != 5 {
		t.Errorf("tmp has %d files, new %d", len(f.names("tmp")), len(f.names("new")))
	}
}

// TestRecoveryOfNowhere: what age and later messages of the batch prove.
func TestRecoveryOfNowhere(t *testing.T) {
	const hour = time.Hour
	for _, test := range []struct {
		name    string
		later   time.Duration // since staging
		gone    []int         // tickets without bytes
		visible []int         // tickets that are in new
		want    string        // of the first call
		then    string        // of a call after it with what is left, "" for none
	}{
		{"young", 23 * hour, []int{1}, nil, "sis", ""},
		{"old", 24 * hour, []int{1}, nil, "suh", "s"},
		{"old, a later one is visible", 1000 * hour, []int{0, 1}, []int{2}, "iis", ""},
		{"old, an earlier one is visible", 1000 * hour, []int{1, 2}, []int{0}, "suu", ""},
		{"from the near future", -59 * time.Minute, []int{1}, nil, "sis", ""},
		{"from the far future", -61 * time.Minute, []int{1}, nil, "suh", "s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			tickets := f.stage(3)
			for _, i := range test.visible {
				if errs := f.Publish(context.Background(), tickets[i:i+1]); errs[0] != nil {
					t.Fatal(errs)
				}
			}
			for _, i := range test.gone {
				f.remove(tickets[i])
			}
			f.now = f.now.Add(test.later)
			f.restart()
			f.expect(tickets, test.want)
			var rest []deliver.Ticket
			for i, v := range test.want {
				if v == 'h' {
					rest = append(rest, tickets[i])
				}
			}
			f.expect(rest, test.then)
		})
	}
}

// TestVanishedBytesOfThisProcess: a file that this process staged and did not rename is gone however young it is.
func TestVanishedBytesOfThisProcess(t *testing.T) {
	f := newFixture(t)
	tickets := f.stage(3)
	f.remove(tickets[1])
	f.expect(tickets, "suh")
	f.expect(tickets[2:], "s")
}

func TestDamage(t *testing.T) {
	for name, damage := range map[string]func(file string) error{
		"shorter":   func(file string) error { return os.Truncate(file, 3) },
		"longer":    func(file string) error { return os.Truncate(file, 300) },
		"a link":    func(file string) error { return errors.Join(os.Rename(file, file+"2"), os.Symlink(file+"2", file)) },
		"a pipe":    func(file string) error { return errors.Join(os.Remove(file), unix.Mkfifo(file, 0o600)) },
		"directory": func(file string) error { return errors.Join(os.Remove(file), os.Mkdir(file, 0o700)) },
	} {
		f := newFixture(t)
		tickets := f.stage(3)
		tk, _ := parseTicket(tickets[1])
		if err := damage(filepath.Join(f.path, "tmp", tk.name)); err != nil {
			t.Fatal(err)
		}
		f.restart()
		t.Log(name)
		f.expect(tickets, "sdh")
		f.expect(tickets, "sdh")
		f.expect(tickets[2:], "s")
	}
}

// TestBrokenBarrier: after a failed sync nothing more is promised.
func TestBrokenBarrier(t *testing.T) {
	f := newFixture(t)
	tickets := f.stage(2)
	s, err := f.Create(context.Background(), deliver.Message{})
	if err != nil {
		t.Fatal(err)
	}
	f.barrier.Close() // every later sync fails
	third, err := s.Ticket()
	if err != nil {
		t.Fatal(err)
	}
	var e *deliver.Error
	if err := f.Prepare(context.Background(), []deliver.Ticket{third}); !errors.As(err, &e) || e.Scope != deliver.WholeTarget {
		t.Errorf("Prepare: %v", err)
	}
	f.expect(append(tickets, third), "TTT")
	if _, err := f.Create(context.Background(), deliver.Message{}); !errors.As(err, &e) {
		t.Errorf("Create: %v", err)
	}
	if len(f.names("new")) != 0 {
		t.Errorf("new has %d files", len(f.names("new")))
	}
	if err := f.Discard([]deliver.Ticket{third}); err != nil || len(f.names("tmp")) != 2 {
		t.Errorf("Discard: %v, tmp has %d files", err, len(f.names("tmp")))
	}
}

// TestUnpreparedIsNotPublished guards the order of the protocol.
func TestUnpreparedIsNotPublished(t *testing.T) {
	f := newFixture(t)
	s, err := f.Create(context.Background(), deliver.Message{})
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := s.Ticket()
	if err != nil {
		t.Fatal(err)
	}
	f.expect([]deliver.Ticket{ticket}, "M")
	f.expect([]deliver.Ticket{"1 ../x 1 00000000 a /", ""}, "MM")
	if len(f.names("new")) != 0 {
		t.Errorf("new has %d files", len(f.names("new")))
	}
}

// TestDescriptorsAreBounded: a batch of any size holds few files open.
func TestDescriptorsAreBounded(t *testing.T) {
	f := newFixture(t)
	before := descriptors(t)
	for range 5 {
		for range 100 {
			s, err := f.Create(context.Background(), deliver.Message{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Ticket(); err != nil {
				t.Fatal(err)
			}
			if n := descriptors(t) - before; n > 24 {
				t.Fatalf("%d descriptors are open", n)
			}
		}
	}
	f.Close()
	if n := descriptors(t); n > before {
		t.Errorf("Close left %d descriptors", n-before)
	}
}

func descriptors(t testing.TB) int {
	list, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(list)
}

func TestClean(t *testing.T) {
	f := newFixture(t)
	tickets := f.stage(2)
	tk, _ := parseTicket(tickets[0])
	old := time.Now().Add(-37 * time.Hour)
	if err := os.Chtimes(filepath.Join(f.path, "tmp", tk.name), old, old); err != nil {
		t.Fatal(err)
	}
	if err := f.Clean(); err != nil || len(f.names("tmp")) != 1 {
		t.Errorf("Clean: %v, tmp has %d files", err, len(f.names("tmp")))
	}
}
