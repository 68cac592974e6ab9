package parked

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// stuck is a ledger that can read one account and not the other.
type stuck struct{ uidl.Ledger }

func (stuck) Stuck(_ context.Context, account string) ([]uidl.Stuck, error) {
	if account == "bad" {
		return nil, errors.New("disk I/O error")
	}
	return []uidl.Stuck{{Message: uidl.Message{Row: uidl.Row{Key: uidl.Key{UID: "1"}, State: uidl.Parked}}}}, nil
}

// What cannot be read is told, and the other accounts are shown.
func TestAll(t *testing.T) {
	var told bytes.Buffer
	open := func(string, deliver.Ticket) (io.ReadCloser, error) { return nil, errors.New("no copy") }
	all, worst := All(t.Context(), stuck{}, []Source{{Name: "bad"}, {Name: "good"}}, open, false, &told)
	if len(all) != 1 || all[0].Name != "good" || len(all[0].Messages) != 1 || worst != verdict.Config || !bytes.Contains(told.Bytes(), []byte("popsync: bad: disk I/O error")) {
		t.Errorf("%+v, %v, told %s", all, worst, told.String())
	}
}
