package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/uidl"
)

func (a *app) checkCommand() *cobra.Command {
	var adopt string
	c := &cobra.Command{
		Use:   "check [ACCOUNT...]",
		Short: "Test configuration, servers and destinations; changes nothing",
		Long: `Read the configuration, look at the files it names, then for each account: look up and connect to the server, log in,
count the messages, and test that each destination can be written to. Nothing is fetched, delivered, deleted or created.
Of accounts that were fetched before it also says what was learned of their servers.

With --adopt ACCOUNT instead: accept that account's destinations as the next run finds them, after a restore or a move,
and let the copies that wait for destinations which are configured no more go to those that lack them. It says what the
next run will do. Nothing counts as delivered by that.`,
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			if adopt != "" {
				return a.adopt(cmd.Context(), adopt)
			}
			return a.check(cmd.Context(), args)
		},
	}
	c.Flags().StringVar(&adopt, "adopt", "", "accept the destinations of `ACCOUNT` as the next run finds them (this writes to the ledger)")
	return c
}

// checker prints one line per test and remembers the gravest outcome.
type checker struct {
	*app
	account string
	worst   fetcher.Class
	blind   bool // what the ledger remembers could not be read
}

func (c *checker) ok(what string) { fmt.Fprintf(c.out, "ok    %s: %s\n", c.account, printable(what)) }

// note tells what is no failure.
func (c *checker) note(what string) { fmt.Fprintf(c.out, "note  %s: %s\n", c.account, printable(what)) }

func (c *checker) bad(class fetcher.Class, what string, hint string) {
	fmt.Fprintf(c.out, "FAIL  %s: %s\n", c.account, printable(what))
	if hint != "" {
		fmt.Fprintf(c.out, "      next step: %s\n", printable(hint))
	}
	if fetcher.Worse(class, c.worst) {
		c.worst = class
	}
}

func (a *app) check(ctx context.Context, names []string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, names)
	if err != nil {
		return err
	}
	c := &checker{app: a, account: "configuration", worst: fetcher.OK}
	c.ok(fmt.Sprintf("%s, %s", cfg.File, count(len(cfg.Accounts), "account")))
	c.account = "ledger"
	known := c.ledger(ctx, cfg)
	c.account = "configuration"
	c.places(cfg)
	for _, r := range c.remarks(ctx, cfg) {
		if r.concerns(accounts) {
			c.note(r.text)
		}
	}
	for _, acc := range accounts {
		c.account = acc.Name
		c.owner(known, acc.Name)
		c.destinations(ctx, cfg, acc, known)
		c.server(ctx, cfg, acc)
		c.learned(known, acc)
		if _, ok := alarmMaildir(cfg, acc.Name); acc.Alarm && !ok && len(cfg.Alarm.Command) == 0 && cfg.Alarm.Webhook.Reveal() == "" {
			c.note("nobody is told when it needs a person: it has no Maildir, and [alarm] names no command and no webhook")
		}
	}
	if c.worst == fetcher.OK {
		return nil
	}
	return &exitError{exitOf(c.worst), errReported}
}

// ledger looks at the ledger without making one, and returns what it remembers.
func (c *checker) ledger(ctx context.Context, cfg *config.Config) *knowledge {
	if _, err := safepath.Check(cfg.StateDir); err != nil {
		if fault, ok := errors.AsType[*safepath.Error](err); ok {
			c.bad(fetcher.Config, "state_dir: "+err.Error(), fault.Mend)
			return nil
		}
	}
	if _, err := os.Stat(cfg.StateDir); errors.Is(err, fs.ErrNotExist) {
		if err := writable(nearest(cfg.StateDir)); err != nil {
			c.bad(fetcher.Config, fmt.Sprintf("state_dir %s can't be made: %v", cfg.StateDir, err), "set state_dir to a place of your own")
			return nil
		}
		c.ok(fmt.Sprintf("state_dir %s will be made by the first run", cfg.StateDir))
		return nil
	}
	if err := writable(cfg.StateDir); err != nil {
		c.bad(fetcher.Config, "state_dir: "+err.Error(), "let the user that runs popsync write to it, or set another state_dir")
		return nil
	}
	if !hasLedger(cfg) {
		c.ok(ledgerFile(cfg) + " will be made by the first run")
		return nil
	}
	known, err := c.readLedger(ctx, cfg)
	if err != nil {
		text, hint := apart(err)
		c.bad(ledgerClass(err), text, hint)
		c.blind = true
		return nil
	}
	c.ok(ledgerFile(cfg) + " is sound")
	return known
}

