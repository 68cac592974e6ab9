package spool_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/spool"
)

// Two machines with one ledger: what waits on one is unknown on the other and is never sent there, and what is left behind is not
// sent either when the account comes back. So it is with folders of version 1, which have one name on both.
func TestAnotherHost(t *testing.T) {
	ctx := context.Background()
	for _, remembered := range []string{"", "spool2 work/relay relay"} {
		mail := delivertest.NewMemorySender("relay")
		here, there := filepath.Join(t.TempDir(), "spool"), filepath.Join(t.TempDir(), "spool")
		on := func(root string) (*spool.Target, func(text string) deliver.Ticket) {
			s := spool.New(spool.Options{Root: root, Where: "relay", Account: "work", Destination: "relay", Sender: mail.Reopen()})
			t.Cleanup(func() { s.Close() })
			known, err := s.Identify(ctx, remembered)
			must(t, err)
			if remembered != "" && !deliver.SamePlace(known, remembered) {
				t.Errorf("%q became %q", remembered, known)
			}
			remembered = known
			return s, func(text string) deliver.Ticket {
				st, err := s.Create(ctx, deliver.Message{Account: "work", UID: "1"})
				must(t, err)
				defer st.Abort()
				_, err = io.WriteString(st, text)
				must(t, err)
				ticket, err := st.Ticket()
				must(t, err)
				must(t, s.Prepare(ctx, []deliver.Ticket{ticket}))
				return ticket
			}
		}
		unknown := func(s *spool.Target, ticket deliver.Ticket) {
			t.Helper()
			if err := s.Publish(ctx, []deliver.Ticket{ticket})[0]; !errors.Is(err, deliver.ErrUnknown) {
				t.Errorf("a copy on another machine: %v, want ErrUnknown", err)
			}
		}
		_, stage := on(here)
		first := stage("first")
		s, stage := on(there)
		unknown(s, first)
		second := stage("second")
		must(t, s.Publish(ctx, []deliver.Ticket{second})[0])
		third := stage("third")
		s, _ = on(here)
		unknown(s, third)
		must(t, s.Sweep([]deliver.Ticket{third}))
		unknown(s, first)
		if sent := mail.Sent(); len(sent) != 1 || sent[0].Text != "second" {
			t.Errorf("sent: %+v", sent)
		}
	}
}
