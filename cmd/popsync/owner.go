package main

import (
	"errors"
	"io/fs"
	"os"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
)

// Two configurations may share a state directory. Then an account of one and an account of the other may have one name, and
// each run would take the other's memory for its own.

// ownerOf identifies a configuration: see fetcher.Account.Owner.
func ownerOf(cfg *config.Config) string { return deliver.Resolve(cfg.File) }

// noStateDir is the state directory of a configuration that names none, when it is only looked at.
const noStateDir = "/dev/null/popsync"

// accountsIn are the accounts of another configuration that works on our ledger: none when the file is gone, is our own by
// another path, or names another state directory; nil when nobody can say.
func accountsIn(own *config.Config, file string) []string {
	theirs, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !theirs.Mode().IsRegular() { // such as a terminal
		return []string{}
	}
	if ours, oerr := os.Stat(ownerOf(own)); err == nil && oerr == nil && os.SameFile(theirs, ours) {
		return []string{}
	}
	env := func(key string) string {
		if key == "STATE_DIRECTORY" {
			return noStateDir
		}
		return os.Getenv(key)
	}
	cfg, err := config.Load(file, env, config.Options{CheckSchedule: checkSchedule})
	switch {
	case err != nil:
		return nil
	case cfg.StateDir != noStateDir && cfg.StateDir != own.StateDir:
		return []string{}
	}
	return append([]string{}, accountNames(cfg.Accounts)...)
}
