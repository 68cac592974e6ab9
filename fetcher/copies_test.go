package fetcher

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/verdict"
)

// A Maildir and its copy, or one Maildir under two paths, are not two places: nothing is delivered to either until a person
// has made them two, and nothing comes twice then.
func TestCopiesAndLinks(t *testing.T) {
	for name, c := range map[string]struct {
		make func(r *rig) // makes "two" of "one"
		told string
	}{
		"cp -a": {func(r *rig) { r.must(exec.Command("cp", "-a", r.path("one"), r.path("two")).Run()) }, "is a copy of"},
		"link":  {func(r *rig) { r.must(os.Symlink("one", r.path("two"))) }, "are one Maildir"},
		"mounted": {func(r *rig) {
			r.must(os.Mkdir(r.path("two"), 0o700))
			switch err := syscall.Mount(r.path("one"), r.path("two"), "", syscall.MS_BIND, ""); {
			case err != nil && os.Getenv("CI") != "":
				r.t.Fatal(err)
			case err != nil:
				r.t.Skipf("NOT TESTED: mounting needs root: %v", err)
			}
			r.t.Cleanup(func() { _ = syscall.Unmount(r.path("two"), syscall.MNT_DETACH) })
		}, "are one Maildir"},
	} {
		t.Run(name, func(t *testing.T) {
			box := mailbox(3)
			r := newRig(t, box...)
			r.wants("first", verdict.OK, 3, 0, 3, to("one", r.at("one")))
			c.make(r)
			r.acc.Policy.Delete = plan.DeleteAfterDelivery
			r.server.Deliver("u", message("more", "x"))
			rep := r.wants("both", verdict.Config, 0, 0, 0, to("one", r.at("one")), to("two", r.at("two")))
			if !strings.Contains(rep.Verdict.Message, c.told) {
				t.Errorf("%+v", rep.Verdict)
			}
			r.holds("one", 3)
			r.wants("one alone", verdict.OK, 1, 4, 0, to("one", r.at("one")))
			r.holds("one", 4)
			if name != "cp -a" {
				return
			}
			r.must(os.Remove(filepath.Join(r.path("two"), "popsync.id")))
			r.server.Deliver("u", message("later", "y"))
			r.wants("two places", verdict.OK, 1, 1, 0, to("one", r.at("one")), to("two", r.at("two")))
			r.holds("one", 5)
			r.holds("two", 4)
		})
	}
}
