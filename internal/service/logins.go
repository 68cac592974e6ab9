package service

import (
	"context"

	"go.uber.org/zap"

	"github.com/popsync/popsync/internal/control"
)

// Grant stores a login by OAuth, and has the account fetched.
func (d commands) Grant(ctx context.Context, g control.Grant) error {
	if err := d.config().Logins.Grant(ctx, g); err != nil {
		return err
	}
	d.log.Info("login by OAuth stored", loginFields(g)...)
	d.loop.Wake(g.Account)
	return nil
}

// Logout removes one.
func (d commands) Logout(ctx context.Context, g control.Grant) (revoked bool, err error) {
	revoked, err = d.config().Logins.Logout(ctx, g)
	if err != nil {
		return false, err
	}
	d.log.Info("login by OAuth removed", loginFields(g)...)
	return revoked, nil
}

func loginFields(g control.Grant) []zap.Field {
	fields := []zap.Field{zap.String("account", g.Account)}
	if g.Destination != "" {
		fields = append(fields, zap.String("destination", g.Destination))
	}
	return fields
}
