package deliver

import (
	"errors"
	"io"
	"io/fs"
	"strings"
)

// OpenCopy gives the staged bytes of a ticket, whatever destination it is of, for a look at what waits: of a remote one as they
// were received, by its identity and the root of all spools (see OpenSpoolFolder), of a Maildir as it stores them. It makes nothing.
// ErrUnknown when there are no such bytes. The caller closes it; the last Read may give ErrDamaged instead of io.EOF.
func OpenCopy(spools, identity string, t Ticket) (io.ReadCloser, error) {
	if !strings.HasPrefix(string(t), spoolKind) {
		return openMaildirCopy(t)
	}
	f, err := OpenSpoolFolder(spools, identity)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrUnknown
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Open(t)
}

// openMaildirCopy looks in tmp/ alone: what is in new/ or cur/ is its reader's.
func openMaildirCopy(t Ticket) (io.ReadCloser, error) {
	tk, err := parseTicket(t)
	if err != nil {
		return nil, &Error{Op: "open", Permanent: true, Err: err, Hint: "a newer popsync may have written it: use that one again"}
	}
	p, err := openPlace(tk.path, tk.id)
	if err != nil {
		return nil, failed("open", tk.path, err)
	}
	defer p.close()
	f, err := p.openStaged(tk.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrUnknown
	} else if err != nil {
		return nil, failed("open", tk.path, err)
	}
	return &verified{f: f, t: spoolTicket{name: tk.name, size: tk.size, crc: tk.crc}}, nil
}
