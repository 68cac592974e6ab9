package decisions

import (
	"context"
	"fmt"

	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/places"
	"github.com/popsync/popsync/internal/words"
)

// Adopt has the next run accept an account's destinations as it finds them, and give away what is open for those that are
// configured no more. It tells what that will be, and does nothing where nothing would be. look looks at the account's destinations.
func (desk *Desk) Adopt(ctx context.Context, name string, look func(context.Context) []places.Place) error {
	if !desk.HasLedger {
		desk.nothingToAdopt(name, "the ledger knows nothing of it yet")
		return nil
	}
	ledger, err := desk.Ledger(ctx)
	if err != nil {
		return err
	}
	defer ledger.Close()
	lines, known, err := places.Adopted(ctx, ledger, name, look(ctx))
	switch {
	case err != nil:
		return exit.Judged(err)
	case !known:
		desk.nothingToAdopt(name, "the ledger knows nothing of it yet")
		return nil
	case len(lines) == 0:
		desk.nothingToAdopt(name, "every destination is the one that popsync knows, and nothing is open for another")
		return nil
	}
	if err := operator.Adopt(ctx, ledger, name); err != nil {
		return exit.Judged(err)
	}
	fmt.Fprintf(desk.Out, "%s: in the next run:\n", name)
	for _, line := range lines {
		fmt.Fprintf(desk.Out, "  %s\n", words.Clip(line))
	}
	fmt.Fprintf(desk.Out, "%s: nothing counts as delivered by this, and nothing is deleted on the server for it\n", name)
	return nil
}

func (desk *Desk) nothingToAdopt(name, why string) {
	fmt.Fprintf(desk.Out, "%s: nothing to adopt: %s\n", name, why)
}
