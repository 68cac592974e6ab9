package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/uidl"
)

// ledger looks at the ledger without making one, and returns what it remembers.
func (l *looker) ledger(ctx context.Context, s *checkup.Sheet) *knowledge {
	cfg := l.cfg
	if _, err := safepath.Check(cfg.StateDir); err != nil {
		if fault, ok := errors.AsType[*safepath.Error](err); ok {
			s.Fail(checkup.PartLedger, verdict.Config, "state_dir: "+err.Error(), fault.Mend)
			return nil
		}
	}
	if _, err := os.Stat(cfg.StateDir); errors.Is(err, fs.ErrNotExist) {
		if err := writable(nearest(cfg.StateDir)); err != nil {
			s.Fail(checkup.PartLedger, verdict.Config, fmt.Sprintf("state_dir %s can't be made: %v", cfg.StateDir, err), "set state_dir to a place of your own")
			return nil
		}
		s.OK(checkup.PartLedger, fmt.Sprintf("state_dir %s will be made by the first run", cfg.StateDir))
		return nil
	}
	if err := writable(cfg.StateDir); err != nil {
		s.Fail(checkup.PartLedger, verdict.Config, "state_dir: "+err.Error(), "let the user that runs popsync write to it, or set another state_dir")
		return nil
	}
	if !hasLedger(cfg) {
		s.OK(checkup.PartLedger, ledgerFile(cfg)+" will be made by the first run")
		return nil
	}
	known, err := readLedger(ctx, cfg)
	if err != nil {
		text, hint := apart(err)
		s.Fail(checkup.PartLedger, ledgerClass(err), text, hint)
		l.blind = true
		return nil
	}
	s.OK(checkup.PartLedger, ledgerFile(cfg)+" is sound")
	return known
}

// readLedger reads the whole ledger: for damage, and for what it knows of destinations.
func readLedger(ctx context.Context, cfg *config.Config) (*knowledge, error) {
	l, err := openLedger(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	if err := l.Check(ctx); err != nil {
		return nil, err
	}
	named, err := knownAs(ctx, cfg, l)
	if err != nil {
		return nil, err
	}
	sums, err := named.Summaries(ctx)
	if err != nil {
		return nil, err
	}
	k := &knowledge{destinations: map[string][]uidl.Destination{}, facts: map[string][]byte{}, held: named.Held}
	for _, s := range sums {
		k.destinations[s.Name], k.facts[s.Name] = s.Destinations, s.Facts
	}
	k.elsewhere, err = l.Identities(ctx)
	return k, err
}

// knowledge is what the ledger remembers of all accounts and their destinations.
type knowledge struct {
	destinations map[string][]uidl.Destination // by account
	facts        map[string][]byte             // by account
	held         map[string]error              // accounts that cannot be run
	elsewhere    []string                      // identities of all accounts' destinations
}

// of is what it remembers of an account's destinations; nothing where there is no ledger.
func (k *knowledge) of(account string) []uidl.Destination {
	if k == nil {
		return nil
	}
	return k.destinations[account]
}

// knows tells whether an account was ever fetched.
func (k *knowledge) knows(account string) bool {
	if k == nil {
		return false
	}
	_, ok := k.destinations[account]
	return ok
}

// writable tells whether this process may create entries in a directory.
func writable(dir string) error {
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return &fs.PathError{Op: "write to", Path: dir, Err: err}
	}
	return nil
}

// nearest is the closest ancestor that exists.
func nearest(dir string) string {
	for {
		parent := filepath.Dir(dir)
		if _, err := os.Stat(parent); err == nil || parent == dir {
			return parent
		}
		dir = parent
	}
}
