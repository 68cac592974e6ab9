package main

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/service"
	"github.com/popsync/popsync/internal/usage"
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
	return deciding(a).desk(cfg).Reload(ctx)
}
