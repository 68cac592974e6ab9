package names

import (
	"context"
	"slices"

	"github.com/popsync/popsync/uidl"
)

// Ledger is a ledger in which accounts have the names that the next run gives them.
type Ledger struct {
	uidl.Ledger
	was     map[string]string // by the new name; "": the ledger does not know it yet
	Blocked map[string]error  // accounts that cannot be run, by name
}

// Acquire takes the lease of the account that will have that name.
func (k *Ledger) Acquire(ctx context.Context, name string) (uidl.Account, error) {
	if err := k.Blocked[name]; err != nil {
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
func (k *Ledger) InUse(ctx context.Context, name string) (bool, error) {
	if was, renamed := k.was[name]; renamed {
		name = was
	}
	return k.Ledger.InUse(ctx, name)
}

// Stuck reads the rows of the account that will have that name.
func (k *Ledger) Stuck(ctx context.Context, name string) ([]uidl.Stuck, error) {
	if err := k.Blocked[name]; err != nil {
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

// Summaries gives each account its name of tomorrow, and leaves out those that it cannot have.
func (k *Ledger) Summaries(ctx context.Context) ([]uidl.Summary, error) {
	sums, err := k.Ledger.Summaries(ctx)
	if err != nil {
		return nil, err
	}
	return k.rename(sums), nil
}

func (k *Ledger) rename(sums []uidl.Summary) []uidl.Summary {
	now := map[string]string{}
	for name, was := range k.was {
		if was != "" {
			now[was] = name
		}
	}
	out := slices.Clone(sums)[:0]
	for _, s := range sums {
		if k.Blocked[s.Name] != nil {
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
