package uidl_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

func TestConformance(t *testing.T) {
	uidltest.Run(t, uidltest.Store{Open: openLedger, Usurp: func(t *testing.T, dir, account string) {
		if err := os.Remove(filepath.Join(dir, "lease", account+".lock")); err != nil {
			t.Fatal(err)
		}
	}})
}

func openLedger(t *testing.T, dir string) uidl.Ledger {
	t.Helper()
	l, err := uidl.Open(t.Context(), uidl.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return l
}
