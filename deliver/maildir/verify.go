package maildir

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
)

// verify compares tmp/NAME with its ticket: nil, ErrDamaged, or an error that says nothing about the bytes.
func (p *place) verify(t ticket) error {
	damaged := func(why string) error { return fmt.Errorf("%s: %w: %s", t.name, deliver.ErrDamaged, why) }
	f, err := p.openStaged(t.name)
	if errors.Is(err, unix.ELOOP) {
		return damaged("a symbolic link")
	} else if errors.Is(err, errNotStaged) {
		return damaged("not a file")
	} else if err != nil {
		return disk.Failed("read", p.path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return disk.Failed("read", p.path, err)
	case info.Size() != t.size:
		return damaged(fmt.Sprintf("%d octets instead of %d", info.Size(), t.size))
	}
	sum := crc32.New(disk.Castagnoli)
	n, err := io.Copy(sum, io.LimitReader(f, t.size+1))
	switch {
	case errors.Is(err, unix.EIO):
		return damaged("they cannot be read")
	case err != nil:
		return disk.Failed("read", p.path, err)
	case n != t.size || sum.Sum32() != t.crc:
		return damaged("the checksum differs")
	}
	return nil
}
