package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/schedule"
	"github.com/popsync/popsync/uidl"
)

// load reads the configuration.
func (a *app) load() (*config.Config, error) {
	env := config.Env(os.Getenv)
	path := a.configFile
	if path == "" {
		path = config.DefaultPath(env)
	}
	cfg, err := config.Load(path, env, config.Options{CheckSchedule: checkSchedule})
	var problems config.Error
	if errors.As(err, &problems) && len(problems) > 1 {
		return nil, fail(exitConfig, "%d problems in the configuration\n%w", len(problems), err)
	} else if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	return cfg, nil
}

func checkSchedule(spec string) error {
	_, err := schedule.Parse(spec)
	return err
}

// openLedger opens the ledger of the state directory, and makes it when it is new.
func openLedger(ctx context.Context, cfg *config.Config) (*uidl.SQLite, error) {
	if err := notAsRoot(cfg); err != nil {
		return nil, err
	}
	// The default lies below a directory that may not exist yet on a fresh account.
	if err := makeState(cfg.StateDir); err != nil {
		return nil, &exitError{exitConfig, err}
	}
	l, err := uidl.Open(ctx, uidl.Options{Dir: cfg.StateDir, Restored: fetcher.VerifyMode})
	if errors.Is(err, fs.ErrPermission) {
		err = &hintError{err, "let the user that runs popsync read and write it, or set another state_dir"}
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
		return &hintError{fmt.Errorf("state_dir: %w", err), fault.Mend}
	}
	if info, e := os.Stat(path); e == nil && !info.IsDir() {
		return nil
	}
	return &hintError{fmt.Errorf("state_dir: %w", err), "set state_dir to a place of your own"}
}

// ledgerClass tells what it means that the ledger cannot be used.
func ledgerClass(err error) fetcher.Class {
	switch {
	case errors.Is(err, uidl.ErrLocked):
		return fetcher.Temporary
	case errors.Is(err, uidl.ErrCorrupt), errors.Is(err, uidl.ErrForeign), errors.Is(err, uidl.ErrNewer):
		return fetcher.Internal
	}
	return fetcher.Config
}

// hasLedger tells whether something has the ledger's name, for commands that do not make one.
func hasLedger(cfg *config.Config) bool {
	_, err := os.Lstat(ledgerFile(cfg))
	return !errors.Is(err, fs.ErrNotExist)
}

func ledgerFile(cfg *config.Config) string { return filepath.Join(cfg.StateDir, "ledger.db") }
