package guard

import (
	"errors"
	"fmt"
	"os"

	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/safepath"
)

// MakeState makes the state directory and what it lies in. A file that has its name is left to the ledger to tell of.
func MakeState(path string) error {
	d, err := safepath.MakeDirs(path, durable.SyncDir)
	fault, foreign := errors.AsType[*safepath.Error](err)
	switch {
	case err == nil:
		return d.Close()
	case foreign:
		return nextstep.With(fmt.Errorf("state_dir: %w", err), fault.Mend)
	}
	if info, e := os.Stat(path); e == nil && !info.IsDir() {
		return nil
	}
	return nextstep.With(fmt.Errorf("state_dir: %w", err), "set state_dir to a place of your own")
}
