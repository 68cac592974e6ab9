package main

import (
	"context"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/internal/uidtext"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

func (a *app) giveUpCommand() *cobra.Command {
	var g givingUp
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
		Args: wantsUIDs(1, "an account and the unique-ids of messages, as popsync parked prints them",
			"give-up work 0000a3f2-17"),
		ValidArgsFunction: a.completeAccount,
		RunE: func(cmd *cobra.Command, args []string) error {
			g.saves = cmd.Flags().Changed("save")
			return a.giveUp(cmd.Context(), args[0], args[1:], g)
		},
	}
	c.Flags().StringVar(&g.save, "save", "", "first write the copy that waits here to `FILE`, which must not exist")
	c.Flags().BoolVar(&g.lost, "lost", false, "give up what the server does not list, and of which no copy is left here")
	c.Flags().BoolVar(&g.undo, "undo", false, "take back what was given up")
	c.SetFlagErrorFunc(dashes)
	return c
}

// givingUp is how something is given up.
type givingUp struct {
	save              string
	saves, lost, undo bool
}

func (g givingUp) check(uids []string) error {
	n := 0
	for _, set := range []bool{g.saves, g.lost, g.undo} {
		if set {
			n++
		}
	}
	switch {
	case n > 1:
		return fail(exitUsage, "--save, --lost and --undo exclude each other, for example: popsync give-up --save lost.eml work 0000a3f2-17")
	case g.saves && g.save == "":
		return fail(exitUsage, "--save wants a file, for example: popsync give-up --save lost.eml work 0000a3f2-17")
	case g.saves && len(uids) > 1:
		return fail(exitUsage, "--save takes one message at a time, for example: popsync give-up --save lost.eml work 0000a3f2-17")
	}
	return nil
}

func (a *app) giveUp(ctx context.Context, name string, uids []string, g givingUp) error {
	if err := g.check(uids); err != nil {
		return err
	}
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, []string{name})
	if err != nil {
		return err
	}
	if !hasLedger(cfg) {
		_, err := picking(name, thatFailed, uids)(nil)
		return err
	}
	wired, err := a.wire(cfg, accounts[0], a.prompt(accounts[0]))
	if err != nil {
		return &exitError{exitConfig, err}
	}
	ledger, err := openKnown(ctx, cfg)
	if err != nil {
		return err
	}
	defer ledger.Close()
	if g.undo {
		back, err := fetcher.TakeBack(ctx, ledger, wired, options(cfg.Limits), picking(name, thatGivenUp, uids))
		if err != nil {
			return notBack(name, err)
		}
		a.tellBack(name, back)
		return nil
	}
	ask := fetcher.GivingUp{Pick: orGivenUp(ctx, ledger, name, uids, g.pick(name, uids)), Copy: copyOpener(cfg), Lost: g.lost}
	if g.saves {
		path, err := filepath.Abs(g.save)
		if err != nil {
			return &exitError{exitConfig, err}
		}
		ask.Saved = foreign.ASCII(words.Clip(path))
		ask.Save = func(copy io.Reader) error { return saveCopy(path, copy) }
	}
	gave, err := fetcher.GiveUp(ctx, ledger, wired, options(cfg.Limits), ask)
	if err != nil {
		return notGivenUp(name, err)
	}
	a.tellGivenUp(name, gave, ask.Saved)
	return nil
}

// pick lets one message be saved at a time, also where several share a unique-id.
func (g givingUp) pick(account string, uids []string) func([]uidl.Stuck) ([]uidl.Stuck, error) {
	return func(all []uidl.Stuck) ([]uidl.Stuck, error) {
		picked, err := picking(account, thatFailed, uids)(all)
		if err == nil && g.saves && len(picked) > 1 {
			return nil, fail(exitUsage, "%s: %s share this unique-id, and --save takes one: name it as %s", account, words.Number(len(picked), "message"),
				uidtext.Args(uidtext.Name(all, picked[0].Key)))
		}
		return picked, err
	}
}

// saveError is that the copy could not be written.
type saveError struct {
	path string
	err  error
}

func (e *saveError) Error() string { return e.err.Error() }
func (e *saveError) Unwrap() error { return e.err }

// saveCopy writes a copy to a new file, for the user alone, and returns once that is durable.
func saveCopy(path string, copy io.Reader) error {
	dir, err := safepath.SharedDir(filepath.Dir(path))
	if err == nil {
		defer dir.Close()
		err = durable.CreateFrom(dir.File, filepath.Base(path), 0o600, func(w io.Writer) error {
			_, err := io.Copy(w, copy)
			return err
		})
	}
	if err != nil {
		return &saveError{words.Clip(path), err}
	}
	return nil
}
