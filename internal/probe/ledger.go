package probe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/server"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/names"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/uidl"
)

// Ledger is the ledger, and where it is or will be.
type Ledger struct {
	StateDir, File string
	Exists         bool // something has its name
	Open           func(context.Context) (uidl.Ledger, error)
	Named          func(context.Context, uidl.Ledger) (*names.Ledger, error) // with the names that the next run gives accounts
	Class          func(error) verdict.Class                                 // what it means that it cannot be used
}

// Look looks at the ledger without making one, and returns what it remembers; nil: nothing. blind: that could not be read.
func (l Ledger) Look(ctx context.Context, s *checkup.Sheet) (known *Known, blind bool) {
	if _, err := safepath.Check(l.StateDir); err != nil {
		if fault, ok := errors.AsType[*safepath.Error](err); ok {
			s.Fail(checkup.PartLedger, verdict.Config, "state_dir: "+err.Error(), fault.Mend)
			return nil, false
		}
	}
	if _, err := os.Stat(l.StateDir); errors.Is(err, fs.ErrNotExist) {
		if err := writable(nearest(l.StateDir)); err != nil {
			s.Fail(checkup.PartLedger, verdict.Config, fmt.Sprintf("state_dir %s can't be made: %v", l.StateDir, err), "set state_dir to a place of your own")
			return nil, false
		}
		s.OK(checkup.PartLedger, fmt.Sprintf("state_dir %s will be made by the first run", l.StateDir))
		return nil, false
	}
	if err := writable(l.StateDir); err != nil {
		s.Fail(checkup.PartLedger, verdict.Config, "state_dir: "+err.Error(), "let the user that runs popsync write to it, or set another state_dir")
		return nil, false
	}
	if !l.Exists {
		s.OK(checkup.PartLedger, l.File+" will be made by the first run")
		return nil, false
	}
	known, err := l.read(ctx)
	if err != nil {
		text, hint := exit.Apart(err)
		s.Fail(checkup.PartLedger, l.Class(err), text, hint)
		return nil, true
	}
	s.OK(checkup.PartLedger, l.File+" is sound")
	return known, false
}

// read reads the whole ledger: for damage, and for what it knows of destinations.
func (l Ledger) read(ctx context.Context) (*Known, error) {
	ledger, err := l.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer ledger.Close()
	if err := ledger.Check(ctx); err != nil {
		return nil, err
	}
	named, err := l.Named(ctx, ledger)
	if err != nil {
		return nil, err
	}
	sums, err := named.Summaries(ctx)
	if err != nil {
		return nil, err
	}
	k := &Known{destinations: map[string][]uidl.Destination{}, facts: map[string][]byte{}, listed: map[string]bool{}, blocked: named.Blocked}
	for _, s := range sums {
		k.destinations[s.Name], k.facts[s.Name] = s.Destinations, s.Facts
		k.listed[s.Name] = s.Listings > 0
	}
	k.elsewhere, err = ledger.Identities(ctx)
	return k, err
}

// Known is what the ledger remembers of all accounts and their destinations.
type Known struct {
	destinations map[string][]uidl.Destination // by account
	facts        map[string][]byte             // by account
	listed       map[string]bool               // accounts whose mailbox was seen
	blocked      map[string]error              // accounts that cannot be run
	elsewhere    []string                      // identities of all accounts' destinations
}

// Of is what it remembers of an account's destinations; nothing where there is no ledger.
func (k *Known) Of(account string) []uidl.Destination {
	if k == nil {
		return nil
	}
	return k.destinations[account]
}

// Elsewhere are the identities of all accounts' destinations.
func (k *Known) Elsewhere() []string {
	if k == nil {
		return nil
	}
	return k.elsewhere
}

// knows tells whether an account was ever fetched.
func (k *Known) knows(account string) bool {
	if k == nil {
		return false
	}
	_, ok := k.destinations[account]
	return ok
}

// Listed tells whether a run has seen an account's mailbox.
func (k *Known) Listed(account string) bool { return k != nil && k.listed[account] }

// Blocked is why an account cannot be run; nil: nothing is.
func (k *Known) Blocked(account string) error {
	if k == nil {
		return nil
	}
	return k.blocked[account]
}

// Named tells whether the server gave an account unique-ids in earlier passes. The ledger is read again for it: hardly any
// server makes that necessary.
func (k *Known) Named(ctx context.Context, account string, open func(context.Context) (uidl.Ledger, error)) (bool, error) {
	if !k.knows(account) {
		return false, nil
	}
	ledger, err := open(ctx)
	if err != nil {
		return false, err
	}
	defer ledger.Close()
	acc, err := ledger.Acquire(ctx, account)
	if err != nil {
		return false, err
	}
	defer acc.Close()
	return server.Named(ctx, acc)
}

// Learned tells what passes have learned of an account's server, which is spoken to as said.
func (k *Known) Learned(s *checkup.Sheet, account string, as health.Spoken) {
	if k == nil {
		return
	}
	for _, trait := range health.Learned(k.facts[account], as, time.Now()) {
		if trait.Odd {
			s.Note(checkup.PartLearned, trait.Text, "")
		} else {
			s.Info(checkup.PartLearned, trait.Text)
		}
	}
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

// LogIn is how a pass would log in to an account's server; setting is fetcher.Account.Setting. A nil Known knows nothing.
func (k *Known) LogIn(account string, l pop3.Login, setting string) pop3.Login {
	if k == nil {
		return l
	}
	return health.AsRemembered(k.facts[account], l, setting, time.Now())
}

// Taught is what a destination learned, and whether it worked: see health.Facts.TaughtTo.
func (k *Known) Taught(account, destination, setting string) (what string, worked bool) {
	if k == nil {
		return "", false
	}
	f := health.Decode(k.facts[account])
	return f.TaughtTo(destination, setting)
}
