package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/status"
	"github.com/popsync/popsync/internal/uidtext"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

func (a *app) verifyCommand() *cobra.Command {
	var repair bool
	c := &cobra.Command{
		Use:   "verify [ACCOUNT...]",
		Short: "Look for damage in ledger and Maildirs, and repair what is safe",
		Long: `Read the whole ledger, compare it with the Maildirs, and print one line for each finding with the next step. No server
is asked, and without --repair nothing is changed.

With --repair: a damaged ledger is moved aside, never deleted, and a new one gets every row that can still be read. In
the next run of each account, listed messages that the ledger lacks are looked for by the tags in the Maildir's file
names; what is not found is held back until 'popsync accept', and nothing is deleted on the server. Files in tmp/ that no
delivery speaks of are removed once they are 36 hours old.`,
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.verify(cmd.Context(), args, repair)
		},
	}
	c.Flags().BoolVar(&repair, "repair", false, "repair what is safe to repair")
	return c
}

// verifier prints findings, counts them and remembers the gravest.
type verifier struct {
	*app
	account  string
	worst    verdict.Class
	cfg      *config.Config
	repair   bool
	findings int
	pending  int // open deliveries of all accounts
	held     int // listed messages of the account that are held back
	unsure   int // and that nobody saw safe
}

// line prints one text behind what its first line begins with.
func (v *verifier) line(head, text string) {
	if text = words.Clip(text); v.outTerm {
		if width, _ := v.outSize(); width > 0 {
			text = screen.Wrap(text, "      ", max(width-len(head), 20))
		}
	}
	fmt.Fprintln(v.out, head+text)
}

func (v *verifier) ok(what string) { v.line("ok    ", v.account+": "+what) }

// note tells what is no failure.
func (v *verifier) note(what string) {
	v.line("note  ", v.account+": "+what)
}

func (v *verifier) bad(class verdict.Class, what string, hint string) {
	v.line("FAIL  ", v.account+": "+what)
	if hint != "" {
		v.line("      ", "next step: "+fetcher.HintFor(v.account, hint))
	}
	if verdict.Worse(class, v.worst) {
		v.worst = class
	}
}

func (v *verifier) found(class verdict.Class, what, hint string) {
	v.findings++
	v.bad(class, what, hint)
}

func (v *verifier) repaired(what string) {
	v.line("DONE  ", v.account+": "+what)
}

func (a *app) verify(ctx context.Context, names []string, repair bool) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, names)
	if err != nil {
		return err
	}
	v := &verifier{app: a, account: "ledger", worst: verdict.OK, cfg: cfg, repair: repair}
	v.look(ctx, accounts)
	if v.findings == 0 {
		return nil
	}
	fmt.Fprintf(a.out, "\n%s\n", words.Number(v.findings, "finding"))
	return &exitError{exitOf(v.worst), errReported}
}

func (v *verifier) look(ctx context.Context, accounts []config.Account) {
	if found, _ := filepath.Glob(ledgerFile(v.cfg) + "*"); len(found) == 0 {
		v.ok("there is none yet in " + v.cfg.StateDir)
		return
	}
	file := v.ledger(ctx)
	if file == nil {
		return
	}
	defer file.Close()
	v.leftovers()
	ledger, err := knownAs(ctx, v.cfg, file)
	var sums []uidl.Summary
	if err == nil {
		sums, err = ledger.Summaries(ctx)
	}
	if err != nil {
		text, hint := apart(err)
		v.found(ledgerClass(err), text, hint)
		return
	}
	for _, s := range sums {
		v.pending += s.Pending
	}
	for _, acc := range accounts {
		v.account = acc.Name
		if err := ledger.Held[acc.Name]; err != nil {
			text, hint := apart(err)
			v.found(verdict.Config, text, hint)
			continue
		}
		if err := v.of(ctx, ledger, acc); err != nil {
			judged := verdict.Of(err)
			v.found(judged.Class, judged.Message, judged.Hint)
		}
	}
}

// ledger opens the ledger and reads all of it; a damaged one is replaced if that was asked for. nil: there is nothing
// more to look at.
func (v *verifier) ledger(ctx context.Context) uidl.Ledger {
	l, err := v.sound(ctx)
	if err == nil {
		v.ok(ledgerFile(v.cfg) + " is sound")
		return l
	}
	text, hint := apart(err)
	if !errors.Is(err, uidl.ErrCorrupt) && !errors.Is(err, uidl.ErrForeign) {
		v.found(ledgerClass(err), text, hint)
		return nil
	}
	if !v.repair {
		v.found(verdict.Internal, text, "restore a backup, or say: popsync verify --repair. It moves "+filepath.Base(ledgerFile(v.cfg))+" aside and carries over what can be read")
		return nil
	}
	v.line("FAIL  ", v.account+": "+text)
	if err := v.salvage(ctx); err != nil {
		class := ledgerClass(err)
		if errors.Is(err, uidl.ErrBusy) {
			class = verdict.Temporary
		}
		v.found(class, err.Error(), "end what uses the ledger, then say it again")
		return nil
	}
	if l, err = v.sound(ctx); err != nil {
		text, hint := apart(err)
		v.found(verdict.Internal, text, hint)
		return nil
	}
	return l
}

