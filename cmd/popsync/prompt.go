package main

import (
	"context"

	"github.com/popsync/popsync/config"
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
		return a.Password(ctx, c.Username, c.Host, c.Name, a.live.Hold, a.lines.Hold)
	}
}
