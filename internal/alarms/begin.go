package alarms

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/names"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/uidl"
)

// Begin opens the alarms for a process that ends soon, and makes them and the ledger follow accounts that were renamed. resident: a
// daemon works on the same ledger, which does not know of new names yet. blocked are accounts that cannot be run. An error has its
// exit code.
func Begin(ctx context.Context, cfg Config, ledger uidl.Ledger, log *zap.Logger, configured *names.Configured, resident bool) (al *Alarms, blocked map[string]error, err error) {
	if al, err = Open(cfg, ledger, log, true); err != nil {
		return nil, nil, exit.With(exit.Config, err)
	}
	var barrier error
	if resident { // it would go on with the old name, and fetch all of its mail again
		barrier = nextstep.With(errors.New("it has a new name, and the running daemon does not know that yet"),
			"make the daemon read its configuration again: popsync reload")
	}
	if blocked, err = al.Follow(ctx, configured, barrier); err != nil {
		return nil, nil, exit.Judged(err)
	}
	return al, blocked, nil
}
