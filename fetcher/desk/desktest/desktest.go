// Package desktest is for tests of the rooms that work on a desk: it lays one with an account's lease in a ledger in memory, and a
// session with a POP3 server in memory that is logged in and has a listing.
package desktest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher/desk"
	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/fetcher/steps"
	"github.com/popsync/popsync/pop3"
	"github.com/popsync/popsync/pop3/pop3test"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// Table is a desk, its session, and what stands behind them.
type Table struct {
	Desk   *desk.Desk
	On     *desk.Session // with an empty plan
	Lease  *Lease        // that of the desk's Settler
	Server *pop3test.Server
	Clock  time.Time // of the desk
}

// Lease is an account's part of the ledger that keeps what it is given.
type Lease struct {
	uidl.Account
	Commits []uidl.Change // that were tried
	Fail    error         // what every commit fails with, and nothing of it is applied; nil: none does
	Gone    chan struct{} // closed by a test: the lease is lost
}

// Commit notes the change, and applies it unless commits are to fail.
func (l *Lease) Commit(ctx context.Context, c uidl.Change) error {
	l.Commits = append(l.Commits, c)
	if l.Fail != nil {
		return l.Fail
	}
	return l.Account.Commit(ctx, c)
}

// Lost is closed once Gone is.
func (l *Lease) Lost() <-chan struct{} { return l.Gone }

// Marks are those of all commits.
func (l *Lease) Marks() (all []uidl.Mark) {
	for _, c := range l.Commits {
		all = append(all, c.Mark...)
	}
	return all
}

// New lays the table for the account "a" with these messages on the server, as o has it behave. Nothing is in the ledger.
func New(t testing.TB, o pop3test.Options, box ...pop3test.Message) *Table {
	t.Helper()
	must := func(err error) {
		if t.Helper(); err != nil {
			t.Fatal(err)
		}
	}
	w := &Table{Server: pop3test.NewServer(o), Clock: time.Unix(1_700_000_000, 0)}
	t.Cleanup(w.Server.Close)
	w.Server.AddUser("u", "p", box...)
	a, err := uidltest.NewMemory().Open().Acquire(t.Context(), "a")
	must(err)
	t.Cleanup(func() { _ = a.Close() })
	w.Lease = &Lease{Account: a, Gone: make(chan struct{})}
	w.Desk = desk.New(desk.Account{Name: "a"}, desk.Options{Now: func() time.Time { return w.Clock }}.WithDefaults())
	w.Desk.Settler.L = w.Lease

	c, err := pop3.Dial(t.Context(), pop3.Options{Host: "test", TLS: pop3.NoTLS, Dial: w.Server.Dial})
	must(err)
	t.Cleanup(func() { c.Close() })
	must(c.Login(t.Context(), pop3.Login{Username: "u", Password: func(context.Context) (string, error) { return "p", nil }}))
	list, err := c.List(t.Context())
	must(err)
	w.On = &desk.Session{Desk: w.Desk, C: c, Plan: &plan.Plan{}, Rows: &plan.Rows{}, Started: w.Clock, Number: w.Desk.Haul.Begin(), Listed: list.Len()}
	w.On.Steps = steps.Session{Turns: &w.Desk.Turns, Account: w.Desk.Health, C: c, Brought: w.Desk.Haul.Brought}
	w.On.Show(list)
	return w
}

// Message has a header that no other UID's has.
func Message(uid, body string) pop3test.Message {
	return pop3test.Message{UID: uid, Data: fmt.Appendf(nil, "Message-ID: <%s>\r\nSubject: %[1]s\r\n\r\n%s\r\n", uid, body)}
}

// Entry is the i-th message of the listing, from 0. UIDs are not shared.
func (w *Table) Entry(i int) plan.Entry {
	e := w.On.List.At(i)
	return plan.Entry{Num: e.Num, Size: e.Size, Key: uidl.Key{UID: e.UID}}
}
