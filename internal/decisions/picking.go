package decisions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/uidtext"
	"github.com/popsync/popsync/uidl"
)

// What messages that a command takes are.
const (
	thatFailed  = "is parked or put off"
	thatGivenUp = "was given up"
)

// picking is uidtext.Choose for a command that wants every argument to name something; what tells what they are to be.
func picking(account, what string, args []string) func([]uidl.Stuck) ([]uidl.Stuck, error) {
	return func(all []uidl.Stuck) ([]uidl.Stuck, error) {
		picked, unknown := uidtext.Choose(all, args)
		if len(unknown) == 0 {
			return picked, nil
		}
		for i := range unknown {
			unknown[i] = uidtext.Arg(unknown[i])
		}
		return nil, exit.With(exit.Usage, nextstep.With(fmt.Errorf("%s: no such message %s: %s; nothing was changed", account, what, strings.Join(unknown, ", ")),
			"popsync parked "+account+" lists them"))
	}
}

// orGivenUp is pick, but where an argument names a message that was given up, that is what it says.
func orGivenUp(ctx context.Context, ledger uidl.Ledger, account string, args []string, pick func([]uidl.Stuck) ([]uidl.Stuck, error)) func([]uidl.Stuck) ([]uidl.Stuck, error) {
	return func(all []uidl.Stuck) ([]uidl.Stuck, error) {
		_, unknown := uidtext.Choose(all, args)
		if len(unknown) == 0 {
			return pick(all)
		}
		given, err := ledger.Stuck(ctx, account)
		if err != nil {
			return nil, err
		}
		given = slices.DeleteFunc(given, func(s uidl.Stuck) bool { return !s.Have.GivenUp() })
		for _, arg := range unknown {
			if len(uidtext.Named(given, arg)) > 0 {
				return nil, exit.With(exit.Usage, nextstep.With(fmt.Errorf("%s: message %s was given up already; nothing was changed", account, uidtext.Arg(arg)),
					"popsync parked "+account+" lists what can be taken back"))
			}
		}
		return pick(all)
	}
}

// judgedIn is judged for what a command did to one account, whose own errors have their exit codes.
func judgedIn(account string, err error) error {
	var own *exit.Error
	switch {
	case errors.As(err, &own):
		return err
	case errors.Is(err, context.Canceled):
		return exit.Errorf(exit.Temp, "%s: stopped; nothing was changed", account)
	}
	return unlessBusy(account, err)
}
