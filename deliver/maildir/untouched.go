package maildir

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
)

// own gives a ticket its own copy of an error that may be of several, and says in it whether the ticket is untouched. What
// is no *Error stays as it is, and so does nil.
func (p *place) own(j *job, err error) error {
	var e *deliver.Error
	if !errors.As(err, &e) {
		return err
	}
	mine := *e
	mine.Untouched = p.untouched(j)
	return &mine
}

// untouched tells whether a look shows that nothing of a ticket was published, and that it can still be: in tmp/ is a file
// of its size that has no other name, and in new/ none of its own. A file with two names may be one that was linked into
// new/, whence a reader took it to cur/. What cannot be looked at is not certain.
func (p *place) untouched(j *job) bool {
	if j.mine != nil && !j.mine.prepared || j.mine == nil && (!j.seen.inTmp || j.seen.published()) {
		return false
	}
	staged, err := disk.StatAt(p.tmp, j.name)
	if err != nil || staged.Mode&unix.S_IFMT != unix.S_IFREG || staged.Size != j.size || staged.Nlink != 1 {
		return false
	}
	_, err = disk.StatAt(p.new, publishedName(j.name, j.size))
	return err == unix.ENOENT
}
