package fetcher

import (
	"context"

	"github.com/popsync/popsync/uidl"
)

// told is the rig's ledger, which calls reading whenever it has noted what is read next.
func (r *rig) told() uidl.Ledger {
	if r.reading == nil {
		return r.ledger
	}
	return toldLedger{r.ledger, r.reading}
}

type toldLedger struct {
	uidl.Ledger
	reading func(uid string)
}

func (l toldLedger) Acquire(ctx context.Context, name string) (uidl.Account, error) {
	a, err := l.Ledger.Acquire(ctx, name)
	if err != nil {
		return nil, err
	}
	return toldAccount{a, l.reading}, nil
}

type toldAccount struct {
	uidl.Account
	reading func(uid string)
}

func (a toldAccount) Reading(k uidl.Key) error {
	err := a.Account.Reading(k)
	if err == nil {
		a.reading(k.UID)
	}
	return err
}
