package probe

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/names"
	"github.com/popsync/popsync/uidl"
	"github.com/popsync/popsync/uidl/uidltest"
)

// found is what a look says, by level.
func found(t *testing.T, look func(*checkup.Sheet)) map[checkup.Level][]string {
	t.Helper()
	sheets := checkup.Begin(t.Context(), checkup.Look{General: look})
	<-sheets[0].Ended()
	all := map[checkup.Level][]string{}
	for _, f := range sheets[0].Copy().Object().Findings {
		all[f.Level] = append(all[f.Level], f.Text)
	}
	return all
}

// What is odd about a password is said; the password is not, nor how long it is.
func TestOverheard(t *testing.T) {
	for password, want := range map[string]int{"secret": 0, " secret": 1, " secret ": 2, "$SECRET": 1} {
		got := found(t, func(s *checkup.Sheet) { Overheard(s, "", "the password", password) })
		if len(got[checkup.Note]) != want || fmt.Sprint(got) != fmt.Sprint(found(t, func(s *checkup.Sheet) { Overheard(s, "", "the password", password+password[len(password)-1:]) })) {
			t.Errorf("%q: %v", password, got)
		}
	}
}

// To look at a ledger makes none, and one that cannot be read is told of and leaves whoever looks blind.
func TestLedger(t *testing.T) {
	dir := t.TempDir()
	l := Ledger{
		StateDir: filepath.Join(dir, "state"), File: filepath.Join(dir, "state", "ledger.db"), Class: func(error) verdict.Class { return verdict.Internal },
		Open: func(context.Context) (uidl.Ledger, error) { return uidltest.NewMemory().Open(), nil },
		Named: func(ctx context.Context, l uidl.Ledger) (*names.Ledger, error) {
			return names.New("file", nil, func(string) []string { return nil }).Tomorrow(ctx, l)
		},
	}
	look := func() (known *Known, blind bool, text map[checkup.Level][]string) {
		text = found(t, func(s *checkup.Sheet) { known, blind = l.Look(t.Context(), s) })
		return known, blind, text
	}
	if known, blind, text := look(); known != nil || blind || len(text[checkup.OK]) != 1 {
		t.Errorf("%v, %v, %v", known, blind, text)
	}
	l.StateDir = dir
	if known, blind, text := look(); known != nil || blind || len(text[checkup.OK]) != 1 {
		t.Errorf("%v, %v, %v", known, blind, text)
	}
	l.Exists = true
	if known, blind, text := look(); known == nil || blind || len(text[checkup.OK]) != 1 || known.Of("a") != nil || known.Blocked("a") != nil {
		t.Errorf("%v, %v, %v", known, blind, text)
	}
	l.Open = func(context.Context) (uidl.Ledger, error) { return nil, uidl.ErrCorrupt }
	if known, blind, text := look(); known != nil || !blind || len(text[checkup.Fail]) != 1 {
		t.Errorf("%v, %v, %v", known, blind, text)
	}
}

// A program that is not run for alarms is not spoken of as one, whatever is wrong with it.
func TestNewMailCommand(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for program, next := range map[string]string{
		plain:                      "chmod +x that file, or name another program",
		filepath.Join(dir, "none"): "install it, or correct the path: until then it is not run",
		dir:                        "name the program itself, by its whole path",
	} {
		sheets := checkup.Begin(t.Context(), checkup.Look{General: func(s *checkup.Sheet) { NewMailCommand(s, []string{program}) }})
		<-sheets[0].Ended()
		all := sheets[0].Copy().Object().Findings
		if len(all) != 1 || all[0].Level != checkup.Fail || all[0].Next != next {
			t.Errorf("%s: %+v, want %s", program, all, next)
		}
	}
}
