package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/terminal"
	"github.com/popsync/popsync/internal/words"
)

// prompt asks the person at the terminal. Accounts that ask at the same time wait for each other, and lines of the log wait
// for the answer.
func (a *app) prompt(c config.Account) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		a.asking.Lock()
		defer a.asking.Unlock()
		if err := ctx.Err(); err != nil { // while another account asked
			return "", err
		}
		if !terminal.Is(a.In) {
			return "", errors.New("no password is configured, and there is no terminal to ask on: set password_file or password_command")
		}
		defer a.live.Hold()()
		defer a.lines.Hold()()
		question := fmt.Sprintf("Password for %s at %s (account %s): ", words.Clip(c.Username), words.Clip(c.Host), c.Name)
		return terminal.Ask(ctx, a.In, a.Err, question, a.Undo.Add)
	}
}
