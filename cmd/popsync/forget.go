package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver/spool"
	"github.com/popsync/popsync/internal/decisions"
	"github.com/popsync/popsync/internal/oauth/tokens"
	"github.com/popsync/popsync/internal/usage"
	"github.com/popsync/popsync/uidl"
)

func (a deciding) forgetCommand() *cobra.Command {
	var yes, drop bool
	c := &cobra.Command{
		Use:   "forget ACCOUNT",
		Short: "Forget all about an account that is not configured any more",
		Long: `Remove what popsync remembers of an account: what was delivered, what waits to
be sent, its alarms. The account must not be configured any more. No server is
asked, and no Maildir is touched.

If copies of messages wait for an SMTP or LMTP server or a command, they are
the last ones perhaps: that is refused, unless you say --drop-waiting.

If the account comes back later, all that its server lists is new, but for one
thing: a Maildir that it delivered to still tells so. Then nothing that is
found there comes again, and the rest is held back until you say
'popsync accept' or 'popsync baseline'.`,
		Example: "  popsync forget oldisp\n  popsync forget --drop-waiting oldisp",
		Args:    usage.One("an account that is not configured any more", "forget oldisp"),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return a.completeForgotten(cmd.Context(), args), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			f := forgetting(cfg)
			f.Yes, f.Drop = yes, drop
			return a.desk(cfg).Forget(cmd.Context(), args[0], f)
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&drop, "drop-waiting", false, "drop copies that wait to be delivered")
	return c
}

// completeForgotten completes the name of an account that can be forgotten.
func (a deciding) completeForgotten(ctx context.Context, args []string) []string {
	cfg, err := a.load()
	if err != nil || len(args) > 0 || !hasLedger(cfg) {
		return nil
	}
	return forgetting(cfg).All(ctx)
}

// forgetting is what there is to forget of accounts that a configuration does not have.
func forgetting(cfg *config.Config) decisions.Forgetting {
	return decisions.Forgetting{
		File: cfg.File, StateDir: cfg.StateDir, Alarms: alarmDir(cfg), Names: namesOf(cfg), Configured: accountNames(cfg.Accounts),
		Ledger: func(ctx context.Context) (uidl.Ledger, error) { return openLedger(ctx, cfg) },
		Logins: func(account string) (int, error) {
			return tokens.New(tokens.Options{Dir: tokenDir(cfg)}).Forget(account)
		},
		Folder: func(identity string) (*spool.Folder, error) { return spool.OpenFolder(spoolRoot(cfg), identity) },
	}
}
