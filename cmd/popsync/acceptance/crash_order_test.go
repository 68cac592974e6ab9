//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/crash"
)

// A kill leaves what was written, synced or not, so no kill can miss a sync. The order of the calls can be looked at:
// what a power cut may take away is what stands here as not synced.
func TestCrashOrder(t *testing.T) {
	for _, policy := range []string{"never", "after-delivery"} {
		o := callOrder(t, policy, "")
		for _, text := range o.trouble {
			t.Errorf("%s: %s", policy, text)
		}
		// 10 messages in batches of 3, 3, 3 and 1.
		if o.files != 10 || o.tmp != 4 || o.new != 4 || o.renames != 10 {
			t.Errorf("%s: %d syncs of files, %d of tmp/, %d of new/, %d renames", policy, o.files, o.tmp, o.new, o.renames)
		}
	}
}

// Without directory syncs, this and the power cut on two disks must notice.
func TestCrashOrderControl(t *testing.T) {
	if !everyPoint() {
		t.Skip("NOT TESTED here: make test-crash does it, and CI has a step for that")
	}
	o := callOrder(t, "after-delivery", "no-directory-sync")
	t.Logf("without directory syncs: %d complaints, the first: %s", len(o.trouble), append(o.trouble, "none")[0])
	if len(o.trouble) == 0 {
		t.Error("nobody noticed that no directory is synced")
	}
}

// order follows the calls of one run and notes what came too early.
type order struct {
	staged  map[string]bool // files of tmp/: synced since they were written
	named   map[string]bool // and their names
	visible bool            // a name in new/ is not synced
	ledger  bool            // a write to the ledger's log is not synced
	trouble []string

	files, tmp, new, renames int
}

func callOrder(t *testing.T, policy, control string) *order {
	t.Helper()
	w, err := newCrashWorld(t, crashRoot(t), &crashScenario{policy: policy, control: control})
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	o := &order{staged: map[string]bool{}, named: map[string]bool{}}
	r, err := w.traced(func(c crash.Call, step string) crash.Action {
		o.call(c, step)
		return crash.Proceed
	})
	if err != nil || r.Code != 0 {
		t.Fatalf("%+v: %v", r, err)
	}
	return o
}

func (o *order) wrong(format string, args ...any) {
	o.trouble = append(o.trouble, fmt.Sprintf(format, args...))
}

func (o *order) call(c crash.Call, step string) {
	file := path.Base(c.Path)
	switch step {
	case stepStage:
		o.staged[file] = false
	case stepBarrier:
		switch {
		case c.Name == "syncfs" || file == "tmp":
			o.tmp++
			for f := range o.staged {
				o.named[f] = true
				o.staged[f] = o.staged[f] || c.Name == "syncfs"
			}
		default:
			o.files++
			o.staged[file] = true
		}
	case stepPublishing, stepSettled, stepDeleted, stepReport:
		if o.visible {
			o.wrong("%s before new/ is synced", step)
		}
		if file == "ledger.db-wal" {
			o.ledger = !strings.HasSuffix(c.Name, "sync")
		}
	case stepRename:
		o.renames++
		if !o.staged[file] || !o.named[file] {
			o.wrong("renamed before its octets (%v) and its name (%v) are synced", o.staged[file], o.named[file])
		}
		if o.ledger {
			o.wrong("renamed before the ledger is synced")
		}
		o.visible = true
	case stepDirectory:
		if file == "new" {
			o.new++
			o.visible = false
		}
	case stepDele, stepQuit:
		if o.ledger || o.visible {
			o.wrong("%s before the ledger (%v) and new/ (%v) are synced", step, !o.ledger, !o.visible)
		}
	}
}
