// Package backup copies the ledger into a file, also while popsync runs: whole and durable, or not at all.
//
// 'popsync backup' calls it. Its errors have their exit codes.
package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// Options say what is copied.
type Options struct {
	StateDir  string
	HasLedger bool // there is one
	Open      func(context.Context) (Ledger, error)
}

// Ledger is one that can be copied while it is used.
type Ledger interface {
	uidl.Ledger
	uidl.Backuper
}

// Write copies the ledger into a new file, and says on the console what there is to know of it.
func Write(ctx context.Context, c *console.Console, file string, o Options) error {
	if !o.HasLedger {
		return exit.Errorf(exit.Config, "there is no ledger in %s yet: nothing was written", o.StateDir)
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return exit.With(exit.Config, err)
	}
	dir, err := safepath.SharedDir(filepath.Dir(path))
	if err != nil {
		return unwritten(path, err)
	}
	defer dir.Close()
	name := filepath.Base(path)
	if err := mayBeBackup(dir.File, name, o.StateDir); err != nil {
		return err
	}
	ledger, err := o.Open(ctx)
	if err != nil {
		return err
	}
	defer ledger.Close()
	accounts, err := ledger.Accounts(ctx)
	if err != nil {
		return exit.Judged(err)
	}
	var size int64
	var reading error
	err = durable.CreateFrom(dir.File, name, 0o600, func(w io.Writer) error {
		out := &blamed{w: w}
		size, reading = ledger.Backup(ctx, out)
		if out.err != nil { // of FILE, not of the ledger
			reading = nil
			return out.err
		}
		return reading
	})
	switch {
	case ctx.Err() != nil && err != nil:
		return exit.Errorf(exit.Temp, "stopped; nothing was written")
	case reading != nil:
		return exit.Judged(reading)
	case err != nil:
		return unwritten(path, err)
	}
	c.Tell("%s: a copy of the ledger of %s, %s", path, words.Number(len(accounts), "account"), words.Octets(size))
	c.Tell("it has no password and no access token; keep the configuration and its secrets apart")
	if dir.Fault != nil {
		c.Tell("take care: others could change it there: %s", dir.Fault.Why)
	}
	state := safepath.Quote(o.StateDir)
	c.Tell("to restore it stop popsync, say this, and start popsync again:")
	_, err = fmt.Fprintf(c.Out, "  cd %s\n  rm -f ledger.db-wal ledger.db-shm\n  cp %s ledger.db\n", state, safepath.Quote(path))
	return err
}

// mayBeBackup refuses what is there, and names that the ledger itself takes.
func mayBeBackup(dir *os.File, name, stateDir string) error {
	path := filepath.Join(dir.Name(), name)
	if _, err := safepath.StatAt(dir, name); err == nil {
		return unwritten(path, fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return unwritten(path, err)
	}
	here, err := dir.Stat()
	if err != nil {
		return unwritten(path, err)
	}
	state, err := os.Stat(stateDir)
	if err == nil && os.SameFile(here, state) && strings.HasPrefix(name, "ledger.") {
		return exit.Errorf(exit.Usage, "%s: names that begin with 'ledger.' are the ledger's own in state_dir: name another file", path)
	}
	return nil
}

// unwritten is why a file could not be written, with what to do.
func unwritten(path string, err error) error {
	fault, foreign := errors.AsType[*safepath.Error](err)
	switch {
	case foreign:
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("nothing was written: %w", err), fault.Mend))
	case errors.Is(err, fs.ErrExist):
		return exit.With(exit.Usage, fmt.Errorf("%s exists already, and is left as it is: name another file", path))
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return exit.With(exit.Usage, fmt.Errorf("%s is no folder that is there: make it first; nothing was written", filepath.Dir(path)))
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return exit.With(exit.Temp, nextstep.With(fmt.Errorf("not enough room for %s; nothing was written", path), "make room there, or name a file on another disk"))
	}
	return exit.With(exit.Config, nextstep.With(fmt.Errorf("%s cannot be written: %w", path, err), "name a file in a folder that this user may write to"))
}

// blamed tells whose fault it was that copying ended.
type blamed struct {
	w   io.Writer
	err error
}

func (w *blamed) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	if err != nil {
		w.err = err
	}
	return n, err
}
