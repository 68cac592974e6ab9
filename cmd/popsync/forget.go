package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/spool"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/notify"
	"github.com/popsync/popsync/internal/terminal"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

func (a *app) forgetCommand() *cobra.Command {
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
		Args:    a.named("an account that is not configured any more", "forget oldisp"),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return a.completeForgotten(cmd.Context(), args), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.forget(cmd.Context(), args[0], yes, drop) },
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&drop, "drop-waiting", false, "drop copies that wait to be delivered")
	return c
}

func (a *app) forget(ctx context.Context, name string, yes, drop bool) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if slices.Contains(accountNames(cfg.Accounts), name) {
		return fail(exitUsage, "%s is configured: remove it from %s first, or say popsync pause %[1]s to leave it alone", name, cfg.File)
	}
	if !hasLedger(cfg) {
		return fail(exitUsage, "there is no ledger in %s yet: nothing is known of %s", cfg.StateDir, name)
	}
	ledger, err := openLedger(ctx, cfg)
	if err != nil {
		return err
	}
	defer ledger.Close()
	if err := forgettable(ctx, cfg, ledger, name); err != nil {
		return err
	}
	if err := a.notInDaemon(ctx, cfg, name); err != nil {
		return err
	}
	if !yes {
		again := "forget --yes " + name
		if drop {
			again = "forget --yes --drop-waiting " + name
		}
		question := fmt.Sprintf("Forget all that popsync knows of %s? That cannot be taken back, but by restoring a backup.", name)
		if ok, err := a.confirm(ctx, question, again); !ok {
			return err
		}
	}
	l, err := ledger.Acquire(ctx, name)
	if err != nil {
		return unlessBusy(name, err)
	}
	defer l.Close()
	return a.forgetAccount(ctx, cfg, l, yes, drop)
}

// forgetAccount forgets an account whose lease is held. The ledger comes first: copies that it still names must not go.
func (a *app) forgetAccount(ctx context.Context, cfg *config.Config, l uidl.Account, yes, drop bool) error {
	name := l.Info().Name
	pending, err := l.Pending(ctx)
	if err != nil {
		return judged(err)
	}
	waiting := slices.DeleteFunc(pending, func(d uidl.Delivery) bool { return d.State == uidl.Owed }) // of those there is no copy
	if len(waiting) > 0 && !drop {
		flags := "--drop-waiting"
		if yes || !terminal.Is(a.in) { // nobody could answer
			flags = "--yes " + flags
		}
		return &exitError{exitConfig, nextstep.With(fmt.Errorf("%s: %s: nothing was forgotten", name, waitingText(waiting)),
			fmt.Sprintf("configure %s again until they are delivered; or, to lose them, say: popsync forget %[2]s %[1]s", name, flags))}
	}
	known, err := l.Destinations(ctx)
	if err != nil {
		return judged(err)
	}
	rows := 0
	for _, err := range l.Messages(ctx) {
		if err != nil {
			return judged(err)
		}
		rows++
	}
	folders, warnings := spoolsOf(cfg, known)
	if err := l.Forget(ctx); err != nil {
		for _, f := range folders {
			f.Close()
		}
		return judged(err)
	}
	a.tell("%s: forgotten, with what was known of %s", name, words.Number(rows, "message"))
	if len(waiting) > 0 {
		a.tell("%s: dropped %s that waited", name, words.Number(len(waiting), "delivery"))
	}
	for _, f := range folders {
		left, err := f.Remove()
		if err != nil {
			warnings = append(warnings, errorText(err))
		} else if left > 0 {
			a.tell("%s: %s left in %s: popsync had put them aside for a person to look at", name, words.Number(left, "file"), f.Place())
		}
		f.Close()
	}
	if err := forgetAlarms(cfg, name); err != nil {
		warnings = append(warnings, errorText(err))
	}
	for _, w := range warnings {
		fmt.Fprintf(a.err, "popsync: %s: not all of its files could be removed: %s\n", name, words.Clip(w))
	}
	a.tell("if it comes back, all that its server lists is new; but if a Maildir that it delivered to is there, what is found in it counts as delivered, and the rest is held back until you say popsync accept or popsync baseline")
	if len(warnings) > 0 {
		return &exitError{exitConfig, errReported}
	}
	return nil
}

