package decisions

import (
	"context"
	"fmt"

	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// Backfill decides about what came before a destination: it is fetched for it, or it goes without. later is what policy may do
// afterwards with messages that nothing keeps any more.
func (desk *Desk) Backfill(ctx context.Context, name, destination string, rest uidl.Rest, later string) error {
	first := fmt.Sprintf("%s: the ledger knows nothing of it yet: its first run fetches for %s all that the server lists\n", name, destination)
	if !desk.HasLedger {
		fmt.Fprint(desk.Out, first)
		return nil
	}
	ledger, err := desk.Ledger(ctx)
	if err != nil {
		return err
	}
	defer ledger.Close()
	t, err := factsOf(ctx, ledger, name)
	switch {
	case err != nil:
		return err
	case !t.known:
		fmt.Fprint(desk.Out, first)
		return nil
	}
	d, ok := t.destination(destination)
	if !ok {
		return exit.With(exit.Config, nextstep.With(fmt.Errorf("%s: the ledger does not know destination %s yet", name, destination),
			fmt.Sprintf("first say: popsync run %s; then this again", name)))
	}
	n := t.before[d.Ordinal]
	if n == 0 {
		fmt.Fprintf(desk.Out, "%s: %s lacks nothing of what the server listed last\n", name, destination)
		return nil
	}
	if err := operator.Backfill(ctx, ledger, name, destination, rest); err != nil {
		return exit.Judged(err)
	}
	if rest == uidl.Fetch {
		fmt.Fprintf(desk.Out, "%s: the next run fetches for %s what it lacks of earlier mail and the server still lists: %s\n", name, destination, words.Number(n, "message"))
	} else {
		fmt.Fprintf(desk.Out, "%s: %s goes without %s of earlier mail\n", name, destination, words.Number(n, "message"))
	}
	fmt.Fprintf(desk.Out, "%s: nothing is deleted by this%s\n", name, later)
	return nil
}
