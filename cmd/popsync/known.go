package main

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/uidl"
)

// openKnown opens a ledger for a command that is told an account's name of today: what the next run will rename is found
// under its old name. The caller has made sure that there is a ledger.
func openKnown(ctx context.Context, cfg *config.Config) (*knownLedger, error) {
	l, err := openLedger(ctx, cfg)
	if err != nil {
		return nil, err
	}
	k, err := knownAs(ctx, cfg, l)
	if err != nil {
		l.Close()
		return nil, &exitError{exitOf(ledgerClass(err)), err}
	}
	return k, nil
}

// knownAs is a ledger with the names that the next run gives accounts.
func knownAs(ctx context.Context, cfg *config.Config, l uidl.Ledger) (*knownLedger, error) {
	moves, held, err := namesOf(ctx, cfg, l)
	if err != nil {
		return nil, err
	}
	k := &knownLedger{Ledger: l, was: map[string]string{}, held: held}
	for _, m := range moves {
		if _, ok := k.was[m.From]; !ok {
			k.was[m.From] = "" // until the next run it is another's
		}
		k.was[m.To] = m.From
	}
	return k, nil
}

// knownLedger is a ledger in which accounts have the names that the next run gives them.
type knownLedger struct {
	uidl.Ledger
	was  map[string]string // by the new name; "": the ledger does not know it yet
	held map[string]error
}

// Acquire takes the lease of the account that will have that name.
func (k *knownLedger) Acquire(ctx context.Context, name string) (uidl.Account, error) {
	if err := k.held[name]; err != nil {
		return nil, err
	}
	was, renamed := k.was[name]
	switch {
	case !renamed:
		return k.Ledger.Acquire(ctx, name)
	case was == "":
		return unknownAccount{name, errNotYet}, nil
	}
	return k.Ledger.Acquire(ctx, was)
}

// InUse tells whether somebody works on the account that will have that name.
func (k *knownLedger) InUse(ctx context.Context, name string) (bool, error) {
	if was, renamed := k.was[name]; renamed {
		name = was
	}
	return k.Ledger.InUse(ctx, name)
}

// Stuck reads the rows of the account that will have that name.
func (k *knownLedger) Stuck(ctx context.Context, name string) ([]uidl.Stuck, error) {
	if err := k.held[name]; err != nil {
		return nil, err
	}
	was, renamed := k.was[name]
	switch {
	case !renamed:
		return k.Ledger.Stuck(ctx, name)
	case was == "":
		return nil, nil
	}
	return k.Ledger.Stuck(ctx, was)
}

// Summaries gives each account its name of tomorrow.
func (k *knownLedger) Summaries(ctx context.Context) ([]uidl.Summary, error) {
	sums, err := k.Ledger.Summaries(ctx)
	if err != nil {
		return nil, err
	}
	return k.rename(sums), nil
}

func (k *knownLedger) rename(sums []uidl.Summary) []uidl.Summary {
	now := map[string]string{}
	for name, was := range k.was {
		if was != "" {
			now[was] = name
		}
	}
	out := slices.Clone(sums)[:0]
	for _, s := range sums {
		if k.held[s.Name] != nil {
			continue // what it knows under that name is of another mailbox
		}
		if name, ok := now[s.Name]; ok {
			s.Name = name
		} else if was, ok := k.was[s.Name]; ok && was != s.Name {
			continue // only a pause was noted of it
		}
		out = append(out, s)
	}
	return out
}

// emptyLedger is what a command looks at that must not make one. Nothing can be written to it.
type emptyLedger struct{}

var (
	_ uidl.Ledger  = emptyLedger{}
	_ uidl.Account = unknownAccount{}
)

var errLooking = errors.New("nothing is written while looking")

// errNotYet keeps what is meant for an account from one that has its name until the next run.
var errNotYet error = nextstep.With(errors.New("under this name the ledger still has an account that was renamed since"), "first say: popsync run")

func (emptyLedger) Acquire(_ context.Context, name string) (uidl.Account, error) {
	return unknownAccount{name, errLooking}, nil
}
func (emptyLedger) Rename(context.Context, []uidl.Renaming) error     { return errLooking }
func (emptyLedger) Accounts(context.Context) ([]uidl.Info, error)     { return nil, nil }
func (emptyLedger) InUse(context.Context, string) (bool, error)       { return false, nil }
func (emptyLedger) Identities(context.Context) ([]string, error)      { return nil, nil }
func (emptyLedger) Summaries(context.Context) ([]uidl.Summary, error) { return nil, nil }
func (emptyLedger) Check(context.Context) error                       { return nil }
func (emptyLedger) Close() error                                      { return nil }

func (emptyLedger) Stuck(context.Context, string) ([]uidl.Stuck, error) { return nil, nil }

// named wants so many arguments as what has, and tells what they are.
func (a *app) named(what, example string) cobra.PositionalArgs {
	return a.expects(1, what, example)
}

// atLeast is expects for so many arguments or more.
func (a *app) atLeast(n int, what, example string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < n {
			return fail(exitUsage, "expected is %s, for example: popsync %s", what, example)
		}
		return nil
	}
}

// alone is for a command that is about all accounts.
func (a *app) alone(example string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fail(exitUsage, "%q is too much: nothing is expected behind it, just: popsync %s", args[0], example)
		}
		return nil
	}
}

func (a *app) expects(n int, what, example string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return fail(exitUsage, "expected is %s, for example: popsync %s", what, example)
		}
		return nil
	}
}
