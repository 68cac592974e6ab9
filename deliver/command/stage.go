package command

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/popsync/popsync/deliver"
)

// stage writes what the command is to read, top and then the message, into a file without a name and returns it open for reading, at its start.
//
// A pipe would do without the copy. But when popsync is killed, a pipe ends like a complete message, and the command
// would file the piece; a file is whole before the command starts. It is not synced: after a crash nobody reads it.
func (s *Sender) stage(ctx context.Context, m deliver.Outgoing, top string) (_ *os.File, err error) {
	// In the Spool's folder, and named as it names its own, so that it sweeps it when a kill came before it lost its name.
	name := filepath.Join(cmp.Or(m.Folder, s.o.TempDir, os.TempDir()), strings.ToLower(rand.Text()))
	w, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, s.unwritable(err)
	}
	defer w.Close()
	r, err := os.Open(w.Name()) // the command shall not be able to write into it
	if err := errors.Join(err, os.Remove(w.Name())); err != nil {
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
	ends := lineEnds{keep: s.o.LineEnds == CRLF}
	if _, err := w.Write(ends.append(nil, []byte(top))); err != nil {
		return nil, s.unwritable(err)
	}
	if err := s.copy(ctx, w, &ends, m); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, s.unwritable(err)
	}
	return r, nil
}

func (s *Sender) copy(ctx context.Context, w io.Writer, ends *lineEnds, m deliver.Outgoing) error {
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
		out = ends.append(out[:0], in[:n])
		if err == io.EOF {
			out = ends.end(out)
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
