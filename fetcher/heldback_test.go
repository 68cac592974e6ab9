package fetcher

import (
	"os"
	"path/filepath"
	"testing"
)

// One of a batch was damaged in tmp: it is fetched again, and those after it, which the Maildir holds back meanwhile,
// are published in the same pass.
func TestDamagedInTmp(t *testing.T) {
	for which := range 3 {
		box := mailbox(3)
		r := newRig(t, box...)
		r.interrupt(2) // 'publishing' is committed, nothing is renamed yet
		files, err := filepath.Glob(filepath.Join(r.dir, "tmp", "*"))
		if err != nil || len(files) != 3 {
			t.Fatal(files, err)
		}
		if err := os.WriteFile(files[which], []byte("not what was staged"), 0o600); err != nil {
			t.Fatal(err)
		}
		rep := r.run()
		if rep.New != 3 || rep.Recovered != 2 {
			t.Errorf("%+v", rep)
		}
		r.wantMail(box...)
		if rep := r.ok(); rep.New != 0 || rep.Kept != 3 {
			t.Errorf("%+v", rep)
		}
	}
}
