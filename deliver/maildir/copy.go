package maildir

import (
	"errors"
	"io"
	"io/fs"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
)

// OpenCopy gives the staged bytes of a ticket, as the Maildir stores them, for a look at what waits, without a Target. It looks
// in tmp/ alone: what is in new/ or cur/ is its reader's. deliver.ErrUnknown when there are no such bytes. The caller closes
// it; the last Read may give deliver.ErrDamaged instead of io.EOF.
func OpenCopy(t deliver.Ticket) (io.ReadCloser, error) {
	tk, err := parseTicket(t)
	if err != nil {
		return nil, &deliver.Error{Op: "open", Permanent: true, Err: err, Hint: hintNewer}
	}
	p, err := openPlace(tk.path, tk.id)
	if err != nil {
		return nil, disk.Failed("open", tk.path, err)
	}
	defer p.close()
	f, err := p.openStaged(tk.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, deliver.ErrUnknown
	} else if err != nil {
		return nil, disk.Failed("open", tk.path, err)
	}
	return &disk.Verified{File: f, Name: tk.name, Size: tk.size, CRC: tk.crc}, nil
}
