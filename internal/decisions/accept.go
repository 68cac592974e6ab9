package decisions

import (
	"context"
	"fmt"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/words"
)

// Accept lets mail through that was held back.
func (desk *Desk) Accept(ctx context.Context, name string) error {
	var flood *health.Flood
	held := 0
	if desk.HasLedger { // nothing is held back without one
		ledger, err := desk.Ledger(ctx)
		if err != nil {
			return err
		}
		defer ledger.Close()
		if flood, held, err = operator.Accept(ctx, ledger, name, time.Now()); err != nil {
			return exit.Judged(err)
		}
	}
	if flood == nil && held == 0 {
		fmt.Fprintf(desk.Out, "%s: nothing is held back\n", name)
		return nil
	}
	if flood != nil {
		fmt.Fprintf(desk.Out, "%s: %s held back since %s; the next run lets %s through\n", name, words.Number(flood.New, "new message"),
			time.Unix(flood.Since, 0).Format(time.DateTime), words.Plural(flood.New, "it", "them"))
	}
	if held > 0 {
		fmt.Fprintf(desk.Out, "%s: %s let through; the next run fetches %s\n", name, words.Number(held, "message"),
			words.Plural(held, "it if it is still listed", "those that are still listed"))
	}
	return nil
}
