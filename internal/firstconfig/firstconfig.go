// Package firstconfig does the work of 'popsync init': it writes a configuration for a person to complete, with a word on each key that
// is needed, and says what to do next. It writes over nothing, asks nothing, and knows of no account. cmd/popsync calls it.
package firstconfig

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/safepath"
)

// Text is the configuration that Write writes. It has no account yet.
//
//go:embed config.toml
var Text string

// Write writes the file, readable by its user alone, and makes the folders above it that are missing. search is where popsync looks
// for its configuration by itself, the first that exists winning. Errors have their exit code.
func Write(c *console.Console, file string, search []string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return exit.With(exit.Config, err)
	}
	folder, name := filepath.Split(file)
	dir, err := safepath.MakeDirs(filepath.Clean(folder), durable.SyncDir)
	if err != nil {
		return exit.With(exit.Config, safepath.WithNextStep(err))
	}
	defer dir.Close()
	if _, err = safepath.StatAt(dir, name); err == nil {
		err = fs.ErrExist
	} else {
		err = durable.CreateFile(dir, name, []byte(Text), 0o600)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("%s exists already, and stays as it is", file),
			"go on with it: popsync check; or write another one: popsync init --config FILE"))
	case errors.Is(err, fs.ErrPermission):
		return exit.With(exit.Config, err)
	case err != nil:
		return exit.With(exit.Temp, err)
	}
	c.Tell("wrote %s, which only you can read", file)
	found := slices.Index(search, file)
	named := ""
	if found < 0 {
		named = " --config " + safepath.Quote(file)
	}
	for _, other := range search[found+1:] {
		if _, err := os.Stat(other); found >= 0 && err == nil {
			c.Tell("From now on it is read when you say popsync, and %s is not.", other)
		}
	}
	c.Tell("Next step: write your account into it, then say: popsync%s check", named)
	c.Tell("Or have it found and written: popsync%s setup ADDRESS", named)
	return nil
}
