package names

import (
	"context"
	"errors"
	"iter"

	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/uidl"
)

// Empty is what a command looks at that must not make one. Nothing can be written to it.
type Empty struct{}

var (
	_ uidl.Ledger  = Empty{}
	_ uidl.Account = unknownAccount{}
)

var errLooking = errors.New("nothing is written while looking")

// errNotYet keeps what is meant for an account from one that has its name until the next run.
var errNotYet error = nextstep.With(errors.New("under this name the ledger still has an account that was renamed since"), "first say: popsync run")

func (Empty) Acquire(_ context.Context, name string) (uidl.Account, error) {
	return unknownAccount{name, errLooking}, nil
}
func (Empty) Rename(context.Context, []uidl.Renaming) error     { return errLooking }
func (Empty) Accounts(context.Context) ([]uidl.Info, error)     { return nil, nil }
func (Empty) Identities(context.Context) ([]string, error)      { return nil, nil }
func (Empty) Summaries(context.Context) ([]uidl.Summary, error) { return nil, nil }
func (Empty) Check(context.Context) error                       { return nil }
func (Empty) InUse(context.Context, string) (bool, error)       { return false, nil }
func (Empty) Close() error                                      { return nil }

func (Empty) Stuck(context.Context, string) ([]uidl.Stuck, error) { return nil, nil }

// unknownAccount is an account that the ledger does not know, to look at.
type unknownAccount struct {
	name string
	err  error // of whoever writes
}

func (u unknownAccount) Info() uidl.Info { return uidl.Info{Name: u.name} }
func (unknownAccount) Messages(context.Context) iter.Seq2[uidl.Row, error] {
	return func(func(uidl.Row, error) bool) {}
}
func (unknownAccount) Find(context.Context, []uidl.Key) ([]uidl.Message, error) { return nil, nil }
func (unknownAccount) Matches(context.Context, []uidl.Fingerprint) ([]uidl.Message, error) {
	return nil, nil
}
func (unknownAccount) Pending(context.Context) ([]uidl.Delivery, error)         { return nil, nil }
func (unknownAccount) Destinations(context.Context) ([]uidl.Destination, error) { return nil, nil }
func (unknownAccount) Lost() <-chan struct{}                                    { return nil }
func (u unknownAccount) Commit(context.Context, uidl.Change) error              { return u.err }
func (u unknownAccount) Reading(uidl.Key) error                                 { return u.err }
func (unknownAccount) Interrupted() (uidl.Key, bool)                            { return uidl.Key{}, false }
func (unknownAccount) Noted() (uidl.Note, bool)                                 { return uidl.Note{}, false }
func (u unknownAccount) Forget(context.Context) error                           { return u.err }
func (unknownAccount) Close() error                                             { return nil }
