package main

import (
	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/decisions"
	"github.com/popsync/popsync/internal/usage"
)

func (a deciding) giveUpCommand() *cobra.Command {
	var g decisions.GivingUp
	c := &cobra.Command{
		Use:   "give-up ACCOUNT UID...",
		Short: "Give parked messages up: no destination gets them any more",
		Long: `Give messages up that are parked or put off: they go to no destination that
does not have them yet. Where they are they stay, and on the server too: popsync
never deletes a message that was given up, whatever 'delete' says.

It logs in and looks whether the server still lists them. Where it does not, or
that cannot be known now, the copy that waits here may be the last: it must be
saved first, with --save, one message at a time. If there is no copy either, say
--lost.

With --undo it is taken back, as long as the server lists the message: the next
run fetches it again for all destinations that do not have it. Where only some
of the recipients had refused it, the others may then get it twice.`,
		Example: "  popsync give-up work 0000a3f2-17\n  popsync give-up --save lost.eml work 0000a3f2-17\n  popsync give-up --undo work 0000a3f2-17",
		Args: usage.UIDs(1, "an account and the unique-ids of messages, as popsync parked prints them",
			"give-up work 0000a3f2-17"),
		ValidArgsFunction: a.completeAccount,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := g.Fits(cmd.Flags().Changed("save"), args[1:]); err != nil {
				return err
			}
			return a.decide(args[0], func(cfg *config.Config, acc config.Account, d *decisions.Desk) error {
				g.Copy, g.Fetcher = copyOpener(cfg), func() (fetcher.Account, error) { return a.wire(cfg, acc, a.prompt(acc)) }
				return d.GiveUp(cmd.Context(), acc.Name, args[1:], g)
			})
		},
	}
	c.Flags().StringVar(&g.Save, "save", "", "first write the copy that waits here to `FILE`, which must not exist")
	c.Flags().BoolVar(&g.Lost, "lost", false, "give up what the server does not list, and of which no copy is left here")
	c.Flags().BoolVar(&g.Undo, "undo", false, "take back what was given up")
	c.SetFlagErrorFunc(usage.Dashes)
	return c
}
