package decisions

import (
	"context"
	"errors"
	"fmt"

	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/words"
)

// Retry makes what is parked or put off due now: all of an account, or the named messages.
func (desk *Desk) Retry(ctx context.Context, name string, uids []string) error {
	n, pickOf := 0, picking(name, thatFailed, uids)
	if desk.HasLedger {
		ledger, err := desk.Ledger(ctx)
		if err != nil {
			return err
		}
		picked, err := operator.Retry(ctx, ledger, name, orGivenUp(ctx, ledger, name, uids, pickOf))
		ledger.Close() // the daemon may want it
		if err != nil {
			return judgedIn(name, err)
		}
		n = len(picked)
	} else if _, err := pickOf(nil); err != nil {
		return err
	}
	if n == 0 {
		fmt.Fprintf(desk.Out, "%s: nothing is parked or put off\n", name)
		return nil
	}
	due := fmt.Sprintf("%s: %s %s due now", name, words.Number(n, "message"), words.Plural(n, "is", "are"))
	c, _, err := desk.Daemon(ctx)
	if errors.Is(err, control.ErrNoDaemon) {
		fmt.Fprintf(desk.Out, "%s; to try them say: popsync run %s\n", due, name)
		return nil
	}
	unknown := []string{}
	if err == nil {
		unknown, err = c.Wake(ctx, []string{name})
	}
	switch {
	case err != nil:
		return exit.With(exit.Temp, nextstep.With(fmt.Errorf("%s, but the daemon could not be told: %w", due, err), "popsync wake "+name))
	case len(unknown) > 0:
		fmt.Fprintf(desk.Out, "%s; the daemon does not know the account yet: its first run tries them\n", due)
	default:
		fmt.Fprintf(desk.Out, "%s; the daemon begins now\n", due)
	}
	return nil
}
