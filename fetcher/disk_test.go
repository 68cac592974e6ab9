package fetcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// badDisk is a Maildir whose filesystem fails at one step from some point on, with what a Maildir makes of it.
type badDisk struct {
	deliver.Target
	t      *testing.T
	step   string
	err    error
	mu     sync.Mutex // one batch is prepared while another is published
	sound  int        // times that the step works before
	hit    bool
	synced map[deliver.Ticket]bool // their sync failed
}

func (b *badDisk) fail(step string) error {
	if step != b.step {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sound--; b.sound >= 0 {
		return nil
	}
	b.hit = true
	return b.err
}

func (b *badDisk) Create(ctx context.Context, m deliver.Message) (deliver.Staging, error) {
	if err := b.fail("create"); err != nil {
		return nil, err
	}
	s, err := b.Target.Create(ctx, m)
	return &badStaging{s, b}, err
}

type badStaging struct {
	deliver.Staging
	b *badDisk
}

func (s *badStaging) Write(p []byte) (int, error) {
	if err := s.b.fail("write"); err != nil {
		return 0, err
	}
	return s.Staging.Write(p)
}

func (s *badStaging) Ticket() (deliver.Ticket, error) {
	if err := s.b.fail("close"); err != nil {
		s.Abort()
		return "", err
	}
	return s.Staging.Ticket()
}

// unsynced complains of tickets whose sync failed.
func (b *badDisk) unsynced(tickets []deliver.Ticket, what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range tickets {
		if b.synced[t] {
			b.t.Errorf("%s: its sync failed and it %s", t, what)
		}
	}
}

func (b *badDisk) Prepare(ctx context.Context, tickets []deliver.Ticket) error {
	b.unsynced(tickets, "is tried again")
	if err := b.fail("sync"); err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, t := range tickets {
			b.synced[t] = true
		}
		return err
	}
	return b.Target.Prepare(ctx, tickets)
}

func (b *badDisk) Publish(ctx context.Context, tickets []deliver.Ticket) []error {
	b.unsynced(tickets, "is published")
	errs := make([]error, len(tickets))
	err := b.fail("rename")
	if err == nil {
		errs = b.Target.Publish(ctx, tickets)
		err = b.fail("directory sync")
	}
	for i := range errs {
		if err != nil {
			errs[i] = err
		}
	}
	return errs
}

// Whatever a disk does at whatever step: nothing is deleted that is not safe, the pass says what to do, and the next one
// goes on unaided. A sync that failed is never tried again on the same bytes.
func TestDiskFaults(t *testing.T) {
	for _, step := range []string{"create", "write", "close", "sync", "rename", "directory sync"} {
		for _, errno := range []syscall.Errno{syscall.EIO, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS} {
			for sound := range 2 {
				if sound > 0 && errno != syscall.EIO {
					continue
				}
				t.Run(fmt.Sprintf("%s: %v after %d", step, errno, sound), func(t *testing.T) {
					t.Parallel()
					box := mailbox(6)
					r := newRig(t, box...)
					r.acc.Policy.Delete = plan.DeleteAfterDelivery
					r.opt.BatchMessages = 2
					disk := &badDisk{Target: r.maildir(), t: t, step: step, sound: sound, synced: map[deliver.Ticket]bool{},
						err: &deliver.Error{Op: step, Place: r.dir, Scope: deliver.WholeTarget,
							Full: errno == syscall.ENOSPC || errno == syscall.EDQUOT, Hint: "do this", Err: errno}}
					rep := r.run(settle.Destination{Name: "maildir", Target: disk})
					if !disk.hit {
						t.Fatal("the fault was not met")
					}
					r.stopped(rep, errno.Error(), "do this")
					if rep = r.ok(); len(r.server.Messages("u")) != 0 {
						t.Errorf("%d left on the server: %+v", len(r.server.Messages("u")), rep)
					}
					r.wantMail(box...)
				})
			}
		}
	}
}