// forgettable refuses accounts that the ledger does not know, and those that are configured under another name or elsewhere.
func forgettable(ctx context.Context, cfg *config.Config, ledger uidl.Ledger, name string) error {
	infos, err := ledger.Accounts(ctx)
	if err != nil {
		return judged(err)
	}
	i := slices.IndexFunc(infos, func(i uidl.Info) bool { return i.Name == name })
	if i < 0 && leaseLeft(cfg, name) {
		return nil
	} else if i < 0 {
		return fail(exitUsage, "the ledger knows no account %q; not configured any more are: %s", name, orNone(unconfigured(cfg, infos)))
	}
	if file := namesOf(cfg).Other(infos[i]); file != "" {
		return &exitError{exitUsage, nextstep.With(fmt.Errorf("%s belongs to another configuration, %s", name, file),
			"remove it there first; then say this with --config and that file")}
	}
	moves, _, err := namesOf(cfg).Moves(ctx, ledger)
	if err != nil {
		return judged(err)
	}
	mailboxes := mailboxesOf(cfg)
	for _, m := range moves {
		if m.From == name && mailboxes[m.To] != "" {
			return fail(exitUsage, "%s is configured, under the name %s: the next run gives what is known of it that name", name, m.To)
		}
	}
	return nil
}

// leaseLeft tells of an account that the ledger does not know whether something of it is left beside the ledger all the same:
// it was only looked at, or forgetting it was cut short.
func leaseLeft(cfg *config.Config, name string) bool {
	if name == "" || strings.ContainsRune(name, '/') {
		return false
	}
	_, err := os.Lstat(filepath.Join(cfg.StateDir, "lease", name+".lock"))
	return err == nil
}

// unconfigured are the accounts of the ledger that are in no configuration.
func unconfigured(cfg *config.Config, infos []uidl.Info) (names []string) {
	of := namesOf(cfg)
	for _, i := range infos {
		if !slices.Contains(accountNames(cfg.Accounts), i.Name) && of.Other(i) == "" {
			names = append(names, i.Name)
		}
	}
	return names
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// notInDaemon refuses an account that a running daemon still has: its next pass would begin anew, and fetch all mail.
func (a *app) notInDaemon(ctx context.Context, cfg *config.Config, name string) error {
	_, st, err := a.findDaemon(ctx, cfg)
	switch {
	case errors.Is(err, control.ErrNoDaemon):
		return nil
	case err != nil:
		return &exitError{exitTemp, err}
	}
	for _, acc := range st.Accounts {
		if acc.Account == name {
			return &exitError{exitTemp, nextstep.With(fmt.Errorf("the running daemon (pid %d) still has the account %s", st.PID, name),
				fmt.Sprintf("make it read its configuration again: kill -HUP %d; then say this again", st.PID))}
		}
	}
	return nil
}

// waitingText counts deliveries that wait, by destination.
func waitingText(waiting []uidl.Delivery) string {
	n := map[string]int{}
	var names []string
	for _, d := range waiting {
		if n[d.Destination]++; n[d.Destination] == 1 {
			names = append(names, d.Destination)
		}
	}
	slices.Sort(names)
	return fmt.Sprintf("%s for %s", words.Plural(len(waiting), "1 delivery waits", fmt.Sprintf("%d deliveries wait", len(waiting))), few(names))
}

// spoolsOf opens the folders where copies for remote destinations wait. A folder that is not there is none.
func spoolsOf(cfg *config.Config, known []uidl.Destination) (folders []*spool.Folder, warnings []string) {
	for _, d := range known {
		if !deliver.IsRemoteIdentity(d.Identity) {
			continue
		}
		f, err := spool.OpenFolder(spoolRoot(cfg), d.Identity)
		switch {
		case err == nil:
			folders = append(folders, f)
		case !errors.Is(err, fs.ErrNotExist):
			warnings = append(warnings, errorText(err))
		}
	}
	return folders, warnings
}

// forgetAlarms removes what was remembered of the account's troubles. Nobody is told.
func forgetAlarms(cfg *config.Config, name string) error {
	n, err := notify.Open(alarmDir(cfg), notify.Options{})
	if err != nil {
		return err
	}
	return n.Forget(name)
}

// completeForgotten completes the name of an account that can be forgotten.
func (a *app) completeForgotten(ctx context.Context, args []string) []string {
	cfg, err := a.load()
	if err != nil || len(args) > 0 || !hasLedger(cfg) {
		return nil
	}
	ledger, err := openLedger(ctx, cfg)
	if err != nil {
		return nil
	}
	defer ledger.Close()
	infos, err := ledger.Accounts(ctx)
	if err != nil {
		return nil
	}
	return unconfigured(cfg, infos)
}
