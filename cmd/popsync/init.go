package main

import (
	"cmp"
	"os"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/firstconfig"
	"github.com/popsync/popsync/internal/usage"
)

func (a looking) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Write a first configuration, with a word on what it needs",
		Long: `Write a configuration for you to complete: a few keys with a word on each, and
an account as an example. It goes to ~/.config/popsync/config.toml, or where
--config says, readable by you alone; folders that are missing are made. Nothing
is written over. No server is asked.`,
		Example: "  popsync init\n  popsync init --config /etc/popsync/config.toml",
		Args:    usage.None("init"),
		RunE: func(*cobra.Command, []string) error {
			search := config.SearchPaths(os.Getenv)
			return firstconfig.Write(a.Console, cmp.Or(a.configFile, search[0]), search)
		},
	}
}
