package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/backup"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/guard"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/verify"
	"github.com/popsync/popsync/uidl/sqlite"
)

// openLedger opens the ledger: here, and nowhere else above it, it is known that it is SQLite's. It is that of the state
// directory, and made when it is new.
func openLedger(ctx context.Context, cfg *config.Config) (backup.Ledger, error) {
	if err := notAsRoot(cfg); err != nil {
		return nil, err
	}
	// The default lies below a directory that may not exist yet on a fresh account.
	if err := guard.MakeState(cfg.StateDir); err != nil {
		return nil, exit.With(exit.Config, err)
	}
	l, err := sqlite.Open(ctx, sqlite.Options{Dir: cfg.StateDir, Restored: health.VerifyMode})
	if errors.Is(err, fs.ErrPermission) {
		err = nextstep.With(err, "let the user that runs popsync read and write it, or set another state_dir")
	}
	if err != nil {
		return nil, exit.With(exit.Of(verdict.OfLedger(err)), err)
	}
	return l, nil
}

// hasLedger tells whether something has the ledger's name, for commands that do not make one.
func hasLedger(cfg *config.Config) bool {
	_, err := os.Lstat(ledgerFile(cfg))
	return !errors.Is(err, fs.ErrNotExist)
}

func ledgerFile(cfg *config.Config) string { return filepath.Join(cfg.StateDir, "ledger.db") }

// salvageLedger puts a new ledger, with what can be read of the damaged one, in its place.
func salvageLedger(ctx context.Context, cfg *config.Config) (verify.Salvaged, error) {
	s := sqlite.Salvage{Dir: cfg.StateDir, Facts: health.VerifyMode, Now: time.Now()}
	for _, acc := range cfg.Accounts {
		s.Accounts = append(s.Accounts, acc.Name)
	}
	out, err := s.Do(ctx)
	if err != nil {
		return verify.Salvaged{}, err
	}
	return verify.Salvaged{Aside: out.Aside, Accounts: out.Accounts, Messages: out.Messages, Deliveries: out.Deliveries,
		Refused: out.Refused, Unread: out.Unread}, nil
}

// notAsRoot refuses to work as root on what belongs to somebody else.
func notAsRoot(cfg *config.Config) error { return guard.Root(cfg.StateDir, ledgerFile(cfg)) }
