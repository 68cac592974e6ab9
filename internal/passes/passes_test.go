package passes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/uidl/uidltest"
)

type board struct {
	mu  sync.Mutex
	saw []string
}

func (b *board) Began(account string) { b.note("+" + account) }
func (b *board) Ended(account string) { b.note("-" + account) }

func (b *board) note(s string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.saw = append(b.saw, s)
}

// An account that cannot be run, and one whose pass panics, are their own affair: the others run, each has a report, in the order
// of the accounts, and the log has a line for each that never began.
func TestApart(t *testing.T) {
	core, lines := observer.New(zap.InfoLevel)
	b := &board{}
	var ran []string
	account := func(name string, err error, panics bool) Account {
		return Account{Name: name, Host: name, Wire: func() (fetcher.Account, fetcher.Options, error) {
			ran = append(ran, name)
			if panics {
				panic("nonsense")
			}
			return fetcher.Account{}, fetcher.Options{}, err
		}}
	}
	reports := Run(t.Context(), Options{Ledger: uidltest.NewMemory().Open(), Log: zap.New(core), Parallel: 1, PerHost: 1, Show: b}, []Account{
		account("a", nil, true), account("b", nextstep.With(errors.New("no Maildir"), "make one"), false), account("c", errors.New("no password"), false),
	})
	if !slices.Equal(ran, []string{"a", "b", "c"}) || !slices.Equal(b.saw, []string{"+a", "-a", "+b", "-b", "+c", "-c"}) {
		t.Errorf("ran %v, shown %v", ran, b.saw)
	}
	for i, want := range []fetcher.Report{
		{Account: "a", Verdict: verdict.Verdict{Class: verdict.Internal}},
		{Account: "b", Verdict: verdict.Verdict{Class: verdict.Config, Message: "no Maildir", Hint: "make one"}},
		{Account: "c", Verdict: verdict.Verdict{Class: verdict.Config, Message: "no password"}},
	} {
		got := reports[i]
		if got.Account != want.Account || got.Verdict.Class != want.Verdict.Class || got.Verdict.Hint != want.Verdict.Hint || !strings.Contains(got.Verdict.Message, want.Verdict.Message) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	if n := lines.FilterMessage("pass failed").Len(); n != 3 {
		t.Errorf("%d lines in the log", n)
	}
}

// A run that was stopped before it began says so, and blames nobody.
func TestStoppedBefore(t *testing.T) {
	core, lines := observer.New(zap.InfoLevel)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	reports := Run(ctx, Options{Ledger: uidltest.NewMemory().Open(), Log: zap.New(core), Parallel: 1}, []Account{{
		Name: "a", Wire: func() (fetcher.Account, fetcher.Options, error) { panic("it was stopped") },
	}})
	if !reports[0].Stopped || lines.FilterMessage("pass not started").Len() != 1 {
		t.Errorf("%+v, log: %v", reports, lines.All())
	}
}

// Whoever wants to know of new mail is told after a pass that settled something, and a failure of his is only logged.
func TestTellNewMail(t *testing.T) {
	core, lines := observer.New(zap.InfoLevel)
	log, ended := zap.New(core), 0
	tell := func(context.Context, fetcher.Report) error { ended++; return errors.New("no index") }
	TellNewMail(t.Context(), log, nil, fetcher.Report{Settled: 1})
	TellNewMail(t.Context(), log, tell, fetcher.Report{Kept: 5})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	TellNewMail(gone, log, tell, fetcher.Report{Settled: 1})
	if ended != 0 || lines.Len() != 0 {
		t.Errorf("told %d times, log: %v", ended, lines.All())
	}
	TellNewMail(t.Context(), log, tell, fetcher.Report{Account: "a", Settled: 1})
	if all := lines.FilterMessage("new_mail_command failed").All(); ended != 1 || len(all) != 1 || all[0].ContextMap()["error"] != "no index" {
		t.Errorf("told %d times, log: %v", ended, lines.All())
	}
}

// The end of popsync is no fault of the program.
func TestTellNewMailIsEnded(t *testing.T) {
	core, lines := observer.New(zap.InfoLevel)
	ctx, cancel := context.WithCancel(t.Context())
	TellNewMail(ctx, zap.New(core), func(ctx context.Context, _ fetcher.Report) error {
		cancel()
		return fmt.Errorf("/bin/tell: %w", context.Cause(ctx))
	}, fetcher.Report{Account: "a", Settled: 1})
	if all := lines.All(); len(all) != 1 || all[0].ContextMap()["error"] != "it was ended before it was done, for popsync stops" {
		t.Errorf("log: %v", all)
	}
}

// What the daemon gave no report of is no success: whether it said why, or not.
func TestUnreported(t *testing.T) {
	if v := unreported(errors.New("connection reset")); v.Class != verdict.Temporary || v.Message != "connection reset" {
		t.Errorf("%+v", v)
	}
	if v := unreported(nil); v.Class != verdict.Internal || v.Hint == "" {
		t.Errorf("%+v", v)
	}
}
