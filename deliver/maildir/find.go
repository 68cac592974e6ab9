package maildir

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver/internal/disk"
)

// sighting is where a staged or published file was found.
type sighting struct {
	inTmp, inNew, inCur bool
	linked              bool // in tmp and, as the same file, in new or cur
	tmpIno              uint64
}

func (s *sighting) published() bool { return s.inNew || s.inCur }

func (s *sighting) anywhere() bool { return s.inTmp || s.published() }

// find looks for the files of all jobs that are not this process's own. A file goes from tmp to new to cur, so that is
// the order; a reader that renames within cur can still hide it from one reading, so what is not found is looked for
// once more.
func (p *place) find(jobs []*job) error {
	wanted := map[string]*sighting{}
	for _, j := range jobs {
		if j.mine != nil {
			continue
		}
		if wanted[j.name] == nil {
			wanted[j.name] = &sighting{}
		}
		j.seen = wanted[j.name]
	}
	for range 2 {
		if len(wanted) == 0 {
			return nil
		}
		for name, seen := range wanted {
			st, err := disk.StatAt(p.tmp, name)
			if err != nil && err != unix.ENOENT {
				return err
			}
			seen.inTmp, seen.tmpIno = err == nil, uint64(st.Ino)
		}
		if err := p.scan(p.new, wanted, func(s *sighting) { s.inNew = true }); err != nil {
			return err
		}
		if err := p.scan(p.cur, wanted, func(s *sighting) { s.inCur = true }); err != nil {
			return err
		}
		for name, seen := range wanted {
			if seen.anywhere() {
				delete(wanted, name)
			}
		}
	}
	return nil
}

// scan reads one directory and notes which of the wanted files are in it.
func (p *place) scan(dir *os.File, wanted map[string]*sighting, note func(*sighting)) error {
	return disk.EachName(dir, func(file string) error {
		seen := wanted[baseName(file)]
		if seen == nil {
			return nil
		}
		note(seen)
		if seen.inTmp {
			if st, err := disk.StatAt(dir, file); err == nil && uint64(st.Ino) == seen.tmpIno {
				seen.linked = true
			}
		}
		return nil
	})
}
