package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/internal/disk"
	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/safepath"
)

// Recognise tells for whom the spool is: the address, without a folder. "" when the caller did not say.
func (s *Target) Recognise(ctx context.Context) (string, error) {
	if _, err := s.opts.expected(ctx, ""); err != nil || s.opts.Where == "" {
		return "", err
	}
	return deliver.NewRemoteIdentity("", s.opts.Where).String(), nil
}

// Identify makes the directory if it is missing, durably and with the parents that it needs, and looks what waits in it.
// It refuses a directory that others could read or that is not this user's. Where nothing is remembered it gets a random
// name, so nobody else's copies can be in it; else it is the one that is remembered, whatever the address was: what
// waits there goes to the one of today. What the ledger remembers of another kind of destination is a permanent error.
//
// A directory that is missing although it was known is made anew: its tickets are then ErrUnknown, which costs another
// RETR and no mail, since nothing was deleted from the server for them.
func (s *Target) Identify(ctx context.Context, remembered string) (string, error) {
	i, err := s.opts.expected(ctx, remembered)
	if err != nil {
		return "", err
	}
	if err := s.closeDir(); err != nil {
		return "", err
	}
	if i.Folder == "" {
		i.Folder = newName()
	}
	s.path = filepath.Join(s.opts.Root, i.Folder)
	made, err := safepath.MakeDirs(s.path, durable.SyncDir)
	if errors.Is(err, unix.ENOTDIR) {
		made, err = nil, nil // openFolder says what is wrong
	}
	if err != nil {
		return "", s.failed("create", err)
	}
	if made != nil {
		made.Close()
	}
	dir, err := openFolder(s.opts.Root, i.Folder)
	if err != nil {
		return "", err
	}
	// The barrier is opened before the first write: it learns of no earlier error of the disk.
	var b *durable.Barrier
	if err = disk.Writable(s.path, "."); err == nil {
		b, err = durable.OpenBarrier(dir)
	}
	if err != nil {
		dir.Close()
		return "", s.failed("open", err)
	}
	s.dir, s.barrier, s.files = dir, b, nil // of what is there now, this process made nothing
	if err := s.scan(nil); err != nil {
		return "", errors.Join(s.failed("open", err), s.closeDir())
	}
	return deliver.NewRemoteIdentity(i.Folder, s.opts.Where).String(), nil
}

// Check tells what Identify would find, without making or keeping open anything, and lets the Sender look if it can.
func (s *Target) Check(ctx context.Context, remembered string) error {
	i, err := s.opts.expected(ctx, remembered)
	if err != nil {
		return err
	}
	path := filepath.Join(s.opts.Root, i.Folder)
	there, err := safepath.Check(path)
	if err != nil && !errors.Is(err, unix.ENOTDIR) {
		return s.failed("open", err)
	}
	if there == path && i.Folder != "" {
		dir, err := openFolder(s.opts.Root, i.Folder)
		if err != nil {
			return err
		}
		dir.Close()
	}
	if err := disk.Writable(there, "."); err != nil {
		return err
	}
	return deliver.CheckSender(ctx, s.opts.Sender, remembered)
}

// expected is what is remembered; nothing for a place never met.
func (o *Options) expected(ctx context.Context, remembered string) (i deliver.RemoteIdentity, err error) {
	switch {
	case ctx.Err() != nil:
		return i, ctx.Err()
	case o.Root == "":
		return i, &deliver.Error{Op: "open", Scope: deliver.WholeTarget, Permanent: true, Err: errors.New("no directory for the spool")}
	case remembered == "":
		return i, nil
	}
	if i, err = deliver.ParseRemoteIdentity(remembered); err != nil {
		return i, &deliver.Error{Op: "check", Place: o.Sender.Place(), Scope: deliver.WholeTarget, Permanent: true,
			Err:  errors.New("under this name the ledger remembers a destination of another kind"),
			Hint: "give the new destination another name, or say: popsync check --adopt ACCOUNT"}
	}
	return i, nil
}

// openFolder opens a folder below root, through no symbolic link, of which it made sure that it is this user's and that no
// other can even look.
func openFolder(root, folder string) (*os.File, error) {
	path := filepath.Join(root, folder)
	dir, err := safepath.Dir(root)
	for name := range strings.SplitSeq(folder, "/") {
		if err != nil {
			break
		}
		above := dir
		dir, err = disk.OpenAt(above, name, unix.O_RDONLY|unix.O_DIRECTORY)
		above.Close()
	}
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil, disk.Refused(path, "is not a directory", "move away what is there: popsync makes this directory itself")
	} else if err != nil {
		return nil, disk.Failed("open", path, err)
	}
	var st unix.Stat_t
	if err = unix.Fstat(int(dir.Fd()), &st); err == nil {
		switch mode := fs.FileMode(st.Mode).Perm(); {
		case int(st.Uid) != os.Geteuid():
			err = disk.Refused(path, fmt.Sprintf("belongs to another user (uid %d)", st.Uid),
				fmt.Sprintf("messages wait there: give it to the user that runs popsync (chown %d)", os.Geteuid()))
		case mode&0o077 != 0:
			err = disk.Refused(path, fmt.Sprintf("is open to other users (mode %04o)", mode), "messages wait there: say chmod 700 "+path)
		}
	}
	if err != nil {
		dir.Close()
		return nil, disk.Failed("open", path, err)
	}
	return dir, nil
}