func (v *verifier) sound(ctx context.Context) (uidl.Ledger, error) {
	l, err := openLedger(ctx, v.cfg)
	if err != nil {
		return nil, err
	}
	if err := l.Check(ctx); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (v *verifier) salvage(ctx context.Context) error {
	out, err := salvageLedger(ctx, v.cfg)
	if err != nil {
		return err
	}
	v.repaired("moved aside to " + out.Aside)
	v.repaired(fmt.Sprintf("carried over: %s, %s, %s", words.Number(out.Accounts, "account"), words.Number(out.Messages, "message"), words.Number(out.Deliveries, "open delivery")))
	if len(out.Unread) > 0 || out.Refused > 0 {
		v.repaired(fmt.Sprintf("not carried over: what could not be read of %s; rows that made no sense: %d",
			strings.Join(out.Unread, ", "), out.Refused))
	}
	v.repaired("the next run of each account looks in the Maildir for what the ledger lacks, holds back what is not there, and deletes nothing on the server")
	return nil
}

// leftovers are files beside the ledger that an interrupted process left.
func (v *verifier) leftovers() {
	aside, _ := filepath.Glob(ledgerFile(v.cfg) + ".damaged-*Z")
	for _, path := range aside {
		v.ok(path + " was moved aside by a repair; remove it when you miss nothing")
	}
	left, _ := filepath.Glob(ledgerFile(v.cfg) + ".creating*")
	for _, path := range left {
		info, err := os.Lstat(path)
		if err != nil || time.Since(info.ModTime()) < time.Hour {
			continue
		}
		if !v.repair {
			v.found(verdict.Temporary, path+" is left from a ledger that was never finished", "popsync verify --repair removes it")
		} else if err := v.remove(path); err != nil {
			v.found(verdict.Config, err.Error(), "remove it by hand")
		} else {
			v.repaired("removed " + path)
		}
	}
}

// remove removes a file of the state directory.
func (v *verifier) remove(path string) error {
	dir, err := safepath.Dir(v.cfg.StateDir)
	if err != nil {
		return err
	}
	defer dir.Close()
	return safepath.RemoveAt(dir, filepath.Base(path))
}

// of looks at one account, whose lease it holds meanwhile.
func (v *verifier) of(ctx context.Context, ledger uidl.Ledger, cfg config.Account) error {
	acc, err := ledger.Acquire(ctx, cfg.Name)
	if err != nil {
		return err
	}
	defer acc.Close()
	pending, err := acc.Pending(ctx)
	if err != nil {
		return err
	}
	known, err := acc.Destinations(ctx)
	if err != nil {
		return err
	}
	before := v.findings
	if err := v.rows(ctx, acc, known, pending); err != nil {
		return err
	}
	now := v.sight(ctx, v.cfg, cfg)
	names, open := openElsewhere(staying(known, now, false), pending)
	for _, d := range names {
		if optional(known, d) {
			v.note(fmt.Sprintf("%s for %s, which was not required and is not configured any more: the next run drops what the required destinations have",
				words.Number(open[d], "open delivery"), d))
			continue
		}
		v.found(verdict.Config, fmt.Sprintf("%s for %s, which is not configured any more", words.Number(open[d], "open delivery"), d),
			"configure it again, or say: popsync check --adopt "+cfg.Name+"; then the next run gives the copies to the destinations that lack those messages")
	}
	of := knownOf(known, now)
	for i, d := range cfg.Deliver {
		remembered := uidl.Destination{Name: d.Name}
		if of[i] >= 0 {
			remembered = known[of[i]]
		} else if now[i].err == nil {
			remembered.Identity = missedAt(known, of, now[i], nil)
		}
		if err := v.destination(ctx, d, remembered, pending); err != nil {
			judged := verdict.Of(err)
			v.found(judged.Class, d.Name+": "+judged.Message, judged.Hint)
		}
	}
	if k, ok := acc.Interrupted(); ok {
		v.ok(fmt.Sprintf("the last run ended while it read message %s; the next one counts that as a failed attempt", uidtext.Arg(k.UID)))
	}
	if health.InVerifyMode(acc.Info().Facts) {
		v.ok("the ledger was repaired: the next run looks in the Maildir for what it lacks, holds back what is not there, and deletes nothing on the server")
	}
	if v.held > 0 {
		v.note(status.HeldText(cfg.Name, v.held))
	}
	if v.unsure > 0 {
		v.note(status.UnsureText(cfg.Name, v.unsure))
	}
	if v.findings == before {
		v.ok(fmt.Sprintf("nothing to complain of; %s", words.Number(len(pending), "open delivery")))
	}
	return nil
}

// destination compares one with what the ledger says of it.
func (v *verifier) destination(ctx context.Context, d config.Deliver, known uidl.Destination, pending []uidl.Delivery) error {
	target, err := v.unaskedOf(v.cfg, v.account, d)
	if err != nil {
		return err
	}
	defer target.Close()
	return typeOf(d).verify(ctx, v, target, d, known, pending)
}
