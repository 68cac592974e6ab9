package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/guard"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/safepath"
)

// storeOf is how a login gets stored: by the daemon, or here, where the state is our own. It is found out before the person logs in.
func (a *app) storeOf(ctx context.Context, cfg *config.Config, h holder, command string) (func(context.Context, oauth.Token) error, error) {
	c, _, err := a.findDaemon(ctx, cfg)
	switch {
	case err == nil:
		return func(ctx context.Context, t oauth.Token) error {
			g := h.control()
			g.Token = t.Encode()
			return c.Grant(ctx, g)
		}, nil
	case !errors.Is(err, control.ErrNoDaemon):
		return nil, exit.With(exit.Temp, err)
	}
	if err := a.ownState(cfg, command); err != nil {
		return nil, err
	}
	if err := guard.MakeState(cfg.StateDir); err != nil {
		return nil, exit.With(exit.Config, err)
	}
	source, _, err := a.tokenOf(cfg, h, "")
	if err != nil {
		return nil, a.oauthFailed(h, err)
	}
	return source.Put, nil
}

// control is a holder as the control socket has it.
func (h holder) control() control.Grant {
	g := control.Grant{Account: h.account, Name: h.grant}
	if len(h.name) > len(h.account) {
		g.Destination = h.name[len(h.account)+1:]
	}
	return g
}

// ownState refuses to touch the tokens of another user, who could not use what is made here, or is not to be spied on. The next step
// is the whole line to type.
func (a *app) ownState(cfg *config.Config, command string) error {
	at, uid := guard.OwnerOfPlace(cfg.StateDir)
	if int(uid) == os.Geteuid() || at != cfg.StateDir && uid == 0 {
		return nil
	}
	name := "#" + strconv.Itoa(int(uid)) // as sudo takes it
	if u, err := user.LookupId(name[1:]); err == nil {
		name = u.Username
	}
	line := "sudo -u " + safepath.Quote(name) + " popsync "
	if a.configFile != "" {
		line += "--config " + safepath.Quote(a.configFile) + " "
	}
	return exit.With(exit.Config, nextstep.With(fmt.Errorf("no daemon is running that could store it, and %s belongs to %s", at, name), line+command))
}

// logins are those by OAuth of a configuration, for the daemon: service.Logins.
type logins struct {
	a   *app
	cfg *config.Config
}

// Grant stores one.
func (l logins) Grant(ctx context.Context, g control.Grant) error {
	h, err := l.holder(g)
	if err != nil {
		return err
	}
	token, err := oauth.Decode(g.Token)
	if err != nil {
		return err
	}
	source, _, err := l.a.tokenOf(l.cfg, h, "")
	if err == nil {
		err = source.Put(context.WithoutCancel(ctx), token)
	}
	if err != nil {
		return told(err)
	}
	return nil
}

// Logout removes one.
func (l logins) Logout(ctx context.Context, g control.Grant) (revoked bool, err error) {
	h, err := l.holder(g)
	if err != nil {
		return false, err
	}
	source, _, err := l.a.tokenOf(l.cfg, h, "")
	if err != nil {
		return false, told(err)
	}
	removed, revoked, err := source.Logout(context.WithoutCancel(ctx))
	if !removed {
		return false, told(err)
	}
	return revoked, nil
}

func (l logins) holder(g control.Grant) (holder, error) {
	for _, h := range holdersOf(l.cfg) {
		if own := h.control(); own.Account == g.Account && own.Destination == g.Destination && own.Name == g.Name {
			return h, nil
		}
	}
	return holder{}, &control.UnknownError{Accounts: []string{g.Account}}
}

// told is an error for who asks over the control socket, where only its text goes.
func told(err error) error {
	if e := oauthError(err); e != nil && e.Next() != "" {
		return fmt.Errorf("%w (%s)", err, e.Next())
	}
	return err
}
