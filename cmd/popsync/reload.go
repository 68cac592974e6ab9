package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/service"
	"github.com/popsync/popsync/internal/usage"
	"github.com/popsync/popsync/internal/words"
)

func (a serving) reloadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Make the running daemon read its configuration again",
		Long: `Make the running daemon read its configuration again, and tell what came of it. A configuration that is wrong
changes nothing: the problem is told with its line, the daemon goes on with the one that it has, and the exit code
is 78. Passes that run end as they began. SIGHUP does the same, and tells the log.`,
		Args: usage.None("reload"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.reload(cmd.Context()) },
	}
}

func (a serving) reload(ctx context.Context) error {
	cfg, err := a.load()
	if err != nil { // it names the place of the socket, so the daemon cannot be asked; it would say the same
		_, hint := exit.Apart(err)
		return exit.With(exit.Config, nextstep.With(err, cmp.Or(hint, service.ReloadHint)))
	}
	c, _, err := a.findDaemon(ctx, cfg)
	if errors.Is(err, control.ErrNoDaemon) {
		return exit.With(exit.Temp, nextstep.With(err, "nothing to do: the next run, or the daemon when it is started, reads the configuration anyway"))
	} else if err != nil {
		return exit.With(exit.Temp, err)
	}
	done, err := c.Reload(ctx)
	if problem, ok := errors.AsType[*control.ReloadError](err); ok {
		a.Complain(problem.Text, words.Clip(problem.NextStep)) // one line for each problem
		return exit.With(exit.Config, exit.ErrReported)
	} else if err != nil {
		return exit.With(exit.Temp, fmt.Errorf("reload: %w", err))
	}
	_, err = fmt.Fprintln(a.Out, reloadText(done))
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
