package decisions

import (
	"context"
	"errors"
	"fmt"

	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/words"
)

// Reload has the running daemon read its configuration again, and tells what came of it.
func (desk *Desk) Reload(ctx context.Context) error {
	c, _, err := desk.Daemon(ctx)
	if errors.Is(err, control.ErrNoDaemon) {
		return exit.With(exit.Temp, nextstep.With(err, "nothing to do: the next run, or the daemon when it is started, reads the configuration anyway"))
	} else if err != nil {
		return exit.With(exit.Temp, err)
	}
	done, err := c.Reload(ctx)
	if problem, ok := errors.AsType[*control.ReloadError](err); ok {
		desk.Complain(problem.Text, words.Clip(problem.NextStep)) // one line for each problem
		return exit.With(exit.Config, exit.ErrReported)
	} else if err != nil {
		return exit.With(exit.Temp, fmt.Errorf("reload: %w", err))
	}
	_, err = fmt.Fprintln(desk.Out, reloadText(done))
	return err
}

// reloadText is what a reload changed; a daemon of an older version does not tell.
func reloadText(r control.Reloaded) string {
	switch {
	case r.Accounts == 0:
		return "reloaded"
	case r.Added+r.Removed == 0:
		return "reloaded: " + words.Number(r.Accounts, "account")
	}
	return fmt.Sprintf("reloaded: %s (%d added, %d removed)", words.Number(r.Accounts, "account"), r.Added, r.Removed)
}
