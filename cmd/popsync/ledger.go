package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/sqlite"
)

// ownLedger is what popsync's own ledger can do. Here, and nowhere else above it, it is known that it is SQLite's.
type ownLedger interface {
	uidl.Ledger
	uidl.Backuper
}

// openLedger opens the ledger of the state directory, and makes it when it is new.
func openLedger(ctx context.Context, cfg *config.Config) (ownLedger, error) {
	if err := notAsRoot(cfg); err != nil {
		return nil, err
	}
	// The default lies below a directory that may not exist yet on a fresh account.
	if err := makeState(cfg.StateDir); err != nil {
		return nil, &exitError{exitConfig, err}
	}
	l, err := sqlite.Open(ctx, sqlite.Options{Dir: cfg.StateDir, Restored: health.VerifyMode})
	if errors.Is(err, fs.ErrPermission) {
		err = nextstep.With(err, "let the user that runs popsync read and write it, or set another state_dir")
	}
	if err != nil {
		return nil, &exitError{exitOf(ledgerClass(err)), err}
	}
	return l, nil
}

// makeState makes the state directory and what it lies in. A file that has its name is left to the ledger to tell of.
func makeState(path string) error {
	d, err := safepath.MakeDirs(path, durable.SyncDir)
	fault, foreign := errors.AsType[*safepath.Error](err)
	switch {
	case err == nil:
		return d.Close()
	case foreign:
		return nextstep.With(fmt.Errorf("state_dir: %w", err), fault.Mend)
	}
	if info, e := os.Stat(path); e == nil && !info.IsDir() {
		return nil
	}
	return nextstep.With(fmt.Errorf("state_dir: %w", err), "set state_dir to a place of your own")
}

// ledgerClass tells what it means that the ledger cannot be used.
func ledgerClass(err error) verdict.Class {
	switch {
	case errors.Is(err, uidl.ErrLocked):
		return verdict.Temporary
	case errors.Is(err, uidl.ErrCorrupt), errors.Is(err, uidl.ErrForeign), errors.Is(err, uidl.ErrNewer):
		return verdict.Internal
	}
	return verdict.Config
}

// hasLedger tells whether something has the ledger's name, for commands that do not make one.
func hasLedger(cfg *config.Config) bool {
	_, err := os.Lstat(ledgerFile(cfg))
	return !errors.Is(err, fs.ErrNotExist)
}

func ledgerFile(cfg *config.Config) string { return filepath.Join(cfg.StateDir, "ledger.db") }

// salvageLedger puts a new ledger, with what can be read of the damaged one, in its place.
func salvageLedger(ctx context.Context, cfg *config.Config) (*sqlite.Salvaged, error) {
	s := sqlite.Salvage{Dir: cfg.StateDir, Facts: health.VerifyMode, Now: time.Now()}
	for _, acc := range cfg.Accounts {
		s.Accounts = append(s.Accounts, acc.Name)
	}
	return s.Do(ctx)
}
