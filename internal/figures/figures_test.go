package figures

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// summaries is a ledger of which nothing but its summaries is read.
type summaries struct {
	uidl.Ledger
	all []uidl.Summary
	err error
}

func (s *summaries) Summaries(context.Context) ([]uidl.Summary, error) { return s.all, s.err }

// The file counts what the ledger remembers, and the passes of this run. What asked nothing of a server is no pass.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "popsync.prom")
	ledger := &summaries{all: []uidl.Summary{{Info: uidl.Info{Name: "a"}, Parked: 2, Wanted: 7}}}
	f := NewFile(t.Context(), path, "1", []string{"a", "b"}, ledger, zap.NewNop())
	f.Write(t.Context(), []fetcher.Report{
		{Account: "a", New: 4, Started: time.Unix(1_700_000_100, 0), Verdict: verdict.Verdict{Class: verdict.OK}},
		{Account: "b", New: 9, Untried: true, Verdict: verdict.Verdict{Class: verdict.OK}},
	})
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`popsync_messages_total{account="a"} 4`, `popsync_messages_total{account="b"} 0`,
		`popsync_parked{account="a"} 2`, `popsync_backlog{account="a"} 7`,
	} {
		if !strings.Contains(string(text), want+"\n") {
			t.Errorf("there is no line %s in\n%s", want, text)
		}
	}
}

// Nobody wants a file, or the ledger cannot be read: the passes are not the worse for it, and the log tells the second.
func TestNoFile(t *testing.T) {
	core, lines := observer.New(zap.WarnLevel)
	broken := &summaries{err: errors.New("disk I/O error")}
	for _, path := range []string{"", filepath.Join(t.TempDir(), "popsync.prom")} {
		NewFile(t.Context(), path, "1", []string{"a"}, broken, zap.New(core)).Write(t.Context(), []fetcher.Report{{Account: "a"}})
	}
	if n := lines.FilterMessage("metrics not written").Len(); n != 1 {
		t.Errorf("%d lines in the log", n)
	}
}
