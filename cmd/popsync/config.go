package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/usage"
)

func (a looking) configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Show the configuration as it counts, all files together",
		Long:  `Show what the configuration comes to: see 'popsync config show --help'.`,
		Args:  usage.None("config show"),
		RunE: func(*cobra.Command, []string) error {
			return exit.Errorf(exit.Usage, "config what? for example: popsync config show")
		},
	}
	c.AddCommand(a.configShowCommand())
	return c
}

func (a looking) configShowCommand() *cobra.Command {
	var accounts []string
	c := &cobra.Command{
		Use:   "show",
		Short: "Print the configuration as it counts, all files together",
		Long: `Print the configuration, in TOML, as all of its files come to together: each
account with its file and line, and with what it has from [defaults] and from
the top, which is said beside it. What is not there has its default.

Passwords and webhooks are not shown, nor are arguments of programs that may be
secrets: "[redacted]" stands there, which popsync does not take for a password.
No server is asked and nothing is run.`,
		Example: "  popsync config show --account work",
		Args:    usage.None("config show --account work"),
		RunE: func(*cobra.Command, []string) error {
			return a.configShow(accounts)
		},
	}
	c.Flags().StringArrayVar(&accounts, "account", nil, "show `ACCOUNT` alone, with the providers that it logs in by; may be repeated")
	_ = c.RegisterFlagCompletionFunc("account", a.completeAccounts)
	return c
}

func (a looking) configShow(accounts []string) error {
	m, err := loaded(config.Merge(a.file(), os.Getenv, config.Options{CheckSchedule: checkSchedule, CheckOAuth: checkOAuth}))
	if err != nil {
		return err
	}
	if _, err := pick(m.Config, accounts); err != nil {
		return err
	}
	return m.Write(a.Out, accounts, !screen.SpeaksUTF8(os.Getenv))
}
