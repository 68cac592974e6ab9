package logins

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/oauth/tokens"
)

// Grant stores a login for the daemon. *control.UnknownError: there is no such login.
func (all Holders) Grant(ctx context.Context, g control.Grant) error {
	h, err := all.of(g)
	if err != nil {
		return err
	}
	token, err := oauth.Decode(g.Token)
	if err != nil {
		return err
	}
	source, _, err := h.Source("")
	if err == nil {
		err = put(context.WithoutCancel(ctx), source, token, g.Refused)
	}
	if err != nil {
		return told(err)
	}
	return nil
}

// put stores a login, which the mail server may have refused.
func put(ctx context.Context, s *tokens.Source, t oauth.Token, refused bool) error {
	if err := s.Put(ctx, t); err != nil || !refused {
		return err
	}
	return s.Spurn(ctx, t)
}

// Logout removes a login for the daemon; revoked tells that the provider was told. *control.UnknownError: there is no such login.
func (all Holders) Logout(ctx context.Context, g control.Grant) (revoked bool, err error) {
	h, err := all.of(g)
	if err != nil {
		return false, err
	}
	source, _, err := h.Source("")
	if err != nil {
		return false, told(err)
	}
	removed, revoked, err := source.Logout(context.WithoutCancel(ctx))
	if !removed {
		return false, told(err)
	}
	return revoked, nil
}

// control is a holder as the control socket has it.
func (h Holder) control() control.Grant {
	return control.Grant{Account: h.Account, Destination: h.Destination, Name: h.Grant}
}

func (all Holders) of(g control.Grant) (Holder, error) {
	i := slices.IndexFunc(all, func(h Holder) bool {
		return h.Account == g.Account && h.Destination == g.Destination && h.Grant == g.Name
	})
	if i < 0 {
		return Holder{}, &control.UnknownError{Accounts: []string{g.Account}}
	}
	return all[i], nil
}

// told is an error for who asks over the control socket, where only its text goes.
func told(err error) error {
	if e, ok := errors.AsType[*oauth.Error](err); ok && e.Next() != "" {
		return fmt.Errorf("%w (%s)", err, e.Next())
	}
	return err
}
