package parked

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/uidl"
)

// Source is where there is to read about an account.
type Source struct {
	Name    string
	Summary uidl.Summary
	Fetcher func() (fetcher.Account, error) // the account as the fetcher takes it
}

// All reads what waits in accounts, and with headers what no copy says of it. open opens a copy that waits. Of those that cannot be
// read w is told, and the others are given. worst is the worst of what went wrong.
func All(ctx context.Context, ledger uidl.Ledger, accounts []Source, open func(string, deliver.Ticket) (io.ReadCloser, error), headers bool, w io.Writer) (all []Account, worst verdict.Class) {
	worst = verdict.OK
	for _, acc := range accounts {
		rows, err := ledger.Stuck(ctx, acc.Name)
		if err != nil { // the others are shown
			text, hint := exit.Apart(exit.Judged(err))
			fmt.Fprintf(w, "popsync: %s: %s\n", acc.Name, text)
			if hint != "" {
				fmt.Fprintf(w, "Next step: %s\n", hint)
			}
			worst = verdict.Config
			continue
		}
		p := In(acc.Name, rows, acc.Summary, func(identity, ticket string) (io.ReadCloser, error) {
			return open(identity, deliver.Ticket(ticket))
		}, time.Now())
		if headers {
			if c := p.Fetch(ctx, health.Standing(acc.Summary), acc.Fetcher); verdict.Worse(c, worst) {
				worst = c
			}
		}
		all = append(all, p)
	}
	return all, worst
}