// readLedger reads the whole ledger: for damage, and for what it knows of destinations.
func (c *checker) readLedger(ctx context.Context, cfg *config.Config) (*knowledge, error) {
	l, err := openLedger(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	if err := l.Check(ctx); err != nil {
		return nil, err
	}
	named, err := knownAs(ctx, cfg, l)
	if err != nil {
		return nil, err
	}
	sums, err := named.Summaries(ctx)
	if err != nil {
		return nil, err
	}
	k := &knowledge{destinations: map[string][]uidl.Destination{}, facts: map[string][]byte{}, held: named.held}
	for _, s := range sums {
		k.destinations[s.Name], k.facts[s.Name] = s.Destinations, s.Facts
	}
	k.elsewhere, err = l.Identities(ctx)
	return k, err
}

// knowledge is what the ledger remembers of all accounts and their destinations.
type knowledge struct {
	destinations map[string][]uidl.Destination // by account
	facts        map[string][]byte             // by account
	held         map[string]error              // accounts that cannot be run
	elsewhere    []string                      // identities of all accounts' destinations
}

// of is what it remembers of an account's destinations; nothing where there is no ledger.
func (k *knowledge) of(account string) []uidl.Destination {
	if k == nil {
		return nil
	}
	return k.destinations[account]
}

// owner tells of an account that cannot be run because its name is taken.
func (c *checker) owner(k *knowledge, account string) {
	if k == nil || k.held[account] == nil {
		return
	}
	text, hint := apart(k.held[account])
	c.bad(fetcher.Config, text, hint)
}

// destinations tests that mail could be put where an account's goes.
func (c *checker) destinations(ctx context.Context, cfg *config.Config, acc config.Account, k *knowledge) {
	now := c.sight(ctx, cfg, acc)
	known := k.of(acc.Name)
	of := knownOf(known, now)
	for i, d := range acc.Deliver {
		identity := ""
		switch {
		case of[i] >= 0:
			identity = known[of[i]].Identity
		case now[i].err == nil:
			identity = missedAt(known, of, now[i], k)
		}
		c.destination(ctx, cfg, acc.Name, d, identity)
	}
}

// missedAt is the identity of a Maildir that is known at a path where another one is, or none; "": none is known there.
func missedAt(known []uidl.Destination, of []int, s sighted, k *knowledge) string {
	if s.path == "" {
		return ""
	}
	if i := knownAt(known, of, s); i >= 0 {
		return known[i].Identity
	}
	if s.identity == "" && k != nil {
		for _, id := range k.elsewhere {
			if pathIn(id) == deliver.Resolve(s.path) {
				return id
			}
		}
	}
	return ""
}

// destination tests that mail could be put there, without putting any.
func (c *checker) destination(ctx context.Context, cfg *config.Config, account string, d config.Deliver, identity string) {
	target, err := c.targetOf(cfg, account, d)
	if err == nil {
		defer target.Close()
		err = target.Check(ctx, identity)
	}
	if err != nil {
		v := fetcher.Judge(err)
		c.bad(v.Class, d.Name+": "+v.Message, v.Hint)
		return
	}
	what := "is known and can be written to"
	switch {
	case c.blind:
		what = "can be written to"
	case identity == "":
		what = "can be written to; the first run makes or accepts it"
	}
	c.ok(fmt.Sprintf("%s %s %s", d.Name, foreign.ASCII(place(d)), what))
}

// writable tells whether this process may create entries in a directory.
func writable(dir string) error {
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return &fs.PathError{Op: "write to", Path: dir, Err: err}
	}
	return nil
}

// nearest is the closest ancestor that exists.
func nearest(dir string) string {
	for {
		parent := filepath.Dir(dir)
		if _, err := os.Stat(parent); err == nil || parent == dir {
			return parent
		}
		dir = parent
	}
}
