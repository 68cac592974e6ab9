package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/backup"
	"github.com/popsync/popsync/internal/usage"
)

func (a looking) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the ledger into a file, also while popsync runs",
		Long: `Write a copy of the ledger, which remembers what was delivered, to FILE: as it
is at one moment, also while a daemon is running, which does not wait for it.
FILE must not exist; it gets mode 0600. When this command ends with 0, FILE is
whole and survives a power cut.

No password and no access token is in it: the ledger has none. Nor are the
configuration, the mail itself, and copies that wait to be sent.

To restore it stop popsync, remove ledger.db-wal and ledger.db-shm in state_dir,
copy FILE to ledger.db there, and start popsync again. It notices that the
ledger is older than the mail: nothing is deleted in the first run, nothing that
a Maildir shows comes again, and what is in doubt waits for 'popsync accept' or
'popsync baseline'.`,
		Example: "  popsync backup /var/backups/popsync/ledger-2026-05-01.db",
		Args:    usage.One("a file that does not exist yet", "backup /var/backups/popsync/ledger.db"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			return backup.Write(cmd.Context(), a.Console, args[0], backup.Options{
				StateDir: cfg.StateDir, HasLedger: hasLedger(cfg), Open: func(ctx context.Context) (backup.Ledger, error) { return openLedger(ctx, cfg) },
			})
		},
	}
}
