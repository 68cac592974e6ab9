// Package remarks compares all accounts of a configuration with each other, and says what a person should know of them although
// nothing is wrong with any: accounts that are one mailbox, Maildirs that have two paths or are copies. It looks at Maildirs and
// changes nothing.
//
// 'popsync check' shows remarks; a run and the daemon write them into the log.
package remarks

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/places"
	"github.com/popsync/popsync/internal/words"
)

// Account is one of the configuration.
type Account struct {
	Name     string
	Host     string
	Port     int
	Username string
	Deletes  bool // mail on its server, sooner or later
	Places   []Place
}

// Place is a destination of an account.
type Place struct {
	Text     string // names it for people
	Same     string // equal for destinations that bring mail to one place
	Fallback bool
	Folder   string // the Maildir that it is on this machine; "": none
	// Look finds out what is there.
	Look func(context.Context) places.Place
}

// Remark is one thing to know.
type Remark struct {
	Accounts []string // that it is about
	Text     string
	Next     string // what to do about it; "": the text says it
	Wrong    bool   // mail comes twice, or does not come where it should
}

// Of are the remarks on a configuration; those that ctx left no time for are missing.
func Of(ctx context.Context, accounts []Account) []Remark {
	return append(sharedMailboxes(accounts), oddMaildirs(maildirs(ctx, accounts))...)
}

// Concerns tells whether it is about one of these accounts.
func (r Remark) Concerns(accounts []string) bool {
	return slices.ContainsFunc(accounts, func(name string) bool { return slices.Contains(r.Accounts, name) })
}

// placed is a Maildir of the configuration.
type placed struct {
	accounts []string
	path     string // as configured, absolute
	identity string
	info     os.FileInfo
}

// maildirs are the Maildirs that there are, each path once.
func maildirs(ctx context.Context, accounts []Account) (all []placed) {
	at := map[string]int{}
	for _, c := range accounts {
		for _, d := range c.Places {
			if d.Folder == "" || ctx.Err() != nil {
				continue
			}
			if i, met := at[d.Folder]; met {
				if !slices.Contains(all[i].accounts, c.Name) {
					all[i].accounts = append(all[i].accounts, c.Name)
				}
				continue
			}
			p := d.Look(ctx)
			if p.Info == nil {
				continue
			}
			at[d.Folder] = len(all)
			all = append(all, placed{[]string{c.Name}, d.Folder, p.Identity, p.Info})
		}
	}
	return all
}

// oddMaildirs finds Maildirs that have two paths, and copies of one. Within an account a pass refuses them.
func oddMaildirs(dirs []placed) (all []Remark) {
	for i, b := range dirs {
		for _, a := range dirs[:i] {
			same := os.SameFile(a.info, b.info)
			if !same && !deliver.SamePlace(a.identity, b.identity) {
				continue
			}
			accounts := slices.Clone(a.accounts)
			for _, name := range b.accounts {
				if !slices.Contains(accounts, name) {
					accounts = append(accounts, name)
				}
			}
			text := fmt.Sprintf("%s and %s are one Maildir under two paths: name it by one of them (%s)", a.path, b.path, words.Few(accounts))
			if !same {
				text = fmt.Sprintf("%s and %s have the same popsync.id: one is a copy of the other, and popsync cannot tell them apart: remove popsync.id from the copy (%s)",
					a.path, b.path, words.Few(accounts))
			}
			all = append(all, Remark{Accounts: accounts, Text: text})
			break
		}
	}
	return all
}
