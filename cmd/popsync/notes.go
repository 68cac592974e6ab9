package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
)

// remark is what a person should know of a configuration although nothing is wrong with any of its accounts.
type remark struct {
	accounts []string
	text     string
	next     string // what to do about it; "": the text says it
	wrong    bool   // mail comes twice, or does not come where it should
}

// concerns tells whether it is about one of these accounts.
func (r remark) concerns(accounts []config.Account) bool {
	return slices.ContainsFunc(accounts, func(c config.Account) bool { return slices.Contains(r.accounts, c.Name) })
}

// remarks compares all accounts of a configuration with each other. It looks at their Maildirs and changes nothing.
func (a *app) remarks(ctx context.Context, cfg *config.Config) []remark {
	return append(sharedMailboxes(cfg), oddMaildirs(a.maildirs(ctx, cfg))...)
}

// few names some of many.
func few(names []string) string {
	const most = 5
	if len(names) <= most+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// placed is a Maildir of the configuration.
type placed struct {
	accounts []string
	path     string // as configured, absolute
	identity string
	info     os.FileInfo
}

// maildirs are the Maildirs that there are, each path once.
func (a *app) maildirs(ctx context.Context, cfg *config.Config) (all []placed) {
	at := map[string]int{}
	for _, c := range cfg.Accounts {
		for _, d := range c.Deliver {
			path := folderOf(d)
			if path == "" || ctx.Err() != nil {
				continue
			}
			if i, met := at[path]; met {
				if !slices.Contains(all[i].accounts, c.Name) {
					all[i].accounts = append(all[i].accounts, c.Name)
				}
				continue
			}
			s := a.sightOf(ctx, cfg, c.Name, d)
			if s.info == nil {
				continue
			}
			at[path] = len(all)
			all = append(all, placed{[]string{c.Name}, path, s.identity, s.info})
		}
	}
	return all
}

// oddMaildirs finds Maildirs that have two paths, and copies of one. Within an account a pass refuses them.
func oddMaildirs(dirs []placed) (all []remark) {
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
			text := fmt.Sprintf("%s and %s are one Maildir under two paths: name it by one of them (%s)", a.path, b.path, few(accounts))
			if !same {
				text = fmt.Sprintf("%s and %s have the same popsync.id: one is a copy of the other, and popsync cannot tell them apart: remove popsync.id from the copy (%s)",
					a.path, b.path, few(accounts))
			}
			all = append(all, remark{accounts: accounts, text: text})
			break
		}
	}
	return all
}

// telling begins to tell remarks; the end of it is waited for, but not long.
func (a *app) telling(ctx context.Context, cfg *config.Config, accounts []config.Account, log *zap.Logger) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.tellRemarks(ctx, cfg, accounts, log)
	}()
	return func() {
		select {
		case <-done:
		case <-ctx.Done():
		case <-time.After(remarkTime):
		}
	}
}

// remarkTime is how long a run that is over waits for its remarks: a Maildir may be on a disk that does not answer.
const remarkTime = 5 * time.Second

// tellRemarks writes those that are about accounts into the log, once at a start.
func (a *app) tellRemarks(ctx context.Context, cfg *config.Config, accounts []config.Account, log *zap.Logger) {
	for _, r := range a.remarks(ctx, cfg) {
		if !r.concerns(accounts) {
			continue
		}
		fields := []zap.Field{zap.String("note", r.text)}
		if r.next != "" {
			fields = append(fields, zap.String("next_step", r.next))
		}
		log.Warn("configuration is odd", fields...)
	}
}
