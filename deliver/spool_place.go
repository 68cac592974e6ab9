package deliver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/internal/durable"
)

// spoolIdentity is what the ledger remembers of every spool: the copies belong to the ledger beside which they lie, so
// there is no other spool to take it for. A changed address of the destination is no other place either: what waits goes
// there.
const spoolIdentity = "spool"

// Identify makes the directory if it is missing, durably and with the parents that it needs, and looks what waits in it.
// It refuses a directory that others could read or that is not this user's. What the ledger remembers of another kind of
// destination under the same name is a permanent error.
//
// A directory that is missing although it was known is made anew: its tickets are then ErrUnknown, which costs another
// RETR and no mail, since nothing was deleted from the server for them.
func (s *Spool) Identify(ctx context.Context, remembered string) (string, error) {
	if err := s.expected(ctx, remembered); err != nil {
		return "", err
	}
	if err := s.closeDir(); err != nil {
		return "", err
	}
	if err := makeDirs(s.opts.Dir); err != nil {
		return "", s.failed("create", err)
	}
	dir, err := openSpool(s.opts.Dir)
	if err != nil {
		return "", err
	}
	// The barrier is opened before the first write: it learns of no earlier error of the disk.
	b, err := durable.OpenBarrier(dir)
	if err != nil {
		dir.Close()
		return "", s.failed("open", err)
	}
	s.dir, s.barrier, s.files = dir, b, nil // of what is there now, this process made nothing
	if err := s.scan(nil); err != nil {
		return "", errors.Join(s.failed("open", err), s.closeDir())
	}
	return spoolIdentity, nil
}

// Check tells what Identify would find, without making or keeping open anything, and lets the Sender look if it can.
func (s *Spool) Check(ctx context.Context, remembered string) error {
	if err := s.expected(ctx, remembered); err != nil {
		return err
	}
	there := s.opts.Dir
	for {
		_, err := os.Stat(there)
		if err == nil || !errors.Is(err, fs.ErrNotExist) || there == filepath.Dir(there) {
			break
		}
		there = filepath.Dir(there)
	}
	if there == s.opts.Dir {
		dir, err := openSpool(there)
		if err != nil {
			return err
		}
		dir.Close()
	} else if err := writable(there, "."); err != nil {
		return err
	}
	if c, ok := s.opts.Sender.(Checker); ok {
		return c.Check(ctx, remembered)
	}
	return nil
}

func (s *Spool) expected(ctx context.Context, remembered string) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case s.opts.Dir == "":
		return &Error{Op: "open", Scope: WholeTarget, Permanent: true, Err: errors.New("no directory for the spool")}
	case remembered != "" && remembered != spoolIdentity:
		return &Error{Op: "check", Place: s.opts.Sender.Place(), Scope: WholeTarget, Permanent: true,
			Err:  errors.New("under this name the ledger remembers a destination of another kind"),
			Hint: "give the new destination another name, or say: popsync check --adopt ACCOUNT"}
	}
	return nil
}

// makeDirs makes a directory and the parents that are missing, each durable in the one above it.
func makeDirs(path string) error {
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) != path {
		if err := makeDirs(filepath.Dir(path)); err != nil {
			return err
		}
		err = os.Mkdir(path, 0o700)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil // openSpool looks what it is
	} else if err != nil {
		return err
	}
	above, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(durable.SyncDir(above), above.Close())
}

// openSpool opens a directory of which it made sure that this user can write there, and that no other can even look.
func openSpool(path string) (*os.File, error) {
	dir, err := os.OpenFile(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil, refused(path, "is not a directory", "move away what is there: popsync makes this directory itself")
	} else if err != nil {
		return nil, failed("open", path, err)
	}
	var st unix.Stat_t
	if err = unix.Fstat(int(dir.Fd()), &st); err == nil {
		switch mode := fs.FileMode(st.Mode).Perm(); {
		case int(st.Uid) != os.Geteuid():
			err = refused(path, fmt.Sprintf("belongs to another user (uid %d)", st.Uid),
				fmt.Sprintf("messages wait there: give it to the user that runs popsync (chown %d)", os.Geteuid()))
		case mode&0o077 != 0:
			err = refused(path, fmt.Sprintf("is open to other users (mode %04o)", mode), "messages wait there: say chmod 700 "+path)
		}
	}
	if err == nil {
		err = writable(path, ".")
	}
	if err != nil {
		dir.Close()
		return nil, failed("open", path, err)
	}
	return dir, nil
}

// Sweep removes all of ours that no held ticket names, and leaves files that popsync did not name. A held ticket of a
// newer popsync might name anything, so then nothing is removed. Tickets of other kinds of destinations name nothing here.
func (s *Spool) Sweep(held []Ticket) error {
	if err := s.identified("sweep"); err != nil {
		return err
	}
	keep := make(map[string]bool, len(held))
	for _, t := range held {
		if !strings.HasPrefix(string(t), spoolKind) {
			continue
		}
		tk, err := s.parse("sweep", t)
		if err != nil {
			return err
		}
		keep[tk.name] = true
	}
	return s.failed("sweep", s.scan(func(name string) bool { return keep[name] }))
}

// scan counts what is in the directory, and removes what keep refuses; a nil keep keeps all.
func (s *Spool) scan(keep func(name string) bool) error {
	list, err := openAt(s.dir, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer list.Close()
	names, err := list.Readdirnames(-1)
	if err != nil {
		return err
	}
	octets := map[string]int64{}
	for _, file := range names {
		name := strings.TrimSuffix(file, sentSuffix)
		if !validSpoolName(name) {
			continue
		}
		if keep != nil && !keep(name) {
			if e := s.remove(name); e != nil {
				err = errors.Join(err, e)
			} else {
				continue
			}
		}
		st, e := statAt(s.dir, file)
		if e == unix.ENOENT {
			continue
		} else if e != nil {
			return &os.PathError{Op: "stat", Path: file, Err: e}
		}
		octets[name] += st.Size
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.files
	s.files, s.used = make(map[string]*spoolFile, len(octets)), 0
	for name, n := range octets {
		f := was[name]
		if f == nil {
			f = &spoolFile{}
		}
		f.octets = n
		s.files[name], s.used = f, s.used+n
	}
	return err
}
