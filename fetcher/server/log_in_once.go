package server

import (
	"context"
	"errors"

	"github.com/popsync/popsync/pop3"
)

// LogInOnce opens a mailbox for a person who waits, to see whether the login works, and does nothing else there.
func LogInOnce(ctx context.Context, o pop3.Options, login pop3.Login) error {
	client, err := DialLooking(ctx, o)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Login(ctx, login); err != nil {
		return err
	}
	if err := client.Quit(ctx); errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
