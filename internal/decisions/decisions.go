// Package decisions does what a person decides about accounts and their messages: to accept, to vouch, to give up, to fetch again,
// to forget, to pause and so on. It asks where it must, changes the ledger, tells the running daemon, and says what follows.
//
// The commands of those names call it. It reads no configuration. Nothing is fetched or deleted by it, and of the servers only those
// are asked that a method names. Its errors have their exit codes.
package decisions

import (
	"context"
	"errors"
	"fmt"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/uidl"
)

// Desk is where a person decides: what there is to ask, and to change.
type Desk struct {
	*console.Console
	HasLedger bool            // there is one
	Options   fetcher.Options // of whatever asks a server
	// Ledger opens the ledger with the names that the next run gives accounts; it makes one if there is none.
	Ledger func(context.Context) (uidl.Ledger, error)
	// Summaries reads what the ledger remembers of all accounts; nothing where there is none.
	Summaries func(context.Context) ([]uidl.Summary, error)
	// Daemon finds the running one, and what it says of itself; control.ErrNoDaemon.
	Daemon func(context.Context) (*control.Client, control.Status, error)
}

// unlessBusy words the error of a command that has to wait for a pass; others are judged.
func unlessBusy(name string, err error) error {
	if errors.Is(err, uidl.ErrBusy) {
		return exit.With(exit.Temp, nextstep.With(fmt.Errorf("%s: a pass is running, so nothing was changed", name), "say it again when the pass has ended"))
	}
	return exit.Judged(err)
}

// begin is the command that has an account's next pass begin now.
func (desk *Desk) begin(ctx context.Context, name string) string {
	if _, _, err := desk.Daemon(ctx); err == nil {
		return "popsync wake " + name
	}
	return "popsync run " + name
}
