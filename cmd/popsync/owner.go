package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/uidl"
)

// Two configurations may share a state directory. Then an account of one and an account of the other may have one name, and
// each run would take the other's memory for its own.

// ownerOf identifies a configuration: see fetcher.Account.Owner.
func ownerOf(cfg *config.Config) string { return deliver.Resolve(cfg.File) }

// owners tells which accounts of the ledger belong to another configuration. What other files say is looked up once.
type owners struct {
	own   string
	state string              // our state directory
	names map[string][]string // accounts by file; nil: it cannot be read
}

func newOwners(cfg *config.Config) *owners {
	return &owners{own: ownerOf(cfg), state: cfg.StateDir, names: map[string][]string{}}
}

// other is the configuration that an account of the ledger belongs to, if that is another one than ours and there still
// is. One that does not have the account any more has given it up.
func (o *owners) other(i uidl.Info) string {
	file := fetcher.OwnerOf(i.Facts)
	if file == "" || file == o.own {
		return ""
	}
	names, looked := o.names[file]
	if !looked {
		names = o.namesIn(file)
		o.names[file] = names
	}
	if names != nil && !slices.Contains(names, i.Name) {
		return ""
	}
	return file
}

// noStateDir is the state directory of a configuration that names none, when it is only looked at.
const noStateDir = "/dev/null/popsync"

// namesIn are the accounts of another configuration that works on our ledger: none when the file is gone, is our own by
// another path, or names another state directory; nil when nobody can say.
func (o *owners) namesIn(file string) []string {
	theirs, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !theirs.Mode().IsRegular() { // such as a terminal
		return []string{}
	}
	if ours, oerr := os.Stat(o.own); err == nil && oerr == nil && os.SameFile(theirs, ours) {
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
	case cfg.StateDir != noStateDir && cfg.StateDir != o.state:
		return []string{}
	}
	return append([]string{}, accountNames(cfg.Accounts)...)
}

// othersError is why an account cannot be run: its name is that of another mailbox in another configuration.
func othersError(file string) error {
	return nextstep.With(fmt.Errorf("the ledger has another mailbox under this name, which belongs to the configuration %s", file),
		"give this account another name, or this configuration its own state_dir, or remove the other file")
}
