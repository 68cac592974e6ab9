// Package names follows accounts that were renamed in the configuration: under a new name all mail of a mailbox would look new.
// It compares the names of a configuration with those of the ledger, has the ledger follow, and shows a ledger with the names
// that the next run gives.
//
// Two configurations may work on one ledger. What belongs to the other one stays as it is, and an account whose name the other
// one has for another mailbox cannot be run. It reads no configuration: cmd/popsync tells it of both.
package names

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/uidl"
)

// Configured is a configuration, as far as names matter. What another configuration says is looked up once.
type Configured struct {
	owner     string
	mailboxes map[string]string // by account
	accounts  func(file string) []string
	others    map[string][]string // accounts by file; nil: nobody can say
}

// New takes what identifies a configuration and its mailboxes: see fetcher.Account.Owner and Mailbox. accounts gives the names
// that another configuration has for accounts of the same ledger, none if it has given them up, nil when nobody can say.
func New(owner string, mailboxes map[string]string, accounts func(file string) []string) *Configured {
	return &Configured{owner, mailboxes, accounts, map[string][]string{}}
}

// Has tells whether the configuration has an account of that name.
func (c *Configured) Has(account string) bool { return c.mailboxes[account] != "" }

// Other is the configuration that an account of the ledger belongs to, if that is another one than ours and there still
// is; else "". One that does not have the account any more has given it up.
func (c *Configured) Other(i uidl.Info) string {
	file := health.OwnerOf(i.Facts)
	if file == "" || file == c.owner {
		return ""
	}
	names, looked := c.others[file]
	if !looked {
		names = c.accounts(file)
		c.others[file] = names
	}
	if names != nil && !slices.Contains(names, i.Name) {
		return ""
	}
	return file
}

// Moves compares the names of the configuration with those of the ledger, and changes nothing. blocked are accounts whose
// name belongs to another configuration.
func (c *Configured) Moves(ctx context.Context, ledger uidl.Ledger) (moves []uidl.Renaming, blocked map[string]error, err error) {
	infos, err := ledger.Accounts(ctx)
	if err != nil {
		return nil, nil, err
	}
	blocked = map[string]error{}
	taken := map[string]bool{}
	var known []remembered
	for _, i := range infos {
		r := remembered{name: i.Name, mailbox: health.MailboxOf(i.Facts), listings: i.Listings}
		if file := c.Other(i); file != "" {
			r.other = true
			if m, named := c.mailboxes[i.Name]; named && r.mailbox != m {
				blocked[i.Name] = othersError(file)
			}
		}
		known = append(known, r)
		taken[i.Name] = true
	}
	var named []wanted
	for name, mailbox := range c.mailboxes {
		named = append(named, wanted{name, mailbox})
		taken[name] = true
	}
	return renamings(known, named, asideName(taken)), blocked, nil
}

// Follow makes the ledger follow accounts that were renamed, all at once, and tells of them. blocked are accounts that cannot be run
// for the reason given: those whose names are in question, if the ledger could not follow or barrier is not nil; and those whose
// name belongs to another configuration.
func (c *Configured) Follow(ctx context.Context, ledger uidl.Ledger, barrier error) (moved []uidl.Renaming, blocked map[string]error, err error) {
	moves, blocked, err := c.Moves(ctx, ledger)
	if err != nil || len(moves) == 0 {
		return nil, blocked, err
	}
	err = barrier
	if err == nil {
		err = ledger.Rename(ctx, moves)
	}
	if err == nil {
		return moves, blocked, nil
	}
	for _, m := range moves {
		blocked[m.To] = notRenamed(fmt.Sprintf("this is the mailbox that was called %s", m.From), err)
	}
	for _, m := range moves {
		if blocked[m.From] == nil {
			blocked[m.From] = notRenamed("the ledger has another mailbox under this name", err)
		}
	}
	return nil, blocked, nil
}

// Tomorrow is a ledger with the names that the next run gives accounts.
func (c *Configured) Tomorrow(ctx context.Context, l uidl.Ledger) (*Ledger, error) {
	moves, blocked, err := c.Moves(ctx, l)
	if err != nil {
		return nil, err
	}
	k := &Ledger{Ledger: l, was: map[string]string{}, Blocked: blocked}
	for _, m := range moves {
		if _, ok := k.was[m.From]; !ok {
			k.was[m.From] = "" // until the next run it is another's
		}
		k.was[m.To] = m.From
	}
	return k, nil
}

// notRenamed is why an account cannot be run that the ledger has under another name.
func notRenamed(what string, err error) error {
	if errors.Is(err, uidl.ErrBusy) {
		return nextstep.With(fmt.Errorf("%s: %w", what, uidl.ErrBusy), "wait for it; the next pass tries again")
	}
	text, step, _ := strings.Cut(strings.TrimSpace(err.Error()), " Next step: ") // the ledger's errors have it in their text
	return nextstep.With(fmt.Errorf("%s: %s", what, text), cmp.Or(step, nextstep.Of(err), "the next pass tries again"))
}

// othersError is why an account cannot be run: its name is that of another mailbox in another configuration.
func othersError(file string) error {
	return nextstep.With(fmt.Errorf("the ledger has another mailbox under this name, which belongs to the configuration %s", file),
		"give this account another name, or this configuration its own state_dir, or remove the other file")
}
