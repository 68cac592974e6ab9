package verdict_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// Only a ledger that another process holds comes back by itself; one that is wrong inside is no fault of the configuration.
func TestOfLedger(t *testing.T) {
	for err, want := range map[error]verdict.Class{
		uidl.ErrLocked: verdict.Temporary, uidl.ErrCorrupt: verdict.Internal, uidl.ErrForeign: verdict.Internal, uidl.ErrNewer: verdict.Internal,
		fs.ErrPermission: verdict.Config, errors.New("x"): verdict.Config,
	} {
		if got := verdict.OfLedger(fmt.Errorf("open: %w", err)); got != want {
			t.Errorf("%v: %s", err, got)
		}
	}
}
