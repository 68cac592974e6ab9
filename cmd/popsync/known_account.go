package main

import (
	"context"
	"iter"

	"github.com/popsync/popsync/uidl"
)

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
