package maildir

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
)

// settledAge: no sweeper of tmp/ takes a file that is younger (Dovecot and go-maildir wait 36 hours, isync 24). What
// is gone and younger was published, and then moved on or removed by its reader.
const settledAge = 24 * time.Hour

// nowhere judges a ticket whose bytes are in none of tmp, new, cur and the folders below. later tells that a message after
// it in the same call is visible. In a Maildir that a person adopted in another's place neither that nor age proves
// anything; in one that moved age does not, since what is in tmp/ may have been left behind.
func (m *Target) nowhere(p *place, j *job, strange, later bool) error {
	if !strange {
		if later {
			return fmt.Errorf("%s: %w", j.name, deliver.ErrInferred)
		}
		if age, known := m.opts.age(j.seconds); known && age < settledAge && j.path == p.path {
			return fmt.Errorf("%s: %w", j.name, deliver.ErrInferred)
		}
	}
	return fmt.Errorf("%s: %w", j.name, deliver.ErrUnknown)
}

// refile are messages that were found in the Maildir++ folders below, where a reader that moves mail keeps the base name.
type refile struct {
	place *place
	of    map[string]*os.File // by name: the directory in which it is
	dirs  []*os.File
	err   error // the folders could not be listed
}

// find looks for the files of all jobs that are nowhere else, reading each folder once.
func (r *refile) find(jobs []*job) {
	r.of = map[string]*os.File{}
	missing := map[string]bool{}
	for _, j := range jobs {
		if j.mine == nil && !j.seen.anywhere() {
			missing[j.name] = true
		}
	}
	if len(missing) == 0 {
		return
	}
	var folders []string
	r.err = disk.EachName(r.place.root, func(n string) error {
		if strings.HasPrefix(n, ".") {
			folders = append(folders, n)
		}
		return nil
	})
	for _, folder := range folders {
		f, err := disk.OpenAt(r.place.root, folder, unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			continue // a file, a link, or not ours to read
		}
		r.findIn(f, missing)
		f.Close()
	}
}

func (r *refile) findIn(folder *os.File, missing map[string]bool) {
	for _, sub := range []string{"new", "cur"} {
		dir, err := disk.OpenAt(folder, sub, unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			continue
		}
		found := false
		_ = disk.EachName(dir, func(file string) error { // what cannot be read has shown nothing
			if name := baseName(file); missing[name] && r.of[name] == nil {
				r.of[name], found = dir, true
			}
			return nil
		})
		if found {
			r.dirs = append(r.dirs, dir)
		} else {
			dir.Close()
		}
	}
}

func (r *refile) close() {
	for _, dir := range r.dirs {
		dir.Close()
	}
}
