package command

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/safepath"
)

// stage writes what the command is to read, top and then the message, into a file without a name and returns it open for reading, at its start.
//
// A pipe would do without the copy. But when popsync is killed, a pipe ends like a complete message, and the command
// would file the piece; a file is whole before the command starts. It is not synced: after a crash nobody reads it.
func (s *Sender) stage(ctx context.Context, m deliver.Outgoing, top string) (_ *os.File, err error) {
	// In the spool's folder, and named as it names its own, so that it sweeps it when a kill came before it lost its name.
	dir, err := safepath.SharedDir(cmp.Or(m.Folder, s.o.TempDir, os.TempDir()))
	if err != nil {
		return nil, s.unwritable(err)
	}
	defer dir.Close()
	name := strings.ToLower(rand.Text())
	w, err := safepath.OpenAt(dir.File, name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, s.unwritable(err)
	}
	defer w.Close()
	r, err := readOnly(dir.File, name, w) // the command shall not be able to write into it
	if err := errors.Join(err, safepath.RemoveAt(dir.File, name)); err != nil {
		if r != nil {
			r.Close()
		}
		return nil, s.unwritable(err)
	}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	if _, err := m.Body.Seek(0, io.SeekStart); err != nil {
		return nil, s.unreadable(err)
	}
	var ends *deliver.LineEnds // nil keeps them
	if s.o.LineEnds != CRLF {
		ends = &deliver.LineEnds{}
	}
	if _, err := w.Write(ends.Append(nil, []byte(top))); err != nil {
		return nil, s.unwritable(err)
	}
	if err := s.copy(ctx, w, ends, m); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, s.unwritable(err)
	}
	return r, nil
}

// readOnly opens a file once more by its name, and makes sure that it is still that file: in a folder for temporary files
// a descriptor of another would be given to the command.
func readOnly(dir *os.File, name string, w *os.File) (*os.File, error) {
	r, err := safepath.OpenAt(dir, name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	was, err1 := w.Stat()
	is, err2 := r.Stat()
	if err := errors.Join(err1, err2); err != nil {
		return r, err
	}
	if !os.SameFile(was, is) {
		return r, fmt.Errorf("%s was replaced", r.Name())
	}
	return r, nil
}

func (s *Sender) copy(ctx context.Context, w io.Writer, ends *deliver.LineEnds, m deliver.Outgoing) error {
	in := make([]byte, 64<<10)
	out := make([]byte, 0, len(in)+1)
	for octets := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := m.Body.Read(in)
		octets += int64(n)
		if err == io.EOF && octets != m.Octets {
			err = fmt.Errorf("it has %d octets instead of %d", octets, m.Octets)
		}
		if err != nil && err != io.EOF {
			return s.unreadable(err)
		}
		out = ends.Append(out[:0], in[:n])
		if err == io.EOF {
			out = ends.End(out)
		}
		if _, err := w.Write(out); err != nil {
			return s.unwritable(err)
		}
		if err == io.EOF {
			return nil
		}
	}
}

// unreadable: what goes wrong with our own copy is not the command's fault, and says nothing about other messages.
func (s *Sender) unreadable(err error) error {
	return &deliver.Error{Op: "read the message for", Place: s.Place(), Err: err}
}

func (s *Sender) unwritable(err error) error {
	e := &deliver.Error{Op: "copy the message for", Place: s.Place(), Scope: deliver.WholeTarget, Err: err}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Full, e.Hint = true, "free some space there"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		e.Hint = hintFiles
	default:
		e.Hint = "let the user that runs popsync create files in its folder for temporary files"
	}
	return e
}
