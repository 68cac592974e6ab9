package decisions

import (
	"context"
	"io"
	"path/filepath"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/internal/uidtext"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// GivingUp is how something is given up.
type GivingUp struct {
	Save       string // first write the copy that waits to this file; "": it is not saved
	Lost, Undo bool   // see popsync help give-up
	Fetcher    func() (fetcher.Account, error)
	Copy       func(identity string, t deliver.Ticket) (io.ReadCloser, error) // opens what waits for a destination
}

// Fits refuses what does not go together. saves: Save was named, be it by nothing.
func (g GivingUp) Fits(saves bool, uids []string) error {
	n := 0
	for _, set := range []bool{saves, g.Lost, g.Undo} {
		if set {
			n++
		}
	}
	switch {
	case n > 1:
		return exit.Errorf(exit.Usage, "--save, --lost and --undo exclude each other, for example: popsync give-up --save lost.eml work 0000a3f2-17")
	case saves && g.Save == "":
		return exit.Errorf(exit.Usage, "--save wants a file, for example: popsync give-up --save lost.eml work 0000a3f2-17")
	case saves && len(uids) > 1:
		return exit.Errorf(exit.Usage, "--save takes one message at a time, for example: popsync give-up --save lost.eml work 0000a3f2-17")
	}
	return nil
}

// GiveUp gives messages up, or takes that back.
func (desk *Desk) GiveUp(ctx context.Context, name string, uids []string, g GivingUp) error {
	if !desk.HasLedger {
		_, err := picking(name, thatFailed, uids)(nil)
		return err
	}
	wired, err := g.Fetcher()
	if err != nil {
		return exit.With(exit.Config, err)
	}
	ledger, err := desk.Ledger(ctx)
	if err != nil {
		return err
	}
	defer ledger.Close()
	if g.Undo {
		back, err := fetcher.TakeBack(ctx, ledger, wired, desk.Options, picking(name, thatGivenUp, uids))
		if err != nil {
			return notBack(name, err)
		}
		desk.tellBack(name, back)
		return nil
	}
	ask := fetcher.GivingUp{Pick: orGivenUp(ctx, ledger, name, uids, g.pick(name, uids)), Copy: g.Copy, Lost: g.Lost}
	if g.Save != "" {
		path, err := filepath.Abs(g.Save)
		if err != nil {
			return exit.With(exit.Config, err)
		}
		ask.Saved = foreign.ASCII(words.Clip(path))
		ask.Save = func(copy io.Reader) error { return saveCopy(path, copy) }
	}
	gave, err := fetcher.GiveUp(ctx, ledger, wired, desk.Options, ask)
	if err != nil {
		return notGivenUp(name, err)
	}
	desk.tellGivenUp(name, gave, ask.Saved)
	return nil
}

// pick lets one message be saved at a time, also where several share a unique-id.
func (g GivingUp) pick(account string, uids []string) func([]uidl.Stuck) ([]uidl.Stuck, error) {
	return func(all []uidl.Stuck) ([]uidl.Stuck, error) {
		picked, err := picking(account, thatFailed, uids)(all)
		if err == nil && g.Save != "" && len(picked) > 1 {
			return nil, exit.Errorf(exit.Usage, "%s: %s share this unique-id, and --save takes one: name it as %s", account, words.Number(len(picked), "message"),
				uidtext.Args(uidtext.Name(all, picked[0].Key)))
		}
		return picked, err
	}
}

// saveError is that the copy could not be written.
type saveError struct {
	path string
	err  error
}

func (e *saveError) Error() string { return e.err.Error() }
func (e *saveError) Unwrap() error { return e.err }

// saveCopy writes a copy to a new file, for the user alone, and returns once that is durable.
func saveCopy(path string, copy io.Reader) error {
	dir, err := safepath.SharedDir(filepath.Dir(path))
	if err == nil {
		defer dir.Close()
		err = durable.CreateFrom(dir.File, filepath.Base(path), 0o600, func(w io.Writer) error {
			_, err := io.Copy(w, copy)
			return err
		})
	}
	if err != nil {
		return &saveError{words.Clip(path), err}
	}
	return nil
}