// stopped checks a pass that a disk ended: the account waits and says why, nobody is charged, and what is gone from the
// server is in the Maildir.
func (r *rig) stopped(rep report.Report, cause, hint string) {
	r.t.Helper()
	v := rep.Verdict
	if v.Class == verdict.OK || v.Stop || !strings.Contains(v.Message, cause) || !strings.Contains(v.Hint, hint) {
		r.t.Errorf("verdict: %+v", v)
	}
	if rep.Failed+rep.Parked > 0 {
		r.t.Errorf("messages are charged with the disk's fault: %+v", rep)
	}
	gone := map[string]bool{}
	for uid := range r.server.Stats().Deleted {
		gone[uid] = true
	}
	for _, m := range r.server.Messages("u") {
		delete(gone, m.UID)
	}
	if there := count(mailIn(r.t, r.dir)); there < len(gone) {
		r.t.Errorf("%d are gone from the server, %d are in the Maildir", len(gone), there)
	}
}

// The ledger's disk fails at each commit of a pass: the pass ends and says where to look, and the next one, by the same process,
// goes on; nothing is lost.
func TestLedgerDiskInDoubt(t *testing.T) {
	for _, applied := range []bool{false, true} {
		for k := 1; k <= 6; k++ {
			box := mailbox(6)
			r := newRig(t, box...)
			r.acc.Policy.Delete = plan.DeleteAfterDelivery
			r.opt.BatchMessages = 2
			r.opt.Backoff = func(n int) time.Duration { return time.Duration(n) * time.Minute }
			w := uidltest.NewFaulty(r.ledger, uidltest.Fault{Commit: k, Applied: applied, Err: fmt.Errorf("%w: %v", uidl.ErrDoubt, syscall.EIO)})
			r.ledger = w
			rep := r.run()
			if !w.Hit() || w.Late() > 0 || rep.Verdict.Stop || rep.Verdict.Class != verdict.Temporary || !rep.NextTry.Equal(r.clock.Add(time.Minute)) ||
				!strings.Contains(rep.Verdict.Message, "in doubt") || !strings.Contains(rep.Verdict.Message, syscall.EIO.Error()) ||
				!strings.Contains(rep.Verdict.Hint, "state_dir") {
				t.Errorf("at commit %d: hit %v, %d late, next %v, %+v", k, w.Hit(), w.Late(), rep.NextTry, rep.Verdict)
			}
			r.ok()
			if got := mailIn(t, r.dir); count(got) != 6 || len(got) != 6 || len(r.server.Messages("u")) != 0 || w.Late() > 0 {
				t.Errorf("at commit %d: %d in the Maildir, %d on the server", k, count(got), len(r.server.Messages("u")))
			}
		}
	}
}

// The ledger fails in a way that it does not vouch for, at each commit of a pass: the process stops and says where to look;
// nothing is lost.
func TestLedgerDiskFaults(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.ENOSPC} {
		for k := 1; k <= 6; k++ {
			box := mailbox(6)
			r := newRig(t, box...)
			r.acc.Policy.Delete = plan.DeleteAfterDelivery
			r.opt.BatchMessages = 2
			w := uidltest.NewFaulty(r.ledger, uidltest.Fault{Commit: k, Err: errno})
			r.ledger = w
			rep := r.run()
			if !w.Hit() || w.Late() > 0 || !rep.Verdict.Stop || rep.Verdict.Class != verdict.Internal ||
				!strings.Contains(rep.Verdict.Message, errno.Error()) || !strings.Contains(rep.Verdict.Hint, "state_dir") {
				t.Errorf("%v at commit %d: hit %v, %d late, %+v", errno, k, w.Hit(), w.Late(), rep.Verdict)
			}
			w.Close()
			r.open()
			r.ok()
			if got := mailIn(t, r.dir); count(got) != 6 || len(got) != 6 || len(r.server.Messages("u")) != 0 {
				t.Errorf("%v at commit %d: %d in the Maildir, %d on the server", errno, k, count(got), len(r.server.Messages("u")))
			}
		}
	}
}

