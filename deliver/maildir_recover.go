package deliver

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"golang.org/x/sys/unix"
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
			st, err := statAt(p.tmp, name)
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
	return eachName(dir, func(file string) error {
		seen := wanted[baseName(file)]
		if seen == nil {
			return nil
		}
		note(seen)
		if seen.inTmp {
			if st, err := statAt(dir, file); err == nil && uint64(st.Ino) == seen.tmpIno {
				seen.linked = true
			}
		}
		return nil
	})
}

// eachName calls f for the names in a directory, some thousand at a time. It reads by a descriptor of its own, since
// a shared one has a shared position.
func eachName(dir *os.File, f func(name string) error) error {
	d, err := openAt(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		names, err := d.Readdirnames(4096)
		for _, name := range names {
			if err := f(name); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// verify compares tmp/NAME with its ticket: nil, ErrDamaged, or an error that says nothing about the bytes.
func (p *place) verify(t ticket) error {
	damaged := func(why string) error { return fmt.Errorf("%s: %w: %s", t.name, ErrDamaged, why) }
	f, err := p.openStaged(t.name)
	if errors.Is(err, unix.ELOOP) {
		return damaged("a symbolic link")
	} else if errors.Is(err, errNotStaged) {
		return damaged("not a file")
	} else if err != nil {
		return failed("read", p.path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return failed("read", p.path, err)
	case info.Size() != t.size:
		return damaged(fmt.Sprintf("%d octets instead of %d", info.Size(), t.size))
	}
	sum := crc32.New(castagnoli)
	n, err := io.Copy(sum, io.LimitReader(f, t.size+1))
	switch {
	case errors.Is(err, unix.EIO):
		return damaged("they cannot be read")
	case err != nil:
		return failed("read", p.path, err)
	case n != t.size || sum.Sum32() != t.crc:
		return damaged("the checksum differs")
	}
	return nil
}
