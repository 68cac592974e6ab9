package fetcher

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/maildir"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
)

// sealed is a Maildir whose new cannot be renamed to from tmp: it is a mount of its own, for as long as the Maildir is open.
type sealed struct {
	*maildir.Target
	close func() error
}

func (r *rig) sealed() deliver.Target {
	dir := filepath.Join(r.dir, "new")
	switch err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); {
	case err != nil && os.Getenv("CI") != "":
		r.t.Fatal(err)
	case err != nil:
		r.t.Skipf("NOT TESTED: mounting needs root: %v", err)
	}
	return sealed{r.maildir(), func() error { return syscall.Unmount(dir, 0) }}
}

func (s sealed) Close() error { return errors.Join(s.Target.Close(), s.close()) }

// Nothing can be renamed into new, or nobody can say whether it was, and then what was staged is lost: nothing of it counts
// as delivered, and all comes again before anything is deleted.
func TestUnpublishedAndLost(t *testing.T) {
	fails := map[string]func(r *rig) deliver.Target{
		"certain": (*rig).sealed,
		"uncertain": func(r *rig) deliver.Target {
			return unpublished{r.maildir(), &deliver.Error{Op: "publish", Scope: deliver.WholeTarget, Err: errors.New("input/output error")}}
		},
	}
	for name, c := range map[string]struct {
		fails string
		then  func(r *rig)
		adopt bool
	}{
		"tmp is emptied": {fails: "certain", then: func(r *rig) { r.emptyTmp() }},
		"moved without tmp": {fails: "certain", then: func(r *rig) {
			r.emptyTmp()
			r.must(os.Rename(r.dir, r.path("moved")))
			r.dir = r.path("moved")
		}},
		"moved without tmp, and nobody knows what was renamed": {fails: "uncertain", then: func(r *rig) {
			r.emptyTmp()
			r.must(os.Rename(r.dir, r.path("moved")))
			r.dir = r.path("moved")
		}},
		"replaced by an empty one and adopted": {fails: "certain", adopt: true, then: func(r *rig) {
			r.must(os.Rename(r.dir, r.path("away")))
			r.must(os.Mkdir(r.dir, 0o700))
		}},
		"replaced by an empty one and adopted, and nobody knows what was renamed": {fails: "uncertain", adopt: true, then: func(r *rig) {
			r.must(os.Rename(r.dir, r.path("away")))
			r.must(os.Mkdir(r.dir, 0o700))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(3)
			r := newRig(t)
			r.ok() // the Maildir is made
			r.server.AddUser("u", "p", box...)
			r.acc.Policy.Delete = plan.DeleteAfterDelivery
			r.wants("it fails", verdict.Temporary, 0, 0, 0, to("maildir", fails[c.fails](r)))
			if entries, err := os.ReadDir(filepath.Join(r.dir, "tmp")); err != nil || len(entries) != 3 || r.deliveries() != 3 {
				t.Fatalf("%d in tmp, %d open, %v", len(entries), r.deliveries(), err)
			}
			c.then(r)
			if c.adopt {
				r.wants("not the one", verdict.Config, 0, 0, 0)
				r.adopt()
			}
			rep := r.wants("all comes again", verdict.OK, 3, 3, 0)
			r.wantMail(box...)
			if left := len(r.server.Messages("u")); left != 0 || r.deliveries() != 0 {
				t.Errorf("%d on the server, %d open: %+v", left, r.deliveries(), rep)
			}
		})
	}
}

func (r *rig) emptyTmp() {
	r.t.Helper()
	entries, err := os.ReadDir(filepath.Join(r.dir, "tmp"))
	r.must(err)
	for _, e := range entries {
		r.must(os.Remove(filepath.Join(r.dir, "tmp", e.Name())))
	}
}