// mounted puts a small tmpfs under the rig's Maildir or ledger, which needs root.
func mounted(t *testing.T, path, options string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: mounting a filesystem to fill needs root")
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, options); err != nil {
		t.Skipf("NOT TESTED: mounting a tmpfs to fill: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(path, syscall.MNT_DETACH) })
}

func remount(t *testing.T, path string, flags uintptr, options string) {
	t.Helper()
	err := syscall.EBUSY // as long as a file of the batch before is open
	for range 30_000 {
		if e := syscall.Mount("", path, "", syscall.MS_REMOUNT|flags, options); e == nil {
			return
		} else if !errors.Is(e, err) {
			t.Fatal(e)
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal(err)
}

// Real filesystems: full, out of inodes, made read-only in the midst of a pass.
func TestRealDisks(t *testing.T) {
	big := strings.Repeat("sixty-four octets of a line that is here only to take up room..\r\n", 1600) // 100 KiB
	box := []pop3test.Message{message("a", "x"), message("b", big), message("c", big), message("d", big), message("e", "y")}
	for _, tt := range []struct {
		name, options, cause, hint string
		floor                      int64
		midst                      func(t *testing.T, disk string)
		mend                       string
	}{
		{"full", "size=256k", "no space left", "free some space", -1, nil, "size=4m"},
		{"below the floor", "size=512k", "not enough free space", "make room", 300 << 10, nil, "size=4m"},
		{"no inodes", "size=4m,nr_inodes=9", "no space left", "inodes", -1, nil, "size=4m,nr_inodes=100"},
		{"read-only", "size=4m", "read-only", "mount it for writing", -1, func(t *testing.T, disk string) {
			remount(t, disk, syscall.MS_RDONLY, "")
		}, "size=4m"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			box := slices.Clone(box)
			if tt.floor < 0 {
				for i := range box {
					box[i].ListSize = 1 // or it would be foreseen
				}
			}
			r := newRig(t, box...)
			disk := filepath.Join(filepath.Dir(r.dir), "disk")
			mounted(t, disk, tt.options)
			r.dir = filepath.Join(disk, "mail")
			r.acc.Policy.Delete = plan.DeleteAfterDelivery
			r.acc.IgnoreSizes = true
			r.opt.BatchMessages, r.opt.FreeFloor = 1, tt.floor
			var delivered atomic.Int64
			r.opt.Progress = func(rep report.Report) { delivered.Store(int64(rep.New)) }
			bodies := 0
			r.reading = func(uid string) {
				if uid == "" {
					return // the end
				}
				if bodies++; bodies == 4 && tt.midst != nil {
					for delivered.Load() == 0 {
						time.Sleep(time.Millisecond)
					}
					tt.midst(t, disk)
				}
			}
			rep := r.run()
			r.stopped(rep, tt.cause, tt.hint)
			if rep.New == 0 || rep.New == len(box) {
				t.Errorf("%d delivered: the disk was never or always full", rep.New)
			}
			r.reading, r.opt.FreeFloor = nil, -1
			remount(t, disk, 0, tt.mend)
			r.ok()
			if tt.midst != nil { // what was staged and could not be removed waits for Clean
				if err := os.RemoveAll(filepath.Join(r.dir, "tmp")); err != nil {
					t.Fatal(err)
				}
			}
			r.wantMail(box...)
			if left := len(r.server.Messages("u")); left != 0 {
				t.Errorf("%d left on the server", left)
			}
		})
	}
}

// The ledger's own filesystem is full: that is no doubt. Nothing is left in tmp, and the next pass goes on when there is room.
func TestRealLedgerDiskFull(t *testing.T) {
	box := mailbox(40)
	r := newRig(t, box...)
	r.ledger.Close()
	disk := filepath.Join(filepath.Dir(r.dir), "disk")
	mounted(t, disk, "size=1m")
	r.state = filepath.Join(disk, "state")
	r.open()
	r.acc.Policy.Delete = plan.DeleteAfterDelivery
	r.opt.BatchMessages = 4
	filler := filepath.Join(disk, "filler")
	r.reading = func(uid string) {
		if uid == box[10].UID {
			fill(t, filler)
		}
	}
	rep := r.run()
	if rep.Verdict.Stop || rep.Verdict.Class != verdict.Temporary || !strings.Contains(rep.Verdict.Hint, "state_dir") || rep.New == len(box) {
		t.Errorf("%d delivered, %+v", rep.New, rep.Verdict)
	}
	if left, err := os.ReadDir(filepath.Join(r.dir, "tmp")); len(left) > 0 || err != nil {
		t.Errorf("%d files are left in tmp, %v", len(left), err)
	}
	r.reading = nil
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	r.ok() // the same process
	if got := mailIn(t, r.dir); count(got) != 40 || len(got) != 40 || len(r.server.Messages("u")) != 0 {
		t.Errorf("%d in the Maildir, %d different, %d on the server", count(got), len(got), len(r.server.Messages("u")))
	}
}

// fill writes until the disk is full.
func fill(t *testing.T, path string) {
	f, err := os.Create(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	for b := make([]byte, 4096); err == nil; {
		_, err = f.Write(b)
	}
}
