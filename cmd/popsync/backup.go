package main

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

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/internal/words"
)

func (a *app) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the ledger into a file, also while popsync runs",
		Long: `Write a copy of the ledger, which remembers what was delivered, to FILE: as it
is at one moment, also while a daemon is running, which does not wait for it.
FILE must not exist; it gets mode 0600. When this command ends with 0, FILE is
whole and survives a power cut.

No password and no access token is in it: the ledger has none. Nor are the
configuration, the mail itself, and copies that wait to be sent.

To restore it stop popsync, remove ledger.db-wal and ledger.db-shm in state_dir,
copy FILE to ledger.db there, and start popsync again. It notices that the
ledger is older than the mail: nothing is deleted in the first run, nothing that
a Maildir shows comes again, and what is in doubt waits for 'popsync accept' or
'popsync baseline'.`,
		Example: "  popsync backup /var/backups/popsync/ledger-2026-05-01.db",
		Args:    a.named("a file that does not exist yet", "backup /var/backups/popsync/ledger.db"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.backup(cmd.Context(), args[0]) },
	}
}

func (a *app) backup(ctx context.Context, file string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if !hasLedger(cfg) {
		return fail(exitConfig, "there is no ledger in %s yet: nothing was written", cfg.StateDir)
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return &exitError{exitConfig, err}
	}
	dir, err := safepath.SharedDir(filepath.Dir(path))
	if err != nil {
		return unwritten(path, err)
	}
	defer dir.Close()
	name := filepath.Base(path)
	if err := mayBeBackup(dir.File, name, cfg.StateDir); err != nil {
		return err
	}
	ledger, err := openLedger(ctx, cfg)
	if err != nil {
		return err
	}
	defer ledger.Close()
	accounts, err := ledger.Accounts(ctx)
	if err != nil {
		return judged(err)
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
		return fail(exitTemp, "stopped; nothing was written")
	case reading != nil:
		return judged(reading)
	case err != nil:
		return unwritten(path, err)
	}
	a.tell("%s: a copy of the ledger of %s, %s", path, words.Number(len(accounts), "account"), words.Octets(size))
	a.tell("it has no password and no access token; keep the configuration and its secrets apart")
	if dir.Fault != nil {
		a.tell("take care: others could change it there: %s", dir.Fault.Why)
	}
	state := safepath.Quote(cfg.StateDir)
	a.tell("to restore it stop popsync, say this, and start popsync again:")
	_, err = fmt.Fprintf(a.out, "  cd %s\n  rm -f ledger.db-wal ledger.db-shm\n  cp %s ledger.db\n", state, safepath.Quote(path))
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
		return fail(exitUsage, "%s: names that begin with 'ledger.' are the ledger's own in state_dir: name another file", path)
	}
	return nil
}

// unwritten is why a file could not be written, with what to do.
func unwritten(path string, err error) error {
	fault, foreign := errors.AsType[*safepath.Error](err)
	switch {
	case foreign:
		return &exitError{exitConfig, nextstep.With(fmt.Errorf("nothing was written: %w", err), fault.Mend)}
	case errors.Is(err, fs.ErrExist):
		return &exitError{exitUsage, fmt.Errorf("%s exists already, and is left as it is: name another file", path)}
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return &exitError{exitUsage, fmt.Errorf("%s is no folder that is there: make it first; nothing was written", filepath.Dir(path))}
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &exitError{exitTemp, nextstep.With(fmt.Errorf("not enough room for %s; nothing was written", path), "make room there, or name a file on another disk")}
	}
	return &exitError{exitConfig, nextstep.With(fmt.Errorf("%s cannot be written: %w", path, err), "name a file in a folder that this user may write to")}
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
