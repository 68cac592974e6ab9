package operator

import (
	"context"
	"time"

	"github.com/popsync/popsync/fetcher/health"
	"github.com/popsync/popsync/uidl"
)

// Accept lets what the flood breaker holds back through in the account's next pass, and returns it; nil when nothing is
// held back by it. So are messages that were held back because the ledger may have forgotten them; held is how many.
func Accept(ctx context.Context, ledger uidl.Ledger, account string, now time.Time) (flood *health.Flood, held int, err error) {
	l, err := ledger.Acquire(ctx, account)
	if err != nil {
		return nil, 0, err
	}
	defer l.Close()
	info := l.Info()
	for row, err := range l.Messages(ctx) {
		if err != nil {
			return nil, 0, err
		}
		if row.State == uidl.Held {
			held++
		}
	}
	f := health.Decode(info.Facts)
	if f.Flood == nil && held == 0 {
		return nil, 0, nil
	}
	f.Accepted = now.Unix()
	st := info.Status
	st.Facts = f.Encode()
	if err := l.Commit(context.WithoutCancel(ctx), uidl.Change{At: now.Unix(), Release: held > 0, Status: &st}); err != nil {
		return nil, 0, err
	}
	return f.Flood, held, nil
}
