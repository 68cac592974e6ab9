package decisions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/operator"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/uidl"
)

// Baseline marks everything that is on the server as seen.
func (desk *Desk) Baseline(ctx context.Context, ledger uidl.Ledger, acc fetcher.Account) error {
	name := acc.Name
	m, err := fetcher.Baseline(ctx, ledger, acc, desk.Options, nil)
	if err != nil {
		return notMarked(err)
	}
	fmt.Fprintf(desk.Out, "%s: %s listed; %d marked as seen, %d known before\n", name, words.Number(m.Listed, "message"), m.Marked, m.Known)
	if m.Pending > 0 {
		fmt.Fprintf(desk.Out, "%s: %s on the way to a destination: the next run goes on\n", name, words.Number(m.Pending, "message"))
	}
	if m.Nameless > 0 {
		fmt.Fprintf(desk.Out, "%s: %s without a unique-id and a header to be known by: not marked\n", name, words.Number(m.Nameless, "message"))
	}
	return nil
}

// Mark marks those of the messages that are on the server as seen that choose chooses.
func (desk *Desk) Mark(ctx context.Context, ledger uidl.Ledger, acc fetcher.Account, choose fetcher.Chooser) (fetcher.Marked, error) {
	m, err := fetcher.Baseline(ctx, ledger, acc, desk.Options, choose)
	if err != nil {
		return m, notMarked(err)
	}
	return m, nil
}

// notMarked words why nothing was marked. No pass tries it again: a person must.
func notMarked(err error) error {
	v := verdict.Of(err)
	if v.Class != verdict.Temporary || errors.Is(err, uidl.ErrDoubt) { // in doubt it may be marked
		return exit.Judged(err)
	}
	if errors.Is(err, context.Canceled) {
		return exit.Errorf(exit.Temp, "stopped; nothing was marked")
	}
	again := "nothing was marked; say it again when the server answers"
	if errors.Is(err, uidl.ErrLocked) || errors.Is(err, uidl.ErrLeaseLost) || errors.Is(err, uidl.ErrFull) {
		again = "nothing was marked; say it again then"
	}
	hint := strings.Replace(v.Hint, "nothing was lost, and the next pass tries again", again, 1)
	return exit.With(exit.Temp, nextstep.With(fmt.Errorf("%s", v.Message), strings.Replace(hint, "the next pass tries again", again, 1)))
}

// UndoBaseline takes the last baseline back.
func (desk *Desk) UndoBaseline(ctx context.Context, name string) error {
	return desk.takeBack(ctx, name, "baseline", operator.UndoBaseline)
}

// UndoImport takes the last import of what another fetcher remembers back.
func (desk *Desk) UndoImport(ctx context.Context, name string) error {
	return desk.takeBack(ctx, name, "import", operator.UndoImport)
}

func (desk *Desk) takeBack(ctx context.Context, name, what string, undo func(context.Context, uidl.Ledger, string, time.Time) (operator.Unmarked, error)) error {
	if !desk.HasLedger {
		return exit.Errorf(exit.Usage, "%s: there is no %s to take back", name, what)
	}
	ledger, err := desk.Ledger(ctx)
	if err != nil {
		return err
	}
	defer ledger.Close()
	u, err := undo(ctx, ledger, name, time.Now())
	if no, ok := errors.AsType[*operator.NoUndoError](err); ok {
		return exit.With(exit.Usage, fmt.Errorf("%s: %w", name, no))
	} else if err != nil {
		return unlessBusy(name, err)
	}
	if u.Imported {
		what = "import"
	}
	desk.Tell("%s: the %s is taken back: %s not marked as seen any more", name, what, words.Plural(u.New+u.Held, "1 message is", fmt.Sprintf("%d messages are", u.New+u.Held)))
	if u.Held > 0 {
		desk.Tell("%[1]s: %[2]s held back, since nobody knows whether %[3]s delivered before: popsync accept %[1]s lets %[4]s through",
			name, words.Number(u.Held, "message"), words.Plural(u.Held, "it was", "they were"), words.Plural(u.Held, "it", "them"))
	}
	switch {
	case u.Doubt:
		desk.Tell("%s: the ledger is in doubt again, as before: the next run looks for them in the Maildirs, and holds the rest back", name)
	case u.Flood != nil:
		desk.Tell("%[1]s: %[2]s held back again, as before, until you say popsync accept %[1]s or popsync baseline %[1]s", name, words.Number(u.Flood.New, "new message"))
	case u.New > 0:
		desk.Tell("%s: the next run fetches what is new and still listed; to begin now say: %s", name, desk.begin(ctx, name))
	}
	return nil
}
