package decisions

import (
	"context"
	"fmt"

	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/words"
)

// Vouch takes as safe what nobody saw safe. later is what policy may do afterwards with messages that nothing keeps any more.
func (desk *Desk) Vouch(ctx context.Context, name, later string) error {
	nothing := func(why string) error {
		fmt.Fprintf(desk.Out, "%s: nothing to vouch for: %s\n", name, why)
		return nil
	}
	if !desk.HasLedger {
		return nothing("the ledger knows nothing of it yet")
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
		return nothing("the ledger knows nothing of it yet")
	case t.unsure == 0 && t.upgraded == 0:
		return nothing("no message that the server listed last is kept for that reason")
	}
	if err := operator.Vouch(ctx, ledger, name); err != nil {
		return exit.Judged(err)
	}
	if t.unsure > 0 {
		fmt.Fprintf(desk.Out, "%s: %s that nobody saw safe: taken as safe from now on\n", name, words.Number(t.unsure, "message"))
	}
	if t.upgraded > 0 {
		fmt.Fprintf(desk.Out, "%s: %s delivered before the upgrade: taken as safe at the destinations that are configured now\n", name, words.Number(t.upgraded, "message"))
	}
	fmt.Fprintf(desk.Out, "%s: nothing is deleted by this%s\n", name, later)
	return nil
}
