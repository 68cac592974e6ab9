package console

import (
	"context"
	"errors"
	"fmt"

	"github.com/popsync/popsync/internal/terminal"
	"github.com/popsync/popsync/internal/words"
)

// Password asks the person at the terminal for the password of an account; hold keeps back what else is written there, until it is
// released.
func (c *Console) Password(ctx context.Context, username, host, account string, hold ...func() (release func())) (string, error) {
	if !terminal.Is(c.In) {
		return "", errors.New("no password is configured, and there is no terminal to ask on: set password_file or password_command")
	}
	for _, h := range hold {
		defer h()()
	}
	question := fmt.Sprintf("Password for %s at %s (account %s): ", words.Clip(username), words.Clip(host), account)
	return terminal.Ask(ctx, c.In, c.Err, question, c.Undo.Add)
}
