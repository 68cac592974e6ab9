// Package verify looks for damage: it reads the whole ledger, compares its rows with each other and with the Maildirs, and prints
// one line for each finding with the next step. With Repair it mends what is safe to mend, and deletes no mail.
//
// 'popsync verify' calls it, and opens the ledger and the destinations for it. No server is asked.
package verify

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/places"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// Options are what is looked at beside the accounts, and how.
type Options struct {
	Out    io.Writer
	Width  int  // of lines; 0: they are not broken
	Repair bool // what is safe to repair

	StateDir string // its folder
	File     string // of the ledger, in StateDir
	// Open opens the ledger, Named gives it the names of the next run and tells which accounts cannot be run, and why. Salvage
	// puts a new one in the place of a damaged one. The ledger that Open gave is closed by Run.
	Open    func(context.Context) (uidl.Ledger, error)
	Named   func(context.Context, uidl.Ledger) (_ uidl.Ledger, blocked map[string]error, err error)
	Salvage func(context.Context) (Salvaged, error)
	// Class is what it means that the ledger cannot be used.
	Class func(error) verdict.Class
}

// Salvaged is what became of a damaged ledger.
type Salvaged struct {
	Aside                                   string   // where it is now
	Accounts, Messages, Deliveries, Refused int      // rows that were carried over, and those that made no sense
	Unread                                  []string // tables that could not be read, or not whole
}

// Account is one to look at.
type Account struct {
	Name         string
	Destinations []Destination // in the order of the configuration
}

// Destination is one of an account, as it is configured.
type Destination struct {
	Name string
	Path string // of a Maildir; "": it is none
	// Look finds out what is there; Open gives one whose Check looks only at what is on this machine, and that Run closes.
	Look func(context.Context) places.Place
	Open func() (Target, error)
}

// Target is a destination that can be looked at without changing anything.
type Target interface {
	deliver.Target
	deliver.Checker
}

// verifier prints findings, counts them and remembers the gravest.
type verifier struct {
	Options
	account  string
	worst    verdict.Class
	findings int
	pending  int // open deliveries of all accounts
	held     int // listed messages of the account that are held back
	unsure   int // and that nobody saw safe
}

// Run looks at the ledger and the accounts, and tells how many findings there are and the gravest class of them.
func Run(ctx context.Context, o Options, accounts []Account) (findings int, worst verdict.Class) {
	v := &verifier{Options: o, account: "ledger", worst: verdict.OK}
	v.look(ctx, accounts)
	return v.findings, v.worst
}

// line prints one text behind what its first line begins with.
func (v *verifier) line(head, text string) {
	if text = words.Clip(text); v.Width > 0 {
		text = screen.Wrap(text, "      ", max(v.Width-len(head), 20))
	}
	fmt.Fprintln(v.Out, head+text)
}

func (v *verifier) ok(what string) { v.line("ok    ", v.account+": "+what) }

// note tells what is no failure.
func (v *verifier) note(what string) {
	v.line("note  ", v.account+": "+what)
}

func (v *verifier) bad(class verdict.Class, what string, hint string) {
	v.line("FAIL  ", v.account+": "+what)
	if hint != "" {
		v.line("      ", "next step: "+fetcher.HintFor(v.account, hint))
	}
	if verdict.Worse(class, v.worst) {
		v.worst = class
	}
}

func (v *verifier) found(class verdict.Class, what, hint string) {
	v.findings++
	v.bad(class, what, hint)
}

func (v *verifier) repaired(what string) {
	v.line("DONE  ", v.account+": "+what)
}

func (v *verifier) look(ctx context.Context, accounts []Account) {
	if found, _ := filepath.Glob(v.File + "*"); len(found) == 0 {
		v.ok("there is none yet in " + v.StateDir)
		return
	}
	file := v.ledger(ctx)
	if file == nil {
		return
	}
	defer file.Close()
	v.leftovers()
	ledger, blocked, err := v.Named(ctx, file)
	var sums []uidl.Summary
	if err == nil {
		sums, err = ledger.Summaries(ctx)
	}
	if err != nil {
		text, hint := exit.Apart(err)
		v.found(v.Class(err), text, hint)
		return
	}
	for _, s := range sums {
		v.pending += s.Pending
	}
	for _, acc := range accounts {
		v.account = acc.Name
		if err := blocked[acc.Name]; err != nil {
			text, hint := exit.Apart(err)
			v.found(verdict.Config, text, hint)
			continue
		}
		if err := v.of(ctx, ledger, acc); err != nil {
			judged := verdict.Of(err)
			v.found(judged.Class, judged.Message, judged.Hint)
		}
	}
}
